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
#include "tender/result.h"
#include "tender/unique_fd.h"

namespace ebb::tender {

// The tender's own words at the end of a core's ring stride (process tender): written by the hypercall page, so hostile
// like the rest.
struct RingTail {
  uint64_t exited;  // kGuestExited when exit_kind and exit_code hold; see also StartStage of pages/page_layout.h
  uint64_t exit_kind;
  uint64_t exit_code;
  uint64_t enters_waiting;  // waits of the guest, a statistic
  uint64_t faults;          // FAULT upcalls, a statistic
  // EBB_HC_PARK: kGuestParked while the guest waits for the tender, with its arguments; then the result.
  uint32_t parked;
  int32_t park_result;
  uint64_t park_rip, park_rsp, park_fs_base, park_gs_base;
  // A clone's start, before its first instruction: kMayBeRead while it waits for the server to open its memory.
  uint32_t readable;
  // Which request to a zygote a clone on this memory may begin for; kBegun when one has.
  uint32_t turn;
};
inline constexpr uint32_t kMayBeRead = 1, kWasRead = 2;
inline constexpr uint32_t kBegun = 0xffffffff;
inline constexpr uint64_t kReadableOffset = 80, kTurnOffset = 84;
inline constexpr uint32_t kGuestParked = 0x50415245;
inline constexpr uint64_t kGuestExited = 0x44455449584542ull;
inline constexpr uint64_t kRingTailOffset = EBB_RING_STRIDE - EBB_PAGE_SIZE;
static_assert(kRingTailOffset >= sizeof(ebb_core_shared));
static_assert(offsetof(RingTail, readable) == kReadableOffset && offsetof(RingTail, turn) == kTurnOffset);

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
