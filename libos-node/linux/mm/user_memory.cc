// Access to the program's memory, checked against its mappings.
#include "kernel/user_memory.h"

#include "linux/mm/address_space.h"

namespace ebb {

Result<std::span<std::byte>> UserWritable(uint64_t address, size_t size) {
  if (size != 0 && !linux_abi::address_space().Covers(address, size, linux_abi::kProtWrite)) return Errno::kFault;
  return std::span(reinterpret_cast<std::byte*>(address), size);
}

Result<std::span<const std::byte>> UserReadable(uint64_t address, size_t size) {
  if (size != 0 && !linux_abi::address_space().Covers(address, size, linux_abi::kProtRead)) return Errno::kFault;
  return std::span(reinterpret_cast<const std::byte*>(address), size);
}

Result<std::string_view> UserString(uint64_t address, size_t limit) {
  const auto* text = reinterpret_cast<const char*>(address);
  uint64_t checked = address;  // bytes below are readable
  for (size_t size = 0; size < limit; ++size) {
    if (address + size >= checked) {
      if (!linux_abi::address_space().Covers(address + size, 1, linux_abi::kProtRead)) return Errno::kFault;
      checked = (address + size + EBB_PAGE_SIZE) & ~(EBB_PAGE_SIZE - 1);
    }
    if (text[size] == '\0') return std::string_view(text, size);
  }
  return Errno::kNameTooLong;
}

}  // namespace ebb
