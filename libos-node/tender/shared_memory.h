// SharedMemory: the pages that guest and tender both use: rings, data area and clock page, in one sealed memfd.
//
// Invariant: the tender reaches them only through its own mapping, whose addresses the guest does not control; the file
// cannot shrink, so an access never faults. The content of rings and data is hostile.
#ifndef EBB_TENDER_SHARED_MEMORY_H_
#define EBB_TENDER_SHARED_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "abi/ebb_abi.h"
#include "tender/pages/ring_tail.h"
#include "tender/result.h"
#include "tender/unique_fd.h"

namespace ebb::tender {

class SharedMemory {
 public:
  static Result<SharedMemory> Create(uint32_t cores);
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&&) = delete;
  ~SharedMemory();

  int fd() const { return fd_.get(); }
  uint64_t rings_offset() const { return 0; }
  uint64_t rings_size() const { return cores_ * EBB_RING_STRIDE; }
  uint64_t data_offset() const { return rings_size(); }
  uint64_t clock_offset() const { return data_offset() + EBB_DATA_SIZE; }
  // A clone maps its boot info from here; a VM that boots has its own.
  uint64_t boot_info_offset() const { return clock_offset() + EBB_CLOCK_SIZE; }
  uint64_t size() const { return boot_info_offset() + EBB_BOOT_INFO_SIZE; }

  ebb_core_shared* core(uint32_t index) const {
    return reinterpret_cast<ebb_core_shared*>(base_ + index * EBB_RING_STRIDE);
  }
  RingTail* tail(uint32_t index) const {
    return reinterpret_cast<RingTail*>(base_ + index * EBB_RING_STRIDE + kRingTailOffset);
  }
  std::span<std::byte> data() const { return {base_ + data_offset(), EBB_DATA_SIZE}; }
  std::span<std::byte> boot_info() const { return {base_ + boot_info_offset(), EBB_BOOT_INFO_SIZE}; }
  ebb_clock* clock() const { return reinterpret_cast<ebb_clock*>(base_ + clock_offset()); }

  // Rings, data area and clock page, without boot info.
  static uint64_t MappedByGuest(uint32_t cores) { return cores * EBB_RING_STRIDE + EBB_DATA_SIZE + EBB_CLOCK_SIZE; }

  // The guest's crash report of core 0: copied, bounded.
  std::string ReportText() const;

 private:
  SharedMemory(UniqueFd fd, uint32_t cores) : fd_(std::move(fd)), cores_(cores) {}

  UniqueFd fd_;
  uint32_t cores_;
  std::byte* base_ = nullptr;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_SHARED_MEMORY_H_
