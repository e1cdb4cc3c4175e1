// What the tender calls: ticks, faults and trapped syscalls of the program (abi/ebb_abi.h, "Upcalls"). Runs on the
// core's upcall stack; to do more than a moment's work the interrupted program is moved to its thread's kernel stack
// first.
#include "kernel/hypercall.h"
#include "kernel/panic.h"
#include "kernel/thread.h"
#include "linux/mm/address_space.h"
#include "linux/process/signal.h"
#include "linux/syscall.h"

extern "C" {
[[noreturn]] void ebb_continue_on(ebb::UserFrame* frame, void (*f)(ebb::UserFrame*));
void ebb_upcall_entry(ebb_upcall* upcall);
extern const char __ebb_text_start[];
extern const char __ebb_text_end[];
}

namespace ebb {
namespace {

// The upcall in progress; its frame is copied, so nothing on the upcall stack is needed any more.
struct PendingFault {
  uint32_t vector;
  uint64_t error_code;
  uint64_t address;
} pending_fault;

constexpr uint32_t kPageFault = 14;

bool InKernel(uint64_t rip) {
  return (rip >= reinterpret_cast<uint64_t>(__ebb_text_start) && rip < reinterpret_cast<uint64_t>(__ebb_text_end)) ||
         (rip >= EBB_HYPERCALL_PAGE && rip < EBB_HYPERCALL_PAGE + EBB_HYPERCALL_PAGE_SIZE);
}

[[noreturn]] void PanicOnFault(const ebb_upcall& upcall) {
  // A fault while reporting one must not recurse until the stack is full.
  static bool reporting = false;
  if (reporting) hypercall::Exit(EBB_EXIT_PANIC, upcall.vector);
  reporting = true;
  ReportWriter report;
  report.Text("fault in the LibOS: vector ")
      .Decimal(upcall.vector)
      .Text(", error ")
      .Hex(upcall.error_code)
      .Text(", address ");
  report.Hex(upcall.address).Text(", rip ").Hex(upcall.rip).Text(", rsp ").Hex(upcall.gpr[EBB_RSP]).Text(", stack");
  const uint64_t rsp = upcall.gpr[EBB_RSP] & ~7ull;
  if (rsp >= EBB_HEAP_BASE && rsp < EBB_HEAP_END) {
    // Return addresses into the kernel on the stack: enough to find the way here.
    for (uint64_t at = rsp, shown = 0; at < ((rsp | (kKernelStackSize - 1)) & ~7ull) && shown < 24; at += 8) {
      const uint64_t word = *reinterpret_cast<const uint64_t*>(at);
      if (!InKernel(word)) continue;
      report.Text(" ").Hex(word);
      ++shown;
    }
  }
  hypercall::Exit(EBB_EXIT_PANIC, upcall.vector);
}

// Copies the interrupted program's registers to the top of its thread's kernel stack.
UserFrame* Adopt(const ebb_upcall& upcall, uint64_t orig_rax) {
  Thread& thread = *scheduler().current();
  UserFrame& frame = thread.frame();
  const uint64_t* g = upcall.gpr;
  frame = {.r15 = g[EBB_R15],
           .r14 = g[EBB_R14],
           .r13 = g[EBB_R13],
           .r12 = g[EBB_R12],
           .rbp = g[EBB_RBP],
           .rbx = g[EBB_RBX],
           .r9 = g[EBB_R9],
           .r8 = g[EBB_R8],
           .r10 = g[EBB_R10],
           .rdx = g[EBB_RDX],
           .rsi = g[EBB_RSI],
           .rdi = g[EBB_RDI],
           .rax = g[EBB_RAX],
           .orig_rax = orig_rax,
           .r11 = g[EBB_R11],
           .rcx = g[EBB_RCX],
           .rip = upcall.rip,
           .cs = this_core().user_cs,
           .rflags = upcall.rflags,
           .rsp = g[EBB_RSP],
           .ss = this_core().user_ss,
           .pad = 0};
  if (upcall.xsave != 0) thread.AdoptVectors(reinterpret_cast<const void*>(upcall.xsave));
  thread.full_restore = true;
  return &frame;
}

void ContinueTick(UserFrame* frame) {
  scheduler().OnTick();
  linux_abi::FinishReturn(*frame);
}

void ContinueFault(UserFrame* frame) {
  const PendingFault fault = pending_fault;
  linux_abi::DeliverFault(*scheduler().current(), *frame, fault.vector, fault.error_code, fault.address);
  linux_abi::FinishReturn(*frame);
}

void ContinueSyscall(UserFrame* frame) {
  Count(EBB_COUNT_SYSCALLS_TRAPPED);
  linux_abi::HandleSyscall(*frame);
}

}  // namespace
}  // namespace ebb

void ebb_upcall_entry(ebb_upcall* upcall) {
  using namespace ebb;
  uint64_t core_block;
  asm volatile("rdgsbase %0" : "=r"(core_block));
  if (core_block == 0) PanicOnFault(*upcall);
  switch (upcall->reason) {
    case EBB_UPCALL_TICK:
      if (InKernel(upcall->rip)) {
        core_shared(this_core().index).tick_pending = 1;
        return;
      }
      ebb_continue_on(Adopt(*upcall, kNoSyscall), ContinueTick);
    case EBB_UPCALL_FAULT:
      if (upcall->vector == kPageFault && linux_abi::address_space().HandleFault(upcall->address, upcall->error_code))
        return;
      if (InKernel(upcall->rip)) PanicOnFault(*upcall);
      Count(EBB_COUNT_FAULTS);
      pending_fault = {upcall->vector, upcall->error_code, upcall->address};
      ebb_continue_on(Adopt(*upcall, kNoSyscall), ContinueFault);
    case EBB_UPCALL_SYSCALL:
      if (InKernel(upcall->rip)) PanicOnFault(*upcall);
      ebb_continue_on(Adopt(*upcall, upcall->gpr[EBB_RAX]), ContinueSyscall);
    default:
      Panic("unknown upcall");
  }
}
