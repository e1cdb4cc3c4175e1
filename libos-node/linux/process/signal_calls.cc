// The signal calls of Linux: actions, masks, waiting, sending.
#include "kernel/clock.h"
#include "kernel/thread.h"
#include "kernel/user_memory.h"
#include "linux/abi.h"
#include "linux/process/process.h"
#include "linux/process/signal.h"

namespace ebb::linux_abi {
namespace {

constexpr int kBlock = 0, kUnblock = 1, kSetMask = 2;
constexpr uint64_t kSmallestAltStack = 2048;

SignalState& Current() { return PersonalityOf(*scheduler().current()).signals; }

bool IsSignal(int signal) { return signal >= 1 && signal <= kSignals; }

bool IsThisProcess(int pid) { return pid == process().pid() || pid == 0 || pid == -1; }

// What a program may put into a signal that it sends to itself by a queue: anything.
Result<SigInfo> QueuedInfo(int signal, uint64_t address) {
  const auto in = UserIn<SigInfo>(address);
  if (!in) return in.error();
  SigInfo info = **in;
  info.signo = signal;
  return info;
}

}  // namespace

Result<> SetAltStack(AltStack& current, AltStack wanted) {
  const int32_t mode = wanted.flags & ~kSsAutoDisarm;
  if (mode != 0 && mode != kSsOnStack && mode != kSsDisable) return Errno::kInval;
  if (mode == kSsDisable) {
    current = {};
    return Ok{};
  }
  if (wanted.size < kSmallestAltStack) return Errno::kNoMem;
  wanted.flags &= kSsAutoDisarm;
  current = wanted;
  return Ok{};
}

int64_t SysRtSigaction(int signal, uint64_t action, uint64_t old_action, uint64_t mask_size) {
  if (!IsSignal(signal) || mask_size != sizeof(uint64_t)) return Negative(Errno::kInval);
  if (action != 0 && (signal == kSigKill || signal == kSigStop)) return Negative(Errno::kInval);
  KernelSigAction next = ActionOf(signal);
  if (action != 0) {
    const auto in = UserIn<KernelSigAction>(action);
    if (!in) return in.Negative();
    next = **in;
  }
  if (old_action != 0) {
    const auto out = UserOut<KernelSigAction>(old_action);
    if (!out) return out.Negative();
    **out = ActionOf(signal);
  }
  ActionOf(signal) = next;
  if (action != 0) DropIgnored(signal);
  return 0;
}

int64_t SysRtSigprocmask(int how, uint64_t set, uint64_t old_set, uint64_t mask_size) {
  if (mask_size != sizeof(uint64_t)) return Negative(Errno::kInval);
  SignalState& signals = Current();
  const uint64_t old = signals.mask;
  if (set != 0) {
    const auto in = UserIn<uint64_t>(set);
    if (!in) return in.Negative();
    const uint64_t value = **in & ~kUnblockable;
    if (how == kBlock)
      signals.mask |= value;
    else if (how == kUnblock)
      signals.mask &= ~value;
    else if (how == kSetMask)
      signals.mask = value;
    else
      return Negative(Errno::kInval);
    if ((signals.mask & ~old) != 0) RetargetProcessSignals(signals.mask & ~old);
  }
  if (old_set != 0) {
    const auto out = UserOut<uint64_t>(old_set);
    if (!out) return out.Negative();
    **out = old;
  }
  return 0;
}

int64_t SysRtSigpending(uint64_t set, uint64_t mask_size) {
  if (mask_size > sizeof(uint64_t)) return Negative(Errno::kInval);
  const auto out = UserOut<uint64_t>(set);
  if (!out) return out.Negative();
  **out = (Current().pending.set() | process_signals().set()) & Current().mask;
  return 0;
}

int64_t SysRtSigsuspend(uint64_t set, uint64_t mask_size) {
  if (mask_size != sizeof(uint64_t)) return Negative(Errno::kInval);
  const auto in = UserIn<uint64_t>(set);
  if (!in) return in.Negative();
  BeginMaskedWait(**in);
  WaitQueue never;
  never.Wait();
  EndMaskedWait(true);
  return Negative(Errno::kIntr);
}

int64_t SysRtSigtimedwait(uint64_t set, uint64_t info, uint64_t timeout, uint64_t mask_size) {
  if (mask_size != sizeof(uint64_t)) return Negative(Errno::kInval);
  const auto in = UserIn<uint64_t>(set);
  if (!in) return in.Negative();
  const uint64_t wanted = **in & ~kUnblockable;
  uint64_t deadline = kForever;
  if (timeout != 0) {
    const auto spec = UserIn<TimeSpec>(timeout);
    if (!spec) return spec.Negative();
    const TimeSpec t = **spec;
    if (t.seconds < 0 || t.nanoseconds < 0 || t.nanoseconds >= 1'000'000'000) return Negative(Errno::kInval);
    // Centuries are forever.
    if (t.seconds < 10'000'000'000)
      deadline = clock->Now() + static_cast<uint64_t>(t.seconds) * 1'000'000'000 + static_cast<uint64_t>(t.nanoseconds);
  }
  SignalState& signals = Current();
  WaitQueue never;
  for (;;) {
    SigInfo taken;
    if (signals.pending.Take(wanted, taken) || process_signals().Take(wanted, taken)) {
      if (info != 0) {
        const auto out = UserOut<SigInfo>(info);
        if (!out) return out.Negative();
        **out = taken;
      }
      return taken.signo;
    }
    signals.awaited = wanted;
    const WakeReason reason = never.Wait(deadline);
    signals.awaited = 0;
    const bool came = ((signals.pending.set() | process_signals().set()) & wanted) != 0;
    if (reason == WakeReason::kTimeout && !came) return Negative(Errno::kAgain);
    if (reason == WakeReason::kSignal && !came) return Negative(Errno::kIntr);
  }
}

int64_t SysRtSigqueueinfo(int pid, int signal, uint64_t info) {
  if (!IsSignal(signal)) return Negative(Errno::kInval);
  const auto queued = QueuedInfo(signal, info);
  if (!queued) return queued.Negative();
  if (pid != process().pid()) return Negative(Errno::kSrch);
  return SendProcessSignal(*queued) ? 0 : Negative(Errno::kAgain);
}

int64_t SysRtTgsigqueueinfo(int group, int tid, int signal, uint64_t info) {
  if (!IsSignal(signal) || tid <= 0) return Negative(Errno::kInval);
  const auto queued = QueuedInfo(signal, info);
  if (!queued) return queued.Negative();
  Thread* thread = process().FindThread(static_cast<uint32_t>(tid));
  if (group != process().pid() || thread == nullptr) return Negative(Errno::kSrch);
  return SendSignalInfo(*thread, *queued) ? 0 : Negative(Errno::kAgain);
}

int64_t SysSigaltstack(uint64_t stack, uint64_t old_stack) {
  AltStack& current = Current().alt_stack;
  AltStack old = current;
  const bool in_use = current.Contains(scheduler().current()->frame().rsp);
  if (in_use) old.flags |= kSsOnStack;
  if (stack != 0) {
    const auto in = UserIn<AltStack>(stack);
    if (!in) return in.Negative();
    const AltStack wanted = **in;
    if (in_use) return Negative(Errno::kPerm);
    if (const auto set = SetAltStack(current, wanted); !set) return set.Negative();
  }
  if (old_stack != 0) {
    const auto out = UserOut<AltStack>(old_stack);
    if (!out) return out.Negative();
    **out = old;
  }
  return 0;
}

int64_t SysKill(int pid, int signal) {
  if (signal != 0 && !IsSignal(signal)) return Negative(Errno::kInval);
  if (!IsThisProcess(pid)) return Negative(Errno::kSrch);
  if (signal != 0 && !SendProcessSignal(SignalFrom(signal, kSiUser))) return Negative(Errno::kAgain);
  return 0;
}

int64_t SysTkill(int tid, int signal) {
  if ((signal != 0 && !IsSignal(signal)) || tid <= 0) return Negative(Errno::kInval);
  Thread* thread = process().FindThread(static_cast<uint32_t>(tid));
  if (thread == nullptr) return Negative(Errno::kSrch);
  if (signal != 0 && !SendSignalInfo(*thread, SignalFrom(signal, kSiTkill))) return Negative(Errno::kAgain);
  return 0;
}

int64_t SysTgkill(int group, int tid, int signal) {
  if (group != process().pid()) return Negative(Errno::kSrch);
  return SysTkill(tid, signal);
}

int64_t SysPause() {
  WaitQueue never;
  never.Wait();
  return Negative(Errno::kIntr);
}

}  // namespace ebb::linux_abi
