// Clock: CLOCK_MONOTONIC and CLOCK_REALTIME from the time stamp counter and the tender's parameters; never an exit.
#pragma once

#include <cstdint>

namespace ebb {

class Clock {
 public:
  // Nanoseconds; never goes backwards.
  uint64_t Now() const;
  // Nanoseconds since the epoch.
  uint64_t Realtime() const;
};

// Global handle, to be used as clock->Now(). (An EbbRef in the kernel.)
extern const Clock* const clock;

// Clock::Now() when the kernel started.
uint64_t boot_time_ns();

}  // namespace ebb
