// Code of the vDSO. Runs as the program: no kernel state, general registers only, position-independent. Reads the clock
// page of the tender.
#include <cstdint>

#include "abi/ebb_abi.h"

namespace {

struct TimeSpec {
  int64_t seconds;
  int64_t nanoseconds;
};
struct TimeVal {
  int64_t seconds;
  int64_t microseconds;
};

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

struct Sample {
  uint64_t monotonic;
  uint64_t realtime;
};

inline Sample Read() {
  const auto& parameters = *reinterpret_cast<const volatile ebb_clock*>(EBB_CLOCK);
  for (;;) {
    const uint32_t sequence = parameters.sequence;
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
    const uint64_t now = base + static_cast<uint64_t>(static_cast<unsigned __int128>(delta) * mult >> shift);
    return {now, now + static_cast<uint64_t>(offset)};
  }
}

inline int64_t Syscall(uint64_t number, uint64_t a, uint64_t b) {
  int64_t result;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b) : "rcx", "r11", "memory");
  return result;
}

}  // namespace

extern "C" {

int __vdso_clock_gettime(int clock_id, TimeSpec* out) {
  uint64_t now;
  switch (clock_id) {
    case 0:
    case 5:
      now = Read().realtime;
      break;
    case 1:
    case 4:
    case 6:
    case 7:
      now = Read().monotonic;
      break;
    default:
      return static_cast<int>(Syscall(228, static_cast<uint64_t>(clock_id), reinterpret_cast<uint64_t>(out)));
  }
  out->seconds = static_cast<int64_t>(now / kNanosecondsPerSecond);
  out->nanoseconds = static_cast<int64_t>(now % kNanosecondsPerSecond);
  return 0;
}

int __vdso_gettimeofday(TimeVal* out, uint64_t* zone) {
  if (out != nullptr) {
    const uint64_t now = Read().realtime;
    out->seconds = static_cast<int64_t>(now / kNanosecondsPerSecond);
    out->microseconds = static_cast<int64_t>(now % kNanosecondsPerSecond / 1000);
  }
  if (zone != nullptr) *zone = 0;
  return 0;
}

int64_t __vdso_time(int64_t* out) {
  const auto seconds = static_cast<int64_t>(Read().realtime / kNanosecondsPerSecond);
  if (out != nullptr) *out = seconds;
  return seconds;
}

int __vdso_clock_getres(int clock_id, TimeSpec* out) {
  return static_cast<int>(Syscall(229, static_cast<uint64_t>(clock_id), reinterpret_cast<uint64_t>(out)));
}

int64_t __vdso_getcpu(uint32_t* cpu, uint32_t* node, void*) {
  if (cpu != nullptr) *cpu = 0;
  if (node != nullptr) *node = 0;
  return 0;
}

}  // extern "C"
