#include "linux/process/signal_frame.h"

#include "kernel/thread.h"
#include "kernel/user_memory.h"
#include "linux/mm/address_space.h"
#include "linux/process/process.h"

namespace ebb::linux_abi {
namespace {

constexpr uint64_t kRedZone = 128;
constexpr uint32_t kXstateMagic1 = 0x46505853, kXstateMagic2 = 0x46505845;
constexpr uint64_t kXstateBvOffset = 512;
constexpr uint32_t kMxcsrDefault = 0x1f80;
constexpr uint16_t kFpuControlDefault = 0x37f;

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

// fpx_sw_bytes, at offset 464 of the area: tells the program that it is an XSAVE image.
struct SoftwareBytes {
  uint32_t magic1, extended_size;
  uint64_t xfeatures;
  uint32_t xstate_size, padding[7];
};
static_assert(464 + sizeof(SoftwareBytes) == 512);

void StoreVectors(Thread& thread, uint64_t at) {
  const uint64_t size = boot_info().xsave_size;
  if (this_core().vector_owner == &thread) SaveVectors(thread);
  auto* area = reinterpret_cast<uint8_t*>(at);
  __builtin_memcpy(area, thread.xsave(), size);
  const SoftwareBytes software = {.magic1 = kXstateMagic1,
                                  .extended_size = static_cast<uint32_t>(size + sizeof(kXstateMagic2)),
                                  .xfeatures = boot_info().xsave_mask,
                                  .xstate_size = static_cast<uint32_t>(size),
                                  .padding = {}};
  __builtin_memcpy(area + 464, &software, sizeof(software));
  __builtin_memcpy(area + size, &kXstateMagic2, sizeof(kXstateMagic2));
}

// A handler starts with fresh vector registers: the interrupted code may have unmasked exceptions, or have one pending.
void ResetVectors(Thread& thread) {
  uint8_t* area = thread.xsave();
  __builtin_memset(area, 0, kXstateBvOffset + 64);
  __builtin_memcpy(area, &kFpuControlDefault, sizeof(kFpuControlDefault));
  __builtin_memcpy(area + 24, &kMxcsrDefault, sizeof(kMxcsrDefault));
  if (this_core().vector_owner == &thread) this_core().vector_owner = nullptr;
}

// The registers of a frame that the program may have rewritten, as far as XRSTOR takes them without a fault.
bool RestoreVectors(Thread& thread, uint64_t at) {
  const auto area = UserReadable(at, boot_info().xsave_size);
  if (!area || (at & 63) != 0) return false;
  thread.AdoptVectors(area->data());
  auto* header = reinterpret_cast<uint64_t*>(thread.xsave() + kXstateBvOffset);
  header[0] &= boot_info().xsave_mask;
  for (int i = 1; i < 8; ++i) header[i] = 0;
  auto* mxcsr = reinterpret_cast<uint32_t*>(thread.xsave() + 24);
  *mxcsr &= 0xffff;
  return true;
}

// Where the frame begins (growing downwards), 0 when the alternate stack is full.
uint64_t FrameTop(const AltStack& alt, const KernelSigAction& action, uint64_t rsp) {
  const bool on_alt = alt.Contains(rsp) && (alt.flags & kSsAutoDisarm) == 0;
  if ((action.flags & kSaOnStack) == 0 || (alt.flags & kSsDisable) != 0 || on_alt) return rsp - kRedZone;
  return alt.sp + alt.size;
}

}  // namespace

uint64_t SmallestSignalStack() {
  return (sizeof(SignalFrame) + boot_info().xsave_size + sizeof(kXstateMagic2) + 64 + 16 + kRedZone + 1023) & ~1023ull;
}

bool PushSignalFrame(Thread& thread, UserFrame& frame, const SigInfo& info, const FaultContext& fault) {
  const int signal = info.signo;
  SignalState& signals = PersonalityOf(thread).signals;
  const KernelSigAction action = ActionOf(signal);
  // Without a way back there is no handler: glibc always gives one.
  if ((action.flags & kSaRestorer) == 0) return false;
  const uint64_t vectors_size = boot_info().xsave_size + sizeof(kXstateMagic2);
  const uint64_t top = FrameTop(signals.alt_stack, action, frame.rsp);
  const uint64_t fpstate = (top - vectors_size) & ~63ull;
  const uint64_t sp = ((fpstate - sizeof(SignalFrame)) & ~15ull) - 8;
  // A nested handler must not run out of the alternate stack into what lies below it.
  if (signals.alt_stack.Contains(top) && !signals.alt_stack.Contains(sp)) return false;
  if (sp > top || !address_space().Covers(sp, fpstate + vectors_size - sp, kProtRead | kProtWrite)) return false;
  StoreVectors(thread, fpstate);

  auto& out = *reinterpret_cast<SignalFrame*>(sp);
  out = {};
  out.return_address = action.restorer;
  out.info = info;
  UserContext& context = out.context;
  context.flags = 7;  // UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS
  context.stack = signals.alt_stack;
  if (signals.alt_stack.Contains(frame.rsp)) context.stack.flags |= kSsOnStack;
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
                     .error = fault.error_code,
                     .trap = fault.vector,
                     .old_mask = context.mask,
                     .cr2 = fault.address,
                     .fpstate = fpstate,
                     .reserved = {}};

  signals.mask |= action.mask & ~kUnblockable;
  if ((action.flags & kSaNoDefer) == 0) signals.mask |= SignalBit(signal);
  if ((action.flags & kSaResetHand) != 0) ActionOf(signal).handler = kDefaultHandler;
  if ((signals.alt_stack.flags & kSsAutoDisarm) != 0) signals.alt_stack = {};
  ResetVectors(thread);

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

int64_t SysRtSigreturn() {
  Thread& thread = *scheduler().current();
  UserFrame& frame = thread.frame();
  SignalState& signals = PersonalityOf(thread).signals;
  // The handler's `ret` popped the return address; rsp points behind it.
  const auto in = UserIn<SignalFrame>(frame.rsp - 8);
  if (!in) process().DieOfSignal(kSigSegv);
  const UserContext& context = (*in)->context;
  const MachineContext& m = context.machine;
  // The processor refuses to return to an address that is none, and it does so in the LibOS.
  constexpr uint64_t kUserEnd = 1ull << 47;
  if (m.rip >= kUserEnd) process().DieOfSignal(kSigSegv);
  if (m.fpstate == 0) {
    ResetVectors(thread);
  } else if (!RestoreVectors(thread, m.fpstate)) {
    process().DieOfSignal(kSigSegv);
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
  signals.mask = context.mask & ~kUnblockable;
  // What a handler changed by sigaltstack ends with it, and a disarmed stack is armed again.
  if (!signals.alt_stack.Contains(frame.rsp)) {
    AltStack alt = context.stack;
    alt.flags &= ~kSsOnStack;
    static_cast<void>(SetAltStack(signals.alt_stack, alt));
  }
  // Unless the handler raised it again, which is delivered as soon as it is left.
  HandledFault& fault = PersonalityOf(thread).handled_fault;
  if (fault.info.signo != 0 && (signals.pending.set() & SignalBit(fault.info.signo)) == 0) fault.info.signo = 0;
  RetargetProcessSignals(signals.mask);
  return static_cast<int64_t>(m.rax);
}

}  // namespace ebb::linux_abi
