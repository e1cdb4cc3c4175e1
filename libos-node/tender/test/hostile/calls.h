// Attacks on the ways out: system calls of every number, and jumps to every byte of the hypercall page.
#ifndef EBB_TENDER_TEST_HOSTILE_CALLS_H_
#define EBB_TENDER_TEST_HOSTILE_CALLS_H_

#include "tender/test/hostile/attempt.h"

namespace {

// The n-th syscall instruction of the hypercall page (process tender), 0 when there is none.
uint64_t SyscallInPage(uint32_t n) {
  const auto* page = reinterpret_cast<const uint8_t*>(EBB_HYPERCALL_PAGE);
  for (uint32_t i = 0; i + 1 < 0xe00; ++i) {
    if (page[i] == 0x0f && page[i + 1] == 0x05 && n-- == 0) return EBB_HYPERCALL_PAGE + i;
  }
  return 0;
}

// Numbers 0..639, then negative ones.
constexpr uint64_t kNumbers = 640 + 256;
uint64_t NumberOf(uint64_t index) { return index < 640 ? index : 639 - index; }

// From user code: all of them belong to the LibOS.
void UserCalls(uint64_t index) {
  Registers registers = RegisterSet(static_cast<uint32_t>(index / kNumbers), 0);
  const uint64_t number = NumberOf(index % kNumbers);
  registers.gpr[EBB_RAX] = number;
  const Code code = {"syscall", 2, {0x0f, 0x05}};
  AttemptCode(code, registers);
  Count(code.size);
  // Two calls that Linux keeps from seccomp (return probes): they end in SIGILL or an error when no probe called them.
  const bool probe = number == 335 || number == 336;
  if (outcome.reason != EBB_UPCALL_SYSCALL && !probe) Violation("userCall", number);
}

constexpr uint64_t kPageNumbers = 640;
// From the page's own instruction: what the filter allows happens, all else belongs to the LibOS. One register set per
// round.
void PageCalls(uint64_t index) {
  const uint64_t number = index % kPageNumbers;
  Registers registers = RegisterSet(static_cast<uint32_t>(index / kPageNumbers), SyscallInPage(0));
  registers.gpr[EBB_RAX] = number;
  Attempt(registers);
  Count(0);
  const bool allowed = number == 1 || number == 9 || number == 10 || number == 11 || number == 15 || number == 28 ||
                       number == 38 || number == 202 || number == 219 || number == 231 || number == 318 ||
                       number == 335 || number == 336;
  if (!allowed && (outcome.reason != EBB_UPCALL_SYSCALL || outcome.vector != static_cast<uint32_t>(number)))
    Violation("pageCall", number);
  // The call may have taken pages of the attempts themselves.
  SetUpAttempts();
}

// x32 numbers end the VM, and so do negative ones, which have x32's bit.
constexpr uint64_t kX32Calls = 2 * kPageNumbers;
void X32Calls(uint64_t index) {
  Registers registers = RegisterSet(static_cast<uint32_t>(index), SyscallInPage(0));
  registers.gpr[EBB_RAX] = index % 2 == 0 ? index / 2 | 0x40000000 : 0 - (index / 2 + 2);
  Attempt(registers);
  Count(0);
  Violation("x32", index);
}

// Each byte of the page, as an instruction.
constexpr uint64_t kPageJumps = kRegisterSets * EBB_HYPERCALL_PAGE_SIZE;
void PageJumps(uint64_t index) {
  Registers registers = RegisterSet(static_cast<uint32_t>(index / EBB_HYPERCALL_PAGE_SIZE),
                                    EBB_HYPERCALL_PAGE + index % EBB_HYPERCALL_PAGE_SIZE);
  // A wait is for a value that the ring's tail does not have.
  core->cq_tail = core->cq_tail == 0 ? 1 : core->cq_tail;
  Attempt(registers);
  Count(0);
  SetUpAttempts();
}

}  // namespace

#endif  // EBB_TENDER_TEST_HOSTILE_CALLS_H_
