#include "kernel/clock.h"

#include "abi/ebb_abi.h"

namespace ebb {
namespace {

struct Sample {
  uint64_t monotonic;
  int64_t realtime_offset;
};

Sample Read() {
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
    const auto product = static_cast<unsigned __int128>(delta) * mult;
    return {base + static_cast<uint64_t>(product >> shift), offset};
  }
}

constinit const Clock the_clock;

}  // namespace

uint64_t Clock::Now() const { return Read().monotonic; }

uint64_t Clock::Realtime() const {
  const Sample sample = Read();
  return sample.monotonic + static_cast<uint64_t>(sample.realtime_offset);
}

constinit const Clock* const clock = &the_clock;

}  // namespace ebb
