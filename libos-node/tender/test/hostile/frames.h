// Attacks with the frames that load a whole processor state: iretq, far jumps and returns, 32-bit code, and forged
// frames of rt_sigreturn.
#ifndef EBB_TENDER_TEST_HOSTILE_FRAMES_H_
#define EBB_TENDER_TEST_HOSTILE_FRAMES_H_

#include "tender/test/hostile/calls.h"

namespace {

constexpr uint64_t kSelectors[] = {0x33, 0x23, 0x2b, 0x10, 0x13, 0x18, 0x1b, 0x08, 0x0b,   0,      3,
                                   0x07, 0x0f, 0x40, 0x43, 0x7b, 0x80, 0x83, 0xff, 0xfffb, 0xffff, 0x30};
constexpr uint64_t kAddresses[] = {kReturns,
                                   0,
                                   8,
                                   0x1000,
                                   EBB_HYPERCALL_PAGE,
                                   EBB_ARENA_END,
                                   EBB_ARENA_END + 0x1000,
                                   0x7ffffffff000,
                                   0x7fffffffffff,
                                   0x800000000000,
                                   0x8000000000000000,
                                   0xffff800000000000,
                                   0xffffffff81000000,
                                   0xffffffffff600000,
                                   ~0ull};
// CF..OF, TF, IF off, IOPL 3, NT, RF, VM, AC, VIF, VIP, ID, reserved ones, all.
constexpr uint64_t kFlags[] = {0x202,   0x2,     0x0,      0x302,    0x3202,   0x4202,   0x10202,
                               0x20202, 0x40202, 0x80202,  0x100202, 0x200202, 0x3ff202, 0xffffffff,
                               ~0ull,   0xcd5,   0x44d702, 0x102,    0x23302};
constexpr uint64_t kSelectorCount = sizeof kSelectors / sizeof kSelectors[0];
constexpr uint64_t kAddressCount = sizeof kAddresses / sizeof kAddresses[0];
constexpr uint64_t kFlagCount = sizeof kFlags / sizeof kFlags[0];

struct InterruptFrame {
  uint64_t rip = kReturns, cs = 0x33, flags = 0x202, rsp = kStack + kStackSize / 2, ss = 0x2b;
};

// One field of a good frame is replaced by a bad one.
constexpr uint64_t kFrames = 2 * kAddressCount + 2 * kSelectorCount + kFlagCount;
InterruptFrame FrameOf(uint64_t index) {
  InterruptFrame frame;
  if (index < kAddressCount) {
    frame.rip = kAddresses[index];
  } else if ((index -= kAddressCount) < kAddressCount) {
    frame.rsp = kAddresses[index];
  } else if ((index -= kAddressCount) < kSelectorCount) {
    frame.cs = kSelectors[index];
  } else if ((index -= kSelectorCount) < kSelectorCount) {
    frame.ss = kSelectors[index];
  } else {
    frame.flags = kFlags[index - kSelectorCount];
  }
  return frame;
}

// What ring 3 can never get, whatever it loads: an I/O privilege level, or interrupts off. (Where it was is not looked
// at: a frame that the kernel refuses after having loaded registers from it ends in a fault at any address.)
void CheckLoaded(const char* name, uint64_t index) {
  if (outcome.reason == EBB_UPCALL_FAULT && ((outcome.rflags & 0x3000) != 0 || (outcome.rflags & 0x200) == 0))
    Violation(name, index);
}

void InterruptReturns(uint64_t index) {
  const InterruptFrame frame = FrameOf(index);
  const uint64_t at = kStack + kStackSize / 2 + 0x100;
  PutWord(at, frame.rip), PutWord(at + 8, frame.cs), PutWord(at + 16, frame.flags), PutWord(at + 24, frame.rsp);
  PutWord(at + 32, frame.ss);
  Registers registers = DefaultRegisters(0);
  registers.gpr[EBB_RSP] = at;
  const Code code = {"iretq", 2, {0x48, 0xcf}};
  AttemptCode(code, registers);
  Count(code.size);
  CheckLoaded("iretq", index);
  ResetStack();
}

// jmp, call and ret to each selector; in 32-bit code also what a 64-bit program cannot do.
void FarTransfers(uint64_t index) {
  constexpr Code kTransfers[] = {{"ljmp", 2, {0xff, 0x2f}}, {"lcall", 2, {0xff, 0x1f}}, {"lret", 1, {0xcb}}};
  constexpr Code kTargets[] = {{"int3", 1, {0xcc}},
                               {"cli", 1, {0xfa}},
                               {"in", 2, {0xe4, 0x20}},
                               {"int81", 2, {0xcd, 0x81}},
                               {"popf", 4, {0x6a, 0xff, 0x9d, 0xcc}},
                               {"pushEs", 2, {0x06, 0x07}},
                               {"hlt", 1, {0xf4}},
                               {"bad", 3, {0x0f, 0x0b, 0xcc}}};
  const Code& transfer = kTransfers[index % 3];
  const Code& target = kTargets[index / 3 % 8];
  const uint64_t selector = kSelectors[index / 24];
  Fill(kReturns, 0x40, 0xcc);
  for (uint32_t i = 0; i < target.size; ++i) reinterpret_cast<volatile uint8_t*>(kReturns)[i] = target.bytes[i];
  PutWord(kScratch, kReturns | selector << 32);
  Registers registers = DefaultRegisters(0);
  registers.gpr[EBB_RDI] = kScratch;
  if (index % 3 == 2) PutWord(registers.gpr[EBB_RSP], kReturns | selector << 32);
  AttemptCode(transfer, registers);
  Count(transfer.size);
  CheckLoaded(transfer.name, index);
  Fill(kReturns, 0x40, 0xcc);
  ResetStack();
}
constexpr uint64_t kFarTransfers = 24 * kSelectorCount;

// System calls out of 32-bit code, three ways with each number. The way out must be a fault or the end of the VM.
void CompatSyscalls(uint64_t index) {
  constexpr Code kWays[] = {{"int80", 2, {0xcd, 0x80}}, {"syscall", 2, {0x0f, 0x05}}, {"sysenter", 2, {0x0f, 0x34}}};
  const Code& way = kWays[index % 3];
  Fill(kReturns, 0x40, 0xcc);
  for (uint32_t i = 0; i < way.size; ++i) reinterpret_cast<volatile uint8_t*>(kReturns)[i] = way.bytes[i];
  PutWord(kScratch, kReturns | 0x23ull << 32);
  Registers registers = RegisterSet(0, 0);
  registers.gpr[EBB_RDI] = kScratch;
  registers.gpr[EBB_RAX] = index / 3;
  const Code code = {"ljmp", 2, {0xff, 0x2f}};
  AttemptCode(code, registers);
  Count(code.size);
  const bool refused = outcome.reason == EBB_UPCALL_FAULT && outcome.rip <= kReturns + way.size;
  if (!refused && outcome.reason != EBB_UPCALL_SYSCALL && outcome.rip != 0) Violation(way.name, index / 3);
  Fill(kReturns, 0x40, 0xcc);
}

// ---- rt_sigreturn (process tender)

// The kernel's struct rt_sigframe, in words: pretcode, uc_flags, uc_link, ss_sp, ss_flags, ss_size, then sigcontext.
enum SignalWord {
  kUcFlags = 1,
  kAltStack = 3,
  kAltFlags = 4,
  kAltSize = 5,
  kRegisters = 6,  // r8..r15, rdi, rsi, rbp, rbx, rdx, rax, rcx
  kFrameRsp = 21,
  kFrameRip = 22,
  kFrameFlags = 23,
  kFrameSegments = 24,  // u16 cs, gs, fs, ss
  kFpState = 28,
  kMask = 37,
  kSignalWords = 60
};

constexpr uint64_t kSignalFrames = kFrames + 64;
void SignalReturns(uint64_t index) {
  const uint64_t at = kStack + kStackSize / 2 + 0x800;
  for (uint64_t i = 0; i < kSignalWords; ++i) PutWord(at + i * 8, 0);
  const auto put = [&](uint64_t word, uint64_t value) { PutWord(at + word * 8, value); };
  const InterruptFrame frame = FrameOf(index < kFrames ? index : 0);
  put(kUcFlags, 7);
  put(kFrameRip, frame.rip), put(kFrameRsp, frame.rsp), put(kFrameFlags, frame.flags);
  put(kFrameSegments, (frame.cs & 0xffff) | (frame.ss & 0xffff) << 48);
  put(kAltStack, EBB_UPCALL_STACKS), put(kAltSize, EBB_UPCALL_STACK_SIZE);
  if (index >= kFrames) {
    const uint64_t which = index - kFrames;
    const uint64_t address = kAddresses[which % kAddressCount];
    // Floating-point state: absent, anywhere, unaligned, and with headers that contradict themselves.
    Fill(kScratch, kScratchSize, 0);
    if (which < kAddressCount) {
      put(kFpState, address);
    } else if (which < 2 * kAddressCount) {
      put(kAltStack, address);
    } else if (which < 40) {
      put(kFpState, kScratch + (which % 3 == 0 ? 4 : 0));
      Fill(kScratch, 0x1000, which % 2 == 0 ? 0xff : static_cast<uint8_t>(Random()));
      // fpx_sw_bytes: magic, extended size, features, size
      *reinterpret_cast<volatile uint32_t*>(kScratch + 464) = 0x46505853;
      *reinterpret_cast<volatile uint32_t*>(kScratch + 468) = static_cast<uint32_t>(Random());
      PutWord(kScratch + 472, Random());
      *reinterpret_cast<volatile uint32_t*>(kScratch + 480) = static_cast<uint32_t>(boot->xsave_size);
    } else if (which < 48) {
      put(kMask, ~0ull >> (which - 40) * 8);
      put(kFrameRip, which % 2 == 0 ? kReturns : 0);
    } else if (which < 56) {
      put(kAltFlags, 1ull << (which - 48) * 4), put(kAltSize, which % 2 == 0 ? 0 : ~0ull);
    } else {
      put(kUcFlags, Random());
      for (uint64_t word = kAltStack; word < kSignalWords; ++word) put(word, Random());
    }
  }
  Registers registers = DefaultRegisters(SyscallInPage(0));
  registers.gpr[EBB_RAX] = 15;
  registers.gpr[EBB_RSP] = at + 8;
  Attempt(registers);
  Count(0);
  CheckLoaded("sigreturn", index);
  ResetStack();
}

}  // namespace

#endif  // EBB_TENDER_TEST_HOSTILE_FRAMES_H_
