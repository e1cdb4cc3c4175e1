// RingTail: what a guest's process tells its tender beside the ABI. Freestanding: tender and pages read it alike.
#ifndef EBB_TENDER_PAGES_RING_TAIL_H_
#define EBB_TENDER_PAGES_RING_TAIL_H_

#include <stdint.h>

#include "abi/ebb_abi.h"

namespace ebb::tender {

// The tender's own words at the end of a core's ring stride (process tender): written by the hypercall page and the
// zygote page, so hostile like the rest.
struct RingTail {
  uint64_t exited;  // kGuestExited when exit_kind and exit_code hold; see also StartStage of page_layout.h
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
inline constexpr uint32_t kGuestParked = 0x50415245;
inline constexpr uint64_t kGuestExited = 0x44455449584542ull;
inline constexpr uint64_t kRingTailOffset = EBB_RING_STRIDE - EBB_PAGE_SIZE;
static_assert(kRingTailOffset >= sizeof(ebb_core_shared));

}  // namespace ebb::tender

#endif  // EBB_TENDER_PAGES_RING_TAIL_H_
