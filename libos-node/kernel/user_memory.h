// Checked access to the program's memory. Kernel and program share one address space; a range that the program's
// mappings do not cover (or do not allow) yields EFAULT instead of a fault in the kernel. A range stays valid until the
// thread blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernel/result.h"

namespace ebb {

// Empty ranges are always fine.
Result<std::span<std::byte>> UserWritable(uint64_t address, size_t size);
Result<std::span<const std::byte>> UserReadable(uint64_t address, size_t size);
// A NUL-terminated string of less than `limit` bytes (without the NUL). ENAMETOOLONG when longer.
Result<std::string_view> UserString(uint64_t address, size_t limit = 4096);

template <class T>
Result<T*> UserOut(uint64_t address) {
  auto range = UserWritable(address, sizeof(T));
  if (!range) return range.error();
  return reinterpret_cast<T*>(address);
}

template <class T>
Result<const T*> UserIn(uint64_t address) {
  auto range = UserReadable(address, sizeof(T));
  if (!range) return range.error();
  return reinterpret_cast<const T*>(address);
}

}  // namespace ebb
