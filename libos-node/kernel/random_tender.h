#pragma once

#include "kernel/hypercall.h"
#include "kernel/panic.h"
#include "kernel/random.h"

namespace ebb {

// Asks the tender for every byte: nothing is kept that two clones of one image could share.
class TenderRandom final : public Random {
 public:
  void Fill(std::span<std::byte> bytes) override {
    constexpr size_t kLargest = 256;
    for (size_t done = 0; done < bytes.size();) {
      const size_t size = bytes.size() - done < kLargest ? bytes.size() - done : kLargest;
      std::byte buffer[kLargest];
      EBB_CHECK(hypercall::Random(buffer, size) >= 0);
      __builtin_memcpy(bytes.data() + done, buffer, size);
      done += size;
    }
  }
};

}  // namespace ebb
