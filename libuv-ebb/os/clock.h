// Clock: monotonic time.
#pragma once

#include <cstdint>

#include "ebb/ebb_ref.h"
#include "os/ebb_ids.h"

namespace ebb::uv {

class Clock {
 public:
  virtual uint64_t MonotonicNs() = 0;

 protected:
  ~Clock() = default;
};

inline constexpr EbbRef<Clock> monotonic_clock{kClockEbb};

}  // namespace ebb::uv
