// Reading the clock page that the tender rewrites (struct ebb_clock). Shared by the kernel and the vDSO, which runs as
// the program: no state, no calls.
#pragma once

#include <cstdint>

#include "abi/ebb_abi.h"

namespace ebb {

struct ClockSample {
  uint64_t monotonic;  // nanoseconds
  int64_t realtime_offset;
};

inline ClockSample ReadClockPage() {
  const auto& parameters = *reinterpret_cast<const volatile ebb_clock*>(EBB_CLOCK);
  for (;;) {
    const uint32_t sequence = parameters.sequence;
    asm volatile("" ::: "memory");
    const uint64_t base = parameters.base_ns;
    const uint64_t tsc_base = parameters.tsc_base;
    const uint64_t mult = parameters.mult;
    const uint32_t shift = parameters.shift;
    const int64_t offset = parameters.realtime_offset_ns;
    uint32_t low, high;
    asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
    const uint64_t tsc = static_cast<uint64_t>(high) << 32 | low;
    if ((sequence & 1) != 0 || sequence != parameters.sequence) continue;
    const uint64_t delta = tsc > tsc_base ? tsc - tsc_base : 0;
    return {base + static_cast<uint64_t>(static_cast<unsigned __int128>(delta) * mult >> shift), offset};
  }
}

}  // namespace ebb
