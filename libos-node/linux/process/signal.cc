#include "linux/process/signal.h"

#include "kernel/thread.h"
#include "linux/process/fault_report.h"
#include "linux/process/process.h"
#include "linux/process/signal_frame.h"

extern "C" void ebb_syscall_entry();

namespace ebb::linux_abi {
namespace {

KernelSigAction actions[kSignals + 1];
SignalQueue the_process_signals;

bool IgnoredByDefault(int signal) {
  return signal == kSigChld || signal == kSigCont || signal == kSigUrg || signal == kSigWinch || signal == kSigStop ||
         signal == kSigTstp || signal == kSigTtin || signal == kSigTtou;
}

bool Ignored(int signal) {
  return actions[signal].handler == kIgnoreHandler ||
         (actions[signal].handler == kDefaultHandler && IgnoredByDefault(signal));
}

// Whether the thread would take the signal if it came now.
bool Takes(Thread& thread, int signal) {
  const SignalState& signals = PersonalityOf(thread).signals;
  return ((~signals.mask | signals.awaited) & SignalBit(signal)) != 0;
}

// A call that a signal interrupted is made again: the program continues at the LibOS's entry with the registers of the
// call.
void RestartCall(UserFrame& frame) {
  frame.rax = frame.orig_rax;
  frame.rcx = frame.rip;
  frame.rip = reinterpret_cast<uint64_t>(&ebb_syscall_entry);
}

// Waits with a timeout or a mask of their own always report EINTR when a handler ran; so do sleeps.
bool Restartable(const UserFrame& frame) {
  constexpr uint64_t kFutexCommand = 127, kFutexWait = 0, kFutexWaitBitset = 9;
  switch (frame.orig_rax) {
    case 202:  // futex: a wait without a timeout
      return ((frame.rsi & kFutexCommand) == kFutexWait || (frame.rsi & kFutexCommand) == kFutexWaitBitset) &&
             frame.r10 == 0;
    case 7:
    case 23:
    case 34:
    case 35:
    case 128:
    case 130:
    case 230:
    case 232:
    case 270:
    case 271:
    case 281:
    case 441:
      return false;
    default:
      return true;
  }
}

bool TakePending(SignalState& signals, SigInfo& info) {
  return signals.pending.Take(~signals.mask, info) || the_process_signals.Take(~signals.mask, info);
}

}  // namespace

KernelSigAction& ActionOf(int signal) { return actions[signal]; }

SignalQueue& process_signals() { return the_process_signals; }

SigInfo SignalFrom(int signal, int code) {
  SigInfo info = {};
  info.signo = signal;
  info.code = code;
  // si_pid; si_uid, in the upper half, is root's.
  if (code != kSiKernel) info.fields[0] = static_cast<uint32_t>(process().pid());
  return info;
}

bool SendSignalInfo(Thread& thread, const SigInfo& info) {
  if (Ignored(info.signo) && Takes(thread, info.signo) &&
      (PersonalityOf(thread).signals.awaited & SignalBit(info.signo)) == 0)
    return true;
  if (!PersonalityOf(thread).signals.pending.Add(info)) return false;
  scheduler().Interrupt(thread);
  return true;
}

bool SendProcessSignal(const SigInfo& info) {
  Thread* taker = nullptr;
  bool awaited = false;
  process().ForEachThread([&](Thread& thread) {
    // The list is newest first: of those that may the oldest is chosen, as Linux prefers the main thread.
    if (Takes(thread, info.signo)) taker = &thread;
    awaited |= (PersonalityOf(thread).signals.awaited & SignalBit(info.signo)) != 0;
  });
  if (Ignored(info.signo) && taker != nullptr && !awaited) return true;
  if (!the_process_signals.Add(info)) return false;
  RetargetProcessSignals(SignalBit(info.signo));
  return true;
}

void SendSignal(Thread& thread, int signal) { SendSignalInfo(thread, SignalFrom(signal, kSiUser)); }

void RetargetProcessSignals(uint64_t signals) {
  for (uint64_t left = the_process_signals.set() & signals; left != 0; left &= left - 1) {
    const int signal = __builtin_ctzll(left) + 1;
    Thread* taker = nullptr;
    process().ForEachThread([&](Thread& thread) {
      if (!Takes(thread, signal)) return;
      // Who waits for it comes first.
      const bool waits = taker != nullptr && (PersonalityOf(*taker).signals.awaited & SignalBit(signal)) != 0;
      if (!waits) taker = &thread;
    });
    if (taker != nullptr) scheduler().Interrupt(*taker);
  }
}

void DropIgnored(int signal) {
  if (!Ignored(signal)) return;
  the_process_signals.Drop(SignalBit(signal));
  process().ForEachThread([&](Thread& thread) { PersonalityOf(thread).signals.pending.Drop(SignalBit(signal)); });
}

bool DeliverSignals(Thread& thread, UserFrame& frame) {
  SignalState& signals = PersonalityOf(thread).signals;
  bool changed = false;
  bool taken = false;
  SigInfo info;
  while (TakePending(signals, info)) {
    taken = true;
    if (Ignored(info.signo)) continue;
    const KernelSigAction& action = actions[info.signo];
    if (action.handler == kDefaultHandler) process().DieOfSignal(info.signo);
    const bool interrupted = frame.orig_rax != kNoSyscall && static_cast<int64_t>(frame.rax) == Negative(Errno::kIntr);
    if (interrupted && (action.flags & kSaRestart) != 0 && Restartable(frame)) RestartCall(frame);
    if (!PushSignalFrame(thread, frame, info, {})) process().DieOfSignal(kSigSegv);
    changed = true;
  }
  // Nothing came of the interruption: the program must not notice it.
  if (taken && !changed && frame.orig_rax != kNoSyscall && static_cast<int64_t>(frame.rax) == Negative(Errno::kIntr) &&
      Restartable(frame)) {
    RestartCall(frame);
    frame.orig_rax = kNoSyscall;
    thread.full_restore = true;
    changed = true;
  }
  if (signals.restore_mask) {
    signals.restore_mask = false;
    signals.mask = signals.saved_mask;
    if (SignalPending(thread)) return DeliverSignals(thread, frame) || changed;
  }
  return changed;
}

void DeliverFault(Thread& thread, UserFrame& frame, uint32_t vector, uint64_t error_code, uint64_t address) {
  const SigInfo info = DescribeFault(thread, frame, vector, address);
  LinuxThread& personality = PersonalityOf(thread);
  const HandledFault fault = {info, {error_code, vector, address}, frame};
  // A fault cannot wait: blocked or ignored, it kills as by default.
  if (actions[info.signo].handler > kIgnoreHandler && (personality.signals.mask & SignalBit(info.signo)) == 0 &&
      PushSignalFrame(thread, frame, info, fault.context)) {
    personality.handled_fault = fault;
    return;
  }
  process().DieOfFault(fault);
}

void BeginMaskedWait(uint64_t mask) {
  SignalState& signals = PersonalityOf(*scheduler().current()).signals;
  signals.saved_mask = signals.mask;
  signals.mask = mask & ~kUnblockable;
}

void EndMaskedWait(bool interrupted) {
  SignalState& signals = PersonalityOf(*scheduler().current()).signals;
  if (interrupted) {
    signals.restore_mask = true;
  } else {
    signals.mask = signals.saved_mask;
  }
}

}  // namespace ebb::linux_abi

namespace ebb {

bool SignalPending(Thread& thread) {
  if (thread.personality == nullptr) return false;
  const linux_abi::SignalState& signals = linux_abi::PersonalityOf(thread).signals;
  return ((signals.pending.set() | linux_abi::process_signals().set()) & (~signals.mask | signals.awaited)) != 0;
}

}  // namespace ebb
