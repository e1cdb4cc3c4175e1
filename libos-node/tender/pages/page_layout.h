// What the tender and the code that it puts into the guest's address space agree on: the start of a hypercall page, the
// parameters at its end, and (process tender) the commit map.
#ifndef EBB_TENDER_PAGES_PAGE_LAYOUT_H_
#define EBB_TENDER_PAGES_PAGE_LAYOUT_H_

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/ebb_abi.h"

namespace ebb::tender {

// At EBB_HYPERCALL_PAGE. Addresses of functions in the page; 0: not there.
struct PageHeader {
  uint64_t hypercalls[EBB_HC_COUNT];
  uint64_t start;            // process: the child's last jump; never returns
  uint64_t signal_handler;   // process: sa_sigaction
  uint64_t signal_restorer;  // process: sa_restorer
  uint64_t upcall_return;    // KVM: where upcall_entry returns to
  uint64_t probe;            // KVM: rdtsc, out
  uint64_t syscall;          // KVM: MSR_LSTAR
  uint64_t resume;           // process: a clone's last jump, with its generation and registers; never returns
};

// Ranges that the child unmaps as its last deed before the filter.
inline constexpr uint32_t kMaxUnmapRanges = 8;

// At EBB_HYPERCALL_PAGE + kPageParamsOffset, filled in by the tender before the page becomes read-only.
struct PageParams {
  uint64_t kernel_entry;
  uint64_t upcall_entry;
  uint64_t syscall_entry;
  uint64_t kernel_text_start;
  uint64_t kernel_text_end;
  uint64_t memory_limit;
  uint64_t unmap[kMaxUnmapRanges][2];  // start, size; size 0 ends the list
  sock_fprog filter;                   // points into core 0's upcall stack, where the program lies until the guest runs
  // Of a zygote, for its clones: RLIMIT_AS, and the filter that they put on top of the zygote's own.
  uint64_t clone_address_space;
  sock_fprog clone_filter;
};
inline constexpr uint64_t kPageParamsOffset = 0xe00;
static_assert(kPageParamsOffset + sizeof(PageParams) <= EBB_HYPERCALL_PAGE_SIZE);
static_assert(offsetof(PageParams, syscall_entry) == 0x10, "kvm_page.S reads it");

// Process tender: the commit map's bits lie between the data area and the file system. The guest can write them;
// RLIMIT_AS is what counts.
inline constexpr uint64_t kCommitMapBase = 0x13000000;
inline constexpr uint64_t kCommitMapEnd = EBB_FS_BASE;

// Process tender: the zygote's own code, gone from its clones before they run.
inline constexpr uint64_t kZygotePage = 0x11008000;

// Where a guest that parked goes on.
struct ResumeRegisters {
  uint64_t rip, rsp, fs_base, gs_base;
};

// What a zygote gets on its control socket, with two descriptors (shared memory, doorbell) or four (also a function
// snapshot's file and its plan), and what it answers there, with the clone's pidfd.
struct ZygoteRequest {
  uint64_t generation;
  uint64_t rings_size;
  uint64_t data_offset, clock_offset, boot_info_offset;
  uint64_t boot_info_size;
  uint64_t readable;   // wait, dumpable, until the server has opened the clone's memory (RingTail::readable)
  uint64_t turn;       // of this request, when it was sent (RingTail::turn)
  uint64_t plan_size;  // 0: the zygote's state
  uint64_t becomes;  // a zygote of that function, with the first descriptor as its control socket; nothing else counts
  ResumeRegisters registers;
};
struct ZygoteReply {
  int64_t result;  // -errno, or anything else
};

// What turns a template's memory into a function's, made by the server from two checked snapshots: PROTECT and DISCARD
// calls, then the file's pages in order, then further calls. Mapped at kPlanBase while it is followed.
inline constexpr uint64_t kPlanBase = 0x11080000;
inline constexpr uint64_t kPlanEnd = 0x110f0000;
struct PlanStep {
  uint64_t hypercall;  // EBB_HC_PROTECT or EBB_HC_DISCARD
  uint64_t address, size, prot;
};
struct PlanPart {  // as struct iovec
  uint64_t address, size;
};
struct PlanHeader {
  uint64_t pages_offset;                           // in the file
  uint64_t before_count, part_count, after_count;  // arrays behind this header, in this order

  const PlanStep* before() const { return reinterpret_cast<const PlanStep*>(this + 1); }
  const PlanPart* parts() const { return reinterpret_cast<const PlanPart*>(before() + before_count); }
  const PlanStep* after() const { return reinterpret_cast<const PlanStep*>(parts() + part_count); }
};

// Under KVM a hypercall is `out %al, $port`: the port is this plus the number.
inline constexpr uint16_t kHypercallPort = 0x20;
inline constexpr uint16_t kProbePort = 0x2f;
// Exceptions: this plus the vector, from ring 0 only.
inline constexpr uint16_t kExceptionPort = 0x40;

// Stages of the child's start that can fail inside the page, in RingTail::exit_kind. The guest can write those words
// too, and jump to the code that does: that a start failed is said with a secret of this start, which lies behind the
// filter and is gone before the guest's first instruction. It is odd, kGuestExited is even.
enum class StartStage : uint64_t { kNone, kUnmap, kSeccomp };
inline uint64_t StartSecretAddress(const PageParams& params) {
  return EBB_UPCALL_STACKS + params.filter.len * sizeof(sock_filter);
}

}  // namespace ebb::tender

#endif  // EBB_TENDER_PAGES_PAGE_LAYOUT_H_
