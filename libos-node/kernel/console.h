// Console: where the program's output leaves the VM, as records of the tender's log channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/result.h"

namespace ebb {

class Console {
 public:
  virtual ~Console() = default;
  // stream: enum ebb_log_stream. Writes all of it, in order; may block the calling thread while the tender is behind
  // (back-pressure).
  virtual Result<size_t> Write(uint32_t stream, std::span<const std::byte> bytes) = 0;
};

Console& console();

}  // namespace ebb
