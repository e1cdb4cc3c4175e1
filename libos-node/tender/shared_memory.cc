// The memfd behind rings, data area and clock page.
#include "tender/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ebb::tender {

Result<SharedMemory> SharedMemory::Create(uint32_t cores) {
  SharedMemory memory(UniqueFd(memfd_create("ebb-shared", MFD_CLOEXEC | MFD_ALLOW_SEALING)), cores);
  if (!memory.fd_) return ErrnoError(ErrorCode::kMemory, "memfd_create", errno);
  if (ftruncate(memory.fd(), static_cast<off_t>(memory.size())) != 0)
    return ErrnoError(ErrorCode::kMemory, "ftruncate", errno);
  if (fcntl(memory.fd(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return ErrnoError(ErrorCode::kMemory, "seals", errno);
  void* address = mmap(nullptr, memory.size(), PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd(), 0);
  if (address == MAP_FAILED) return ErrnoError(ErrorCode::kMemory, "mmap of shared pages", errno);
  memory.base_ = static_cast<std::byte*>(address);
  return memory;
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : fd_(std::move(other.fd_)), cores_(other.cores_), base_(std::exchange(other.base_, nullptr)) {}

SharedMemory::~SharedMemory() {
  if (base_ != nullptr) munmap(base_, size());
}

std::string SharedMemory::ReportText() const {
  char copy[EBB_REPORT_SIZE];
  std::memcpy(copy, core(0)->report, sizeof copy);
  return std::string(copy, strnlen(copy, sizeof copy));
}

}  // namespace ebb::tender
