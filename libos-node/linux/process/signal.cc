#include "linux/process/signal.h"

#include "kernel/clock.h"
#include "kernel/hypercall.h"
#include "kernel/panic.h"
#include "kernel/thread.h"
#include "kernel/user_memory.h"
#include "linux/abi.h"
#include "linux/mm/address_space.h"
#include "linux/process/process.h"

extern "C" void ebb_syscall_entry();

namespace ebb::linux_abi {
namespace {

constexpr uint64_t kSaSigInfo = 4, kSaRestorer = 0x04000000, kSaOnStack = 0x08000000, kSaRestart = 0x10000000,
                   kSaNoDefer = 0x40000000, kSaResetHand = 0x80000000;
constexpr uint64_t kDefault = 0, kIgnore = 1;

// What rt_sigaction exchanges on x86-64.
struct KernelSigAction {
  uint64_t handler;
  uint64_t flags;
  uint64_t restorer;
  uint64_t mask;
};

struct MachineContext {
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
  uint16_t cs, gs, fs, ss;
  uint64_t error, trap, old_mask, cr2;
  uint64_t fpstate;
  uint64_t reserved[8];
};
static_assert(sizeof(MachineContext) == 256);

struct UserContext {
  uint64_t flags;
  uint64_t link;
  AltStack stack;
  MachineContext machine;
  uint64_t mask;
};

struct SignalFrame {
  uint64_t return_address;
  UserContext context;
  SigInfo info;
};

KernelSigAction actions[kSignals + 1];
SigInfo pending_info[kSignals + 1];

constexpr uint64_t Bit(int signal) { return 1ull << (signal - 1); }

bool IgnoredByDefault(int signal) {
  return signal == kSigChld || signal == kSigCont || signal == kSigUrg || signal == kSigWinch || signal == kSigStop ||
         signal == kSigTstp || signal == kSigTtin || signal == kSigTtou;
}

bool Ignored(int signal) {
  return actions[signal].handler == kIgnore || (actions[signal].handler == kDefault && IgnoredByDefault(signal));
}

bool OnAltStack(const AltStack& stack, uint64_t rsp) {
  return (stack.flags & 2) == 0 && rsp > stack.sp && rsp - stack.sp <= stack.size;
}

uint64_t NewSignalStackPointer(const SignalState& signals, const KernelSigAction& action, uint64_t rsp) {
  constexpr uint64_t kRedZone = 128;
  if ((action.flags & kSaOnStack) != 0 && (signals.alt_stack.flags & 2) == 0 && !OnAltStack(signals.alt_stack, rsp)) {
    return signals.alt_stack.sp + signals.alt_stack.size;
  }
  return rsp - kRedZone;
}

// The program's registers go to a Linux signal frame; the frame then enters the handler. False when the stack has no
// room.
bool PushHandler(Thread& thread, UserFrame& frame, int signal, const SigInfo& info, uint64_t error_code, uint64_t trap,
                 uint64_t address) {
  SignalState& signals = PersonalityOf(thread).signals;
  const KernelSigAction action = actions[signal];
  const uint64_t xsave_size = boot_info().xsave_size;
  constexpr uint64_t kMagic2Size = 4;
  uint64_t sp = NewSignalStackPointer(signals, action, frame.rsp);
  const uint64_t fpstate = (sp - xsave_size - kMagic2Size) & ~63ull;
  sp = ((fpstate - sizeof(SignalFrame)) & ~15ull) - 8;
  if (!address_space().Covers(sp, fpstate + xsave_size + kMagic2Size - sp, kProtWrite)) return false;

  if (this_core().vector_owner == &thread) SaveVectors(thread);
  auto* area = reinterpret_cast<uint8_t*>(fpstate);
  __builtin_memcpy(area, thread.xsave(), xsave_size);
  // fpx_sw_bytes at 464: tells the program that the area is an XSAVE image.
  struct {
    uint32_t magic1, extended_size;
    uint64_t xfeatures;
    uint32_t xstate_size, padding[7];
  } software = {0x46505853,
                static_cast<uint32_t>(xsave_size + kMagic2Size),
                boot_info().xsave_mask,
                static_cast<uint32_t>(xsave_size),
                {}};
  __builtin_memcpy(area + 464, &software, sizeof(software));
  const uint32_t magic2 = 0x46505845;
  __builtin_memcpy(area + xsave_size, &magic2, sizeof(magic2));

  auto& out = *reinterpret_cast<SignalFrame*>(sp);
  out = {};
  out.return_address = action.restorer;
  out.info = info;
  UserContext& context = out.context;
  context.flags = 7;  // UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS
  context.stack = signals.alt_stack;
  context.mask = signals.restore_mask ? signals.saved_mask : signals.mask;
  signals.restore_mask = false;
  context.machine = {.r8 = frame.r8,
                     .r9 = frame.r9,
                     .r10 = frame.r10,
                     .r11 = frame.r11,
                     .r12 = frame.r12,
                     .r13 = frame.r13,
                     .r14 = frame.r14,
                     .r15 = frame.r15,
                     .rdi = frame.rdi,
                     .rsi = frame.rsi,
                     .rbp = frame.rbp,
                     .rbx = frame.rbx,
                     .rdx = frame.rdx,
                     .rax = frame.rax,
                     .rcx = frame.rcx,
                     .rsp = frame.rsp,
                     .rip = frame.rip,
                     .rflags = frame.rflags,
                     .cs = static_cast<uint16_t>(frame.cs),
                     .gs = 0,
                     .fs = 0,
                     .ss = static_cast<uint16_t>(frame.ss),
                     .error = error_code,
                     .trap = trap,
                     .old_mask = context.mask,
                     .cr2 = address,
                     .fpstate = fpstate,
                     .reserved = {}};

  if ((action.flags & kSaNoDefer) == 0) signals.mask |= Bit(signal);
  signals.mask |= action.mask & ~(Bit(kSigKill) | Bit(kSigStop));
  if ((action.flags & kSaResetHand) != 0) actions[signal].handler = kDefault;

  frame.rip = action.handler;
  frame.rsp = sp;
  frame.rdi = static_cast<uint64_t>(signal);
  frame.rsi = reinterpret_cast<uint64_t>(&out.info);
  frame.rdx = reinterpret_cast<uint64_t>(&context);
  frame.rax = 0;
  frame.rflags &= ~0x500ull;  // direction and trap flag
  frame.orig_rax = kNoSyscall;
  thread.full_restore = true;
  return true;
}

// A call that a signal interrupted is made again when the handler wants that: the program continues at the LibOS's
// entry with the registers of the call.
void RestartCall(UserFrame& frame) {
  frame.rax = frame.orig_rax;
  frame.rcx = frame.rip;
  frame.rip = reinterpret_cast<uint64_t>(&ebb_syscall_entry);
}

bool Restartable(uint64_t number) {
  // Waits with a timeout or a mask of their own always report EINTR; so do sleeps.
  switch (number) {
    case 7:
    case 23:
    case 35:
    case 130:
    case 128:
    case 202:
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

Thread* ThreadForProcessSignal(int signal) {
  Thread* chosen = nullptr;
  Thread* any = nullptr;
  process().ForEachThread([&](Thread& thread) {
    any = &thread;  // the list is newest first: ends at the main thread
    if ((PersonalityOf(thread).signals.mask & Bit(signal)) == 0) chosen = &thread;
  });
  return chosen != nullptr ? chosen : any;
}

int SignalOfVector(uint32_t vector) {
  switch (vector) {
    case 0:
    case 16:
    case 19:
      return kSigFpe;
    case 1:
    case 3:
      return kSigTrap;
    case 6:
      return kSigIll;
    case 17:
      return kSigBus;
    default:
      return kSigSegv;
  }
}

}  // namespace

void SendSignal(Thread& thread, int signal) {
  if (Ignored(signal) && (PersonalityOf(thread).signals.mask & Bit(signal)) == 0) return;
  PersonalityOf(thread).signals.pending |= Bit(signal);
  SigInfo& info = pending_info[signal];
  info = {};
  info.signo = signal;
  info.code = 0;  // SI_USER
  info.fields[0] = static_cast<uint32_t>(process().pid());
  scheduler().Interrupt(thread);
}

bool DeliverSignals(Thread& thread, UserFrame& frame) {
  SignalState& signals = PersonalityOf(thread).signals;
  bool changed = false;
  while (const uint64_t ready = signals.pending & ~signals.mask) {
    const int signal = __builtin_ctzll(ready) + 1;
    signals.pending &= ~Bit(signal);
    if (Ignored(signal)) continue;
    const KernelSigAction& action = actions[signal];
    if (action.handler == kDefault) process().DieOfSignal(signal);
    if (frame.orig_rax != kNoSyscall && static_cast<int64_t>(frame.rax) == Negative(Errno::kIntr) &&
        (action.flags & kSaRestart) != 0 && Restartable(frame.orig_rax)) {
      RestartCall(frame);
    }
    if (!PushHandler(thread, frame, signal, pending_info[signal], 0, 0, 0)) process().DieOfSignal(kSigSegv);
    changed = true;
  }
  if (signals.restore_mask) {
    signals.restore_mask = false;
    signals.mask = signals.saved_mask;
    if ((signals.pending & ~signals.mask) != 0) return DeliverSignals(thread, frame) || changed;
  }
  return changed;
}

void DeliverFault(Thread& thread, UserFrame& frame, uint32_t vector, uint64_t error_code, uint64_t address) {
  const int signal = SignalOfVector(vector);
  const SignalState& signals = PersonalityOf(thread).signals;
  const KernelSigAction& action = actions[signal];
  SigInfo info = {};
  info.signo = signal;
  const Mapping* mapping = address_space().Find(address);
  info.code = signal != kSigSegv   ? 1
              : vector != 14       ? 0x80
              : mapping != nullptr ? 2
                                   : 1;  // SI_KERNEL, SEGV_ACCERR, SEGV_MAPERR
  info.fields[0] = address;
  if (action.handler > kIgnore && (signals.mask & Bit(signal)) == 0 &&
      PushHandler(thread, frame, signal, info, error_code, vector, address))
    return;
  ReportWriter report;
  report.Text("unhandled fault, signal ")
      .Decimal(signal)
      .Text(", vector ")
      .Decimal(vector)
      .Text(", address ")
      .Hex(address);
  report.Text(", thread '")
      .Text(thread.name)
      .Text("', rip ")
      .Hex(frame.rip)
      .Text(", rsp ")
      .Hex(frame.rsp)
      .Text(", rax ")
      .Hex(frame.rax);
  report.Text(", rbx ").Hex(frame.rbx).Text(", rcx ").Hex(frame.rcx).Text(", rdx ").Hex(frame.rdx).Text(", rsi ").Hex(
      frame.rsi);
  report.Text(", rdi ").Hex(frame.rdi).Text(", rbp ").Hex(frame.rbp).Text(", r8 ").Hex(frame.r8).Text(", r9 ").Hex(
      frame.r9);
  report.Text(", r10 ").Hex(frame.r10).Text(", r11 ").Hex(frame.r11).Text(", r12 ").Hex(frame.r12).Text(", r13 ").Hex(
      frame.r13);
  report.Text(", r14 ").Hex(frame.r14).Text(", r15 ").Hex(frame.r15);
  hypercall::Exit(address_space().memory_refused() ? EBB_EXIT_MEMORY : EBB_EXIT_FAULT, static_cast<uint64_t>(signal));
}

void BeginMaskedWait(uint64_t mask) {
  SignalState& signals = PersonalityOf(*scheduler().current()).signals;
  signals.saved_mask = signals.mask;
  signals.mask = mask & ~(Bit(kSigKill) | Bit(kSigStop));
}

void EndMaskedWait(bool interrupted) {
  SignalState& signals = PersonalityOf(*scheduler().current()).signals;
  if (interrupted) {
    signals.restore_mask = true;
  } else {
    signals.mask = signals.saved_mask;
  }
}

int64_t SysRtSigaction(int signal, uint64_t action, uint64_t old_action, uint64_t mask_size) {
  if (signal < 1 || signal > kSignals || mask_size != sizeof(uint64_t)) return Negative(Errno::kInval);
  if (action != 0 && (signal == kSigKill || signal == kSigStop)) return Negative(Errno::kInval);
  KernelSigAction next = actions[signal];
  if (action != 0) {
    const auto in = UserIn<KernelSigAction>(action);
    if (!in) return in.Negative();
    next = **in;
  }
  if (old_action != 0) {
    const auto out = UserOut<KernelSigAction>(old_action);
    if (!out) return out.Negative();
    **out = actions[signal];
  }
  actions[signal] = next;
  return 0;
}

int64_t SysRtSigprocmask(int how, uint64_t set, uint64_t old_set, uint64_t mask_size) {
  if (mask_size != sizeof(uint64_t)) return Negative(Errno::kInval);
  SignalState& signals = PersonalityOf(*scheduler().current()).signals;
  const uint64_t old = signals.mask;
  if (set != 0) {
    const auto in = UserIn<uint64_t>(set);
    if (!in) return in.Negative();
    const uint64_t value = **in & ~(Bit(kSigKill) | Bit(kSigStop));
    if (how == 0)
      signals.mask |= value;
    else if (how == 1)
      signals.mask &= ~value;
    else if (how == 2)
      signals.mask = value;
    else
      return Negative(Errno::kInval);
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
  const SignalState& signals = PersonalityOf(*scheduler().current()).signals;
  **out = signals.pending & signals.mask;
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
  const uint64_t wanted = **in;
  uint64_t deadline = kForever;
  if (timeout != 0) {
    const auto spec = UserIn<TimeSpec>(timeout);
    if (!spec) return spec.Negative();
    deadline = clock->Now() + static_cast<uint64_t>((*spec)->seconds) * 1'000'000'000 +
               static_cast<uint64_t>((*spec)->nanoseconds);
  }
  SignalState& signals = PersonalityOf(*scheduler().current()).signals;
  WaitQueue never;
  for (;;) {
    if (const uint64_t ready = signals.pending & wanted) {
      const int signal = __builtin_ctzll(ready) + 1;
      signals.pending &= ~Bit(signal);
      if (info != 0) {
        const auto out = UserOut<SigInfo>(info);
        if (!out) return out.Negative();
        **out = pending_info[signal];
      }
      return signal;
    }
    const uint64_t old_mask = signals.mask;
    signals.mask &= ~wanted;
    const WakeReason reason = never.Wait(deadline);
    signals.mask = old_mask;
    if (reason == WakeReason::kTimeout) return Negative(Errno::kAgain);
    if (reason == WakeReason::kSignal && (signals.pending & wanted) == 0) return Negative(Errno::kIntr);
  }
}

int64_t SysRtSigreturn() {
  Thread& thread = *scheduler().current();
  UserFrame& frame = thread.frame();
  // The handler's `ret` popped the return address; rsp points behind it.
  const uint64_t at = frame.rsp - 8;
  const auto in = UserIn<SignalFrame>(at);
  if (!in) process().DieOfSignal(kSigSegv);
  const UserContext& context = (*in)->context;
  const MachineContext& m = context.machine;
  if (m.fpstate != 0) {
    const auto area = UserReadable(m.fpstate, boot_info().xsave_size);
    if (!area || (m.fpstate & 63) != 0) process().DieOfSignal(kSigSegv);
    thread.AdoptVectors(area->data());
    // The header is the program's to write: only what XRSTOR takes without a fault.
    auto* header = reinterpret_cast<uint64_t*>(thread.xsave() + 512);
    header[0] &= boot_info().xsave_mask;
    for (int i = 1; i < 8; ++i) header[i] = 0;
    auto* mxcsr = reinterpret_cast<uint32_t*>(thread.xsave() + 24);
    *mxcsr &= 0xffff;
  }
  frame.r8 = m.r8;
  frame.r9 = m.r9;
  frame.r10 = m.r10;
  frame.r11 = m.r11;
  frame.r12 = m.r12;
  frame.r13 = m.r13;
  frame.r14 = m.r14;
  frame.r15 = m.r15;
  frame.rdi = m.rdi;
  frame.rsi = m.rsi;
  frame.rbp = m.rbp;
  frame.rbx = m.rbx;
  frame.rdx = m.rdx;
  frame.rcx = m.rcx;
  frame.rsp = m.rsp;
  frame.rip = m.rip;
  // Arithmetic flags, direction, alignment check; never IOPL, TF or VM.
  frame.rflags = (m.rflags & 0x40cd5) | 0x202;
  frame.orig_rax = kNoSyscall;
  thread.full_restore = true;
  PersonalityOf(thread).signals.mask = context.mask & ~(Bit(kSigKill) | Bit(kSigStop));
  return static_cast<int64_t>(m.rax);
}

int64_t SysSigaltstack(uint64_t stack, uint64_t old_stack) {
  Thread& thread = *scheduler().current();
  AltStack& current = PersonalityOf(thread).signals.alt_stack;
  AltStack next = current;
  if (stack != 0) {
    const auto in = UserIn<AltStack>(stack);
    if (!in) return in.Negative();
    if (OnAltStack(current, thread.frame().rsp)) return Negative(Errno::kPerm);
    next = **in;
    next.flags &= 2;
    if ((next.flags & 2) == 0 && next.size < 2048) return Negative(Errno::kNoMem);
  }
  if (old_stack != 0) {
    const auto out = UserOut<AltStack>(old_stack);
    if (!out) return out.Negative();
    **out = current;
    if (OnAltStack(current, thread.frame().rsp)) (*out)->flags = 1;
  }
  current = next;
  return 0;
}

int64_t SysKill(int pid, int signal) {
  if (signal < 0 || signal > kSignals) return Negative(Errno::kInval);
  if (pid != process().pid() && pid != 0 && pid != -1) return Negative(Errno::kSrch);
  if (signal != 0) SendSignal(*ThreadForProcessSignal(signal), signal);
  return 0;
}

int64_t SysTkill(int tid, int signal) {
  if (signal < 0 || signal > kSignals || tid <= 0) return Negative(Errno::kInval);
  Thread* thread = process().FindThread(static_cast<uint32_t>(tid));
  if (thread == nullptr) return Negative(Errno::kSrch);
  if (signal != 0) SendSignal(*thread, signal);
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

namespace ebb {

bool SignalPending(Thread& thread) {
  if (thread.personality == nullptr) return false;
  const linux_abi::SignalState& signals = linux_abi::PersonalityOf(thread).signals;
  return (signals.pending & ~signals.mask) != 0;
}

}  // namespace ebb
