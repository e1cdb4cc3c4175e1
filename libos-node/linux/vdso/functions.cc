// Code of the vDSO. Runs as the program: no kernel state, general registers only, position-independent. Reads the clock
// page of the tender.
#include <cstdint>

#include "kernel/clock_page.h"

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

inline uint64_t Monotonic() { return ebb::ReadClockPage().monotonic; }

inline uint64_t Realtime() {
  const ebb::ClockSample sample = ebb::ReadClockPage();
  return sample.monotonic + static_cast<uint64_t>(sample.realtime_offset);
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
      now = Realtime();
      break;
    case 1:
    case 4:
    case 6:
    case 7:
      now = Monotonic();
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
    const uint64_t now = Realtime();
    out->seconds = static_cast<int64_t>(now / kNanosecondsPerSecond);
    out->microseconds = static_cast<int64_t>(now % kNanosecondsPerSecond / 1000);
  }
  if (zone != nullptr) *zone = 0;
  return 0;
}

int64_t __vdso_time(int64_t* out) {
  const auto seconds = static_cast<int64_t>(Realtime() / kNanosecondsPerSecond);
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
