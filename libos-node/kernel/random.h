// Random: fresh entropy of the host. Never a generator of the guest's own: clones of one memory image must differ.
#pragma once

#include <cstddef>
#include <span>

namespace ebb {

class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(std::span<std::byte> bytes) = 0;
};

Random& random();

}  // namespace ebb
