// The hypercall page of the process tender: all code that may call the host, linked at EBB_HYPERCALL_PAGE.
//
// Three parts: the hypercalls, the signal handler that turns a Linux signal frame into an upcall, and the child's last
// steps before its first guest instruction. Freestanding; no writable data of its own; general registers only, so that
// hypercalls keep the vector registers. It is no boundary: the guest can jump anywhere in it with any registers.
// seccomp/guest.policy is the boundary.
#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/ucontext.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/time.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/ebb_abi.h"
#include "tender/pages/commit_map.h"
#include "tender/pages/host_call.h"
#include "tender/pages/page_layout.h"
#include "tender/pages/ring_tail.h"

namespace ebb::tender {
namespace {

constexpr long kAccess = -13, kFault = -14;

ebb_core_shared* Core() { return reinterpret_cast<ebb_core_shared*>(EBB_RINGS); }
RingTail volatile* Tail() { return reinterpret_cast<RingTail volatile*>(EBB_RINGS + kRingTailOffset); }
const PageParams& Params() { return *reinterpret_cast<const PageParams*>(EBB_HYPERCALL_PAGE + kPageParamsOffset); }

struct HostPages {
  long Map(uint64_t address, uint64_t size, uint64_t prot) {
    const long result =
        Call(__NR_mmap, address, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, ~0ull, 0);
    if (result < 0) return result;
    // Heaps on small pages make garbage collection 1.6 to 1.9 times slower; a host without huge pages refuses, which is
    // fine.
    Call(__NR_madvise, address, size, MADV_HUGEPAGE);
    return 0;
  }
  long Protect(uint64_t address, uint64_t size, uint64_t prot) { return Call(__NR_mprotect, address, size, prot); }
  long Release(uint64_t address, uint64_t size) { return Call(__NR_munmap, address, size); }
  long Clear(uint64_t address, uint64_t size) { return Call(__NR_madvise, address, size, MADV_DONTNEED); }
};

// The State lies in front of the bitmaps.
CommitMap::State& Commits() { return *reinterpret_cast<CommitMap::State*>(kCommitMapBase); }

const uint64_t kOne = 1;

struct Timespec {
  int64_t seconds, nanoseconds;
};

[[noreturn]] void ExitGroup(uint64_t status) {
  for (;;) Call(__NR_exit_group, status);
}

volatile uint64_t* StartSecret() { return reinterpret_cast<volatile uint64_t*>(StartSecretAddress(Params())); }

[[noreturn]] void FailStart(StartStage stage, long error) {
  Tail()->exit_kind = static_cast<uint64_t>(stage);
  Tail()->exit_code = static_cast<uint64_t>(-error);
  Tail()->exited = *StartSecret();
  ExitGroup(1);
}

}  // namespace

extern "C" {

long PageEnter(uint64_t flags, uint64_t seen_cq_tail, int64_t timeout_s, int64_t timeout_ns) {
  if ((flags & EBB_ENTER_SUBMIT) != 0) Call(__NR_write, 0, reinterpret_cast<uint64_t>(&kOne), sizeof kOne);
  if ((flags & EBB_ENTER_WAIT) == 0) return 0;
  uint32_t* tail = &Core()->cq_tail;
  if (__atomic_load_n(tail, __ATOMIC_ACQUIRE) != static_cast<uint32_t>(seen_cq_tail)) return 0;
  Tail()->enters_waiting = Tail()->enters_waiting + 1;
  Timespec timeout = {timeout_s, timeout_ns};
  Call(__NR_futex, reinterpret_cast<uint64_t>(tail), FUTEX_WAIT, seen_cq_tail,
       timeout_s < 0 ? 0 : reinterpret_cast<uint64_t>(&timeout));
  return 0;
}

long PageProtect(uint64_t address, uint64_t size, uint64_t prot) {
  HostPages host;
  if (address < EBB_EXE_END) {
    if (((address | size) & (EBB_PAGE_SIZE - 1)) != 0 || (prot & ~7ull) != 0 || address < EBB_EXE_BASE ||
        size > EBB_EXE_END - address) {
      return CommitMap::kInvalid;
    }
    // Private copies of the program's pages would be memory that no limit counts; the filter refuses it, too.
    if ((prot & EBB_PROT_WRITE) != 0) return kAccess;
    return host.Protect(address, size, prot);
  }
  return CommitMap::Protect(Commits(), host, Params().memory_limit, address, size, prot);
}

long PageDiscard(uint64_t address, uint64_t size) {
  HostPages host;
  return CommitMap::Discard(Commits(), host, address, size);
}

long PageTick(uint64_t microseconds) {
  const auto seconds = static_cast<int64_t>(microseconds / 1000000);
  const auto rest = static_cast<int64_t>(microseconds % 1000000);
  const int64_t timer[4] = {seconds, rest, seconds, rest};  // interval, first
  return Call(__NR_setitimer, 0 /* ITIMER_REAL */, reinterpret_cast<uint64_t>(timer), 0);
}

long PageRandom(uint64_t buffer, uint64_t size) {
  if (size > 256) return CommitMap::kInvalid;
  const long result = Call(__NR_getrandom, buffer, size, 0);
  return result < 0 ? result : static_cast<uint64_t>(result) == size ? 0 : kFault;
}

void PageExit(uint64_t kind, uint64_t code) {
  Tail()->exit_kind = kind;
  Tail()->exit_code = code;
  Tail()->exited = kGuestExited;
  ExitGroup(0);
}

long PagePark(uint64_t rip, uint64_t rsp, uint64_t fs_base, uint64_t gs_base) {
  if (__atomic_load_n(&Core()->park_requested, __ATOMIC_ACQUIRE) == 0) return CommitMap::kInvalid;
  RingTail volatile* words = Tail();
  words->park_rip = rip;
  words->park_rsp = rsp;
  words->park_fs_base = fs_base;
  words->park_gs_base = gs_base;
  __atomic_store_n(&words->parked, kGuestParked, __ATOMIC_RELEASE);
  Call(__NR_write, 0, reinterpret_cast<uint64_t>(&kOne), sizeof kOne);
  while (__atomic_load_n(&words->parked, __ATOMIC_ACQUIRE) == kGuestParked)
    Call(__NR_futex, reinterpret_cast<uint64_t>(&words->parked), FUTEX_WAIT, kGuestParked, 0);
  return words->park_result;
}

void PageSignal(int signal, siginfo_t* info, struct ucontext* context) {
  struct sigcontext& regs = context->uc_mcontext;
  ebb_upcall upcall;
  upcall.vector = 0;
  upcall.error_code = 0;
  upcall.address = 0;
  if (signal == SIGALRM) {
    const PageParams& params = Params();
    const bool kernel = regs.rip >= params.kernel_text_start && regs.rip < params.kernel_text_end;
    const bool page = regs.rip >= EBB_HYPERCALL_PAGE && regs.rip < EBB_HYPERCALL_PAGE + EBB_HYPERCALL_PAGE_SIZE;
    if (kernel || page) {
      __atomic_store_n(&Core()->tick_pending, 1u, __ATOMIC_RELEASE);
      return;
    }
    upcall.reason = EBB_UPCALL_TICK;
  } else if (signal == SIGSYS) {
    upcall.reason = EBB_UPCALL_SYSCALL;
    upcall.vector = static_cast<uint32_t>(info->si_syscall);
  } else {
    // Sent by a process of the host, no fault: what the registers say of one is left from an earlier time.
    if (info->si_code <= 0) PageExit(EBB_EXIT_FAULT, static_cast<uint64_t>(signal));
    Tail()->faults = Tail()->faults + 1;
    upcall.reason = EBB_UPCALL_FAULT;
    upcall.vector = static_cast<uint32_t>(regs.trapno);
    upcall.error_code = regs.err;
    if (regs.trapno == 14) upcall.address = regs.cr2;
  }
  uint64_t* gpr = upcall.gpr;
  gpr[EBB_RAX] = regs.rax, gpr[EBB_RCX] = regs.rcx, gpr[EBB_RDX] = regs.rdx, gpr[EBB_RBX] = regs.rbx;
  gpr[EBB_RSP] = regs.rsp, gpr[EBB_RBP] = regs.rbp, gpr[EBB_RSI] = regs.rsi, gpr[EBB_RDI] = regs.rdi;
  gpr[EBB_R8] = regs.r8, gpr[EBB_R9] = regs.r9, gpr[EBB_R10] = regs.r10, gpr[EBB_R11] = regs.r11;
  gpr[EBB_R12] = regs.r12, gpr[EBB_R13] = regs.r13, gpr[EBB_R14] = regs.r14, gpr[EBB_R15] = regs.r15;
  upcall.rip = regs.rip;
  upcall.rflags = regs.eflags;
  upcall.xsave = reinterpret_cast<uint64_t>(regs.fpstate);
  for (size_t i = 0; i < 4; ++i) upcall.tender_private[i] = 0;

  reinterpret_cast<void (*)(ebb_upcall*)>(Params().upcall_entry)(&upcall);

  regs.rax = gpr[EBB_RAX], regs.rcx = gpr[EBB_RCX], regs.rdx = gpr[EBB_RDX], regs.rbx = gpr[EBB_RBX];
  regs.rsp = gpr[EBB_RSP], regs.rbp = gpr[EBB_RBP], regs.rsi = gpr[EBB_RSI], regs.rdi = gpr[EBB_RDI];
  regs.r8 = gpr[EBB_R8], regs.r9 = gpr[EBB_R9], regs.r10 = gpr[EBB_R10], regs.r11 = gpr[EBB_R11];
  regs.r12 = gpr[EBB_R12], regs.r13 = gpr[EBB_R13], regs.r14 = gpr[EBB_R14], regs.r15 = gpr[EBB_R15];
  regs.rip = upcall.rip;
  regs.eflags = upcall.rflags;
}

__attribute__((naked)) void PageRestorer() {
  __asm__ volatile(
      "mov %0, %%eax\n\t"
      "syscall\n\t" ::"i"(__NR_rt_sigreturn));
}

// Runs on core 0's upcall stack. From here on nothing of the tender is mapped.
[[noreturn]] void PageStart() {
  const PageParams& params = Params();
  for (const auto& range : params.unmap) {
    if (range[1] == 0) break;
    const long result = Call(__NR_munmap, range[0], range[1]);
    if (result < 0) FailStart(StartStage::kUnmap, result);
  }
  const long result = Call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, reinterpret_cast<uint64_t>(&params.filter));
  if (result < 0) FailStart(StartStage::kSeccomp, result);
  *StartSecret() = 0;
  register uint64_t entry __asm__("r11") = params.kernel_entry;  // the one register that is not cleared below
  __asm__ volatile(
      "mov %0, %%rsp\n\t"
      "mov %1, %%rdi\n\t"
      "xor %%eax, %%eax\n\t"
      "wrfsbase %%rax\n\t"
      "wrgsbase %%rax\n\t"
      "xor %%ebx, %%ebx\n\t"
      "xor %%ecx, %%ecx\n\t"
      "xor %%edx, %%edx\n\t"
      "xor %%esi, %%esi\n\t"
      "xor %%ebp, %%ebp\n\t"
      "xor %%r8d, %%r8d\n\t"
      "xor %%r9d, %%r9d\n\t"
      "xor %%r10d, %%r10d\n\t"
      "xor %%r12d, %%r12d\n\t"
      "xor %%r13d, %%r13d\n\t"
      "xor %%r14d, %%r14d\n\t"
      "xor %%r15d, %%r15d\n\t"
      "jmp *%2\n\t" ::"i"(EBB_UPCALL_STACKS + EBB_UPCALL_STACK_SIZE),
      "i"(EBB_BOOT_INFO), "r"(entry)
      : "memory");
  __builtin_unreachable();
}

// A clone, on core 0's upcall stack: the last that is left of the zygote goes, then the guest continues where its
// template parked.
[[noreturn]] void PageResume(uint64_t generation, const ResumeRegisters* registers) {
  const PageParams& params = Params();
  long result = Call(__NR_munmap, kZygotePage, EBB_PAGE_SIZE);
  if (result < 0) FailStart(StartStage::kUnmap, result);
  result = Call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, reinterpret_cast<uint64_t>(&params.clone_filter));
  if (result < 0) FailStart(StartStage::kSeccomp, result);
  __asm__ volatile(
      "mov %[fs], %%rcx\n\t"
      "wrfsbase %%rcx\n\t"
      "mov %[gs], %%rcx\n\t"
      "wrgsbase %%rcx\n\t"
      "mov %[rip], %%r11\n\t"
      "mov %[rsp], %%rsp\n\t"
      "xor %%ebx, %%ebx\n\t"
      "xor %%ecx, %%ecx\n\t"
      "xor %%edx, %%edx\n\t"
      "xor %%esi, %%esi\n\t"
      "xor %%edi, %%edi\n\t"
      "xor %%ebp, %%ebp\n\t"
      "xor %%r8d, %%r8d\n\t"
      "xor %%r9d, %%r9d\n\t"
      "xor %%r10d, %%r10d\n\t"
      "xor %%r12d, %%r12d\n\t"
      "xor %%r13d, %%r13d\n\t"
      "xor %%r14d, %%r14d\n\t"
      "xor %%r15d, %%r15d\n\t"
      "jmp *%%r11\n\t" ::[fs] "m"(registers->fs_base),
      [gs] "m"(registers->gs_base), [rip] "m"(registers->rip), [rsp] "m"(registers->rsp), "a"(generation)
      : "rcx", "r11", "memory");
  __builtin_unreachable();
}

}  // extern "C"

// First in the page (pages.ld).
extern const PageHeader kPageHeader;
__attribute__((section(".page_header"), used)) const PageHeader kPageHeader = {
    {
        reinterpret_cast<uint64_t>(&PageEnter),
        reinterpret_cast<uint64_t>(&PageProtect),
        reinterpret_cast<uint64_t>(&PageDiscard),
        reinterpret_cast<uint64_t>(&PageTick),
        reinterpret_cast<uint64_t>(&PageRandom),
        reinterpret_cast<uint64_t>(&PageExit),
        reinterpret_cast<uint64_t>(&PagePark),
    },
    reinterpret_cast<uint64_t>(&PageStart),
    reinterpret_cast<uint64_t>(&PageSignal),
    reinterpret_cast<uint64_t>(&PageRestorer),
    0,
    0,
    0,
    reinterpret_cast<uint64_t>(&PageResume),
};

}  // namespace ebb::tender
