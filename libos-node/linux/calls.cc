// The calls of the program's libraries (abi/ebb_calls.h): the system calls' functions, and the ports of event loops.
#include "abi/ebb_calls.h"

#include <iterator>

#include "kernel/result.h"
#include "kernel/thread.h"
#include "kernel/trace.h"
#include "linux/call_adapter.h"
#include "linux/fs/syscalls.h"
#include "linux/syscall.h"
#include "linux/syscall_names.h"

extern "C" {
bool ebb_handle_call(ebb::UserFrame* frame);
}

namespace ebb::linux_abi {
namespace {

constexpr CallHandler kTable[] = {&CallAdapter<&PortOpen>::Call, &CallAdapter<&PortWatch>::Call,
                                  &CallAdapter<&PortUnwatch>::Call, &CallAdapter<&PortWait>::Call,
                                  &CallAdapter<&PortWake>::Call};
constexpr const char* kNames[] = {"port_open", "port_watch", "port_unwatch", "port_wait", "port_wake"};
constexpr uint64_t kCount = EBB_CALL_END - EBB_CALL_FIRST;
static_assert(std::size(kTable) == kCount && std::size(kNames) == kCount);

int64_t Serve(uint64_t number, const UserFrame& frame) {
  if (number < EBB_CALL_FIRST) return ServeSyscall(number, frame);
  return number < EBB_CALL_END ? kTable[number - EBB_CALL_FIRST](frame) : Negative(Errno::kNoSys);
}

void Trace(uint64_t number, const UserFrame& frame, int64_t result) {
  TraceLine line;
  const bool port = number >= EBB_CALL_FIRST && number < EBB_CALL_END;
  line.out().Text("[").Decimal(scheduler().current()->tid).Text("] ebb ");
  line.out().Text(port ? kNames[number - EBB_CALL_FIRST] : SyscallName(number)).Text("(");
  line.out().Hex(frame.rdi).Text(", ").Hex(frame.rsi).Text(", ").Hex(frame.rdx).Text(", ").Hex(frame.r10).Text(") = ");
  if (result < 0 && result > -4096)
    line.out().Signed(result);
  else
    line.out().Hex(static_cast<uint64_t>(result));
  line.Send();
}

}  // namespace
}  // namespace ebb::linux_abi

bool ebb_handle_call(ebb::UserFrame* frame) {
  ebb::Thread& thread = *ebb::scheduler().current();
  thread.full_restore = false;
  const uint64_t number = frame->orig_rax;
  // To signals it is no system call: they restart nothing.
  frame->orig_rax = ebb::kNoSyscall;
  const int64_t result = ebb::linux_abi::Serve(number, *frame);
  if (ebb::Tracing()) ebb::linux_abi::Trace(number, *frame, result);
  frame->rax = static_cast<uint64_t>(result);
  ebb::linux_abi::FinishReturn(*frame);
  return !thread.full_restore;
}
