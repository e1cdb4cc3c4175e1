// The syscall table and what surrounds each call: counting, tracing, preemption, signals.
#include "linux/syscall.h"

#include <array>
#include <atomic>

#include "kernel/event_manager.h"
#include "kernel/hypercall.h"
#include "kernel/thread.h"
#include "kernel/trace.h"
#include "linux/call_adapter.h"
#include "linux/fs/syscalls.h"
#include "linux/mm/address_space.h"
#include "linux/net/syscalls.h"
#include "linux/process/futex.h"
#include "linux/process/process.h"
#include "linux/process/syscalls.h"
#include "linux/syscall_names.h"

extern "C" {
bool ebb_handle_syscall(ebb::UserFrame* frame);
}

namespace ebb::linux_abi {
namespace {

constexpr size_t kTableSize = 512;

struct Entry {
  uint16_t number;
  CallHandler handler;
};

#define EBB_SYSCALL(number, function) \
  Entry { number, &CallAdapter<&function>::Call }

constexpr Entry kEntries[] = {
#include "linux/syscall_table.inc"
};

constexpr auto kTable = [] {
  std::array<CallHandler, kTableSize> table = {};
  for (const Entry& entry : kEntries) table[entry.number] = entry.handler;
  return table;
}();

void TraceCall(const UserFrame& frame, bool known) {
  TraceLine line;
  TextWriter& out = line.out();
  out.Text("[").Decimal(scheduler().current()->tid).Text("] ").Text(SyscallName(frame.orig_rax)).Text("(");
  out.Hex(frame.rdi).Text(", ").Hex(frame.rsi).Text(", ").Hex(frame.rdx).Text(", ");
  out.Hex(frame.r10).Text(", ").Hex(frame.r8).Text(", ").Hex(frame.r9).Text(known ? ")" : ") unknown");
  line.Send();
}

void TraceResult(uint64_t number, int64_t result) {
  TraceLine line;
  TextWriter& out = line.out();
  out.Text("[").Decimal(scheduler().current()->tid).Text("] ").Text(SyscallName(number)).Text(" = ");
  if (result < 0 && result > -4096)
    out.Signed(result);
  else
    out.Hex(static_cast<uint64_t>(result));
  line.Send();
}

}  // namespace

void FinishReturn(UserFrame& frame) {
  ebb_core_shared& shared = core_shared(this_core().index);
  if (std::atomic_ref(shared.tick_pending).load(std::memory_order_relaxed) != 0) {
    std::atomic_ref(shared.tick_pending).store(0, std::memory_order_relaxed);
    scheduler().OnTick();
  }
  Thread& thread = *scheduler().current();
  if (SignalPending(thread) || PersonalityOf(thread).signals.restore_mask) DeliverSignals(thread, frame);
  scheduler().PrepareReturn();
}

int64_t ServeSyscall(uint64_t number, const UserFrame& frame) {
  const CallHandler handler = number < kTableSize ? kTable[number] : nullptr;
  return handler == nullptr ? Negative(Errno::kNoSys) : handler(frame);
}

void HandleSyscall(UserFrame& frame) {
  Count(EBB_COUNT_SYSCALLS);
  const uint64_t number = frame.orig_rax;
  const CallHandler handler = number < kTableSize ? kTable[number] : nullptr;
  if (Tracing()) TraceCall(frame, handler != nullptr);
  int64_t result = Negative(Errno::kNoSys);
  if (handler != nullptr) {
    result = handler(frame);
  } else {
    Count(EBB_COUNT_SYSCALLS_UNKNOWN);
  }
  if (Tracing()) TraceResult(number, result);
  frame.rax = static_cast<uint64_t>(result);
  FinishReturn(frame);
}

}  // namespace ebb::linux_abi

bool ebb_handle_syscall(ebb::UserFrame* frame) {
  ebb::Thread& thread = *ebb::scheduler().current();
  thread.full_restore = false;
  ebb::linux_abi::HandleSyscall(*frame);
  return !thread.full_restore;
}
