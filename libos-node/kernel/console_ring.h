// Implementations of Console: `ring` (records to the tender) and `silent` (output is dropped; for measuring what
// logging costs).
#pragma once

#include "kernel/console.h"

namespace ebb {

class RingConsole final : public Console {
 public:
  Result<size_t> Write(uint32_t stream, std::span<const std::byte> bytes) override;
};

class SilentConsole final : public Console {
 public:
  Result<size_t> Write(uint32_t, std::span<const std::byte> bytes) override { return bytes.size(); }
};

}  // namespace ebb
