// Random: entropy of the machine.
#pragma once

#include <cstddef>

#include "ebb/ebb_ref.h"
#include "os/ebb_ids.h"

namespace ebb::uv {

class Random {
 public:
  // Fills the whole buffer: 0, or a negative errno.
  virtual int Fill(void* buffer, size_t length) = 0;

 protected:
  ~Random() = default;
};

inline constexpr EbbRef<Random> entropy{kRandomEbb};

}  // namespace ebb::uv
