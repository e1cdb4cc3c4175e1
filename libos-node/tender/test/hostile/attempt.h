// One attempt: a few bytes of machine code, or any address, entered with chosen registers; what ended it.
//
// Code is put into a page of the arena that is readable, writable and executable, and ends in int3, so that code that
// runs through is an upcall as well. A tick of 10 ms ends what runs for ever outside the LibOS and the hypercall page.
#ifndef EBB_TENDER_TEST_HOSTILE_ATTEMPT_H_
#define EBB_TENDER_TEST_HOSTILE_ATTEMPT_H_

#include "tender/test/guest/runtime.h"

// attempt.S
struct Registers {
  uint64_t gpr[EBB_GPR_COUNT];  // enum ebb_gpr
  uint64_t rip;
};
extern "C" void RunAttempt(const Registers* registers);
extern "C" [[noreturn]] void LandAttempt();

namespace {

constexpr uint64_t kCode = EBB_ARENA_BASE;              // a page for code
constexpr uint64_t kReturns = EBB_ARENA_BASE + 0x1000;  // a page of int3, to return to
constexpr uint64_t kStack = EBB_ARENA_BASE + 0x2000;    // the attempt's stack: addresses in kReturns
constexpr uint64_t kStackSize = 0x10000;
constexpr uint64_t kScratch = kStack + kStackSize;  // readable, writable, zero
constexpr uint64_t kScratchSize = 0x4000;
constexpr uint64_t kArenaUsed = kScratch + kScratchSize - EBB_ARENA_BASE;
constexpr uint64_t kReadWrite = EBB_PROT_READ | EBB_PROT_WRITE;

constexpr uint32_t kBreakpoint = 3, kDebug = 1, kPageFault = 14, kProtection = 13, kUndefined = 6;

struct Outcome {
  uint32_t reason;  // enum ebb_upcall_reason
  uint32_t vector;
  uint64_t error_code, address, rip, rflags, rax;
};
Outcome outcome;
bool attempting;
// Steps that a single-stepped attempt is given before it ends.
uint32_t steps_left;

void OnAttemptUpcall(ebb_upcall* upcall) {
  if (!attempting) {
    // A tick that came late.
    if (upcall->reason == EBB_UPCALL_TICK) return;
    last.vector = upcall->vector, last.rip = upcall->rip, last.address = upcall->address;
    last.gpr[EBB_RSP] = upcall->gpr[EBB_RSP];
    Unexpected();
  }
  if (upcall->reason == EBB_UPCALL_FAULT && upcall->vector == kDebug && steps_left > 0) {
    --steps_left;
    return;
  }
  outcome = {upcall->reason, upcall->vector, upcall->error_code,  upcall->address,
             upcall->rip,    upcall->rflags, upcall->gpr[EBB_RAX]};
  attempting = false;
  LandAttempt();
}

void Fill(uint64_t address, uint64_t size, uint8_t byte) {
  for (uint64_t i = 0; i < size; ++i) reinterpret_cast<volatile uint8_t*>(address)[i] = byte;
}
void PutWord(uint64_t address, uint64_t value) { *reinterpret_cast<volatile uint64_t*>(address) = value; }
uint64_t Word(uint64_t address) { return *reinterpret_cast<const volatile uint64_t*>(address); }

void ResetStack() {
  for (uint64_t at = kStack; at < kStack + kStackSize; at += 8) PutWord(at, kReturns + 0x100);
}

// Also after an attempt that took the pages away behind the back of the hypercall page's count (which is the guest's
// own memory under the process tender, layout in pages/commit_map.h).
void SetUpAttempts() {
  upcall_hook = OnAttemptUpcall;
  if (boot->tender == EBB_TENDER_PROCESS) {
    constexpr uint64_t kCommitMap = 0x13000000;
    PutWord(kCommitMap, 0);
    static_assert(kArenaUsed <= 64 * EBB_PAGE_SIZE);
    PutWord(kCommitMap + EBB_PAGE_SIZE + (EBB_ARENA_BASE - EBB_HEAP_BASE) / EBB_PAGE_SIZE / 8, 0);
  }
  Hc(EBB_HC_PROTECT, EBB_ARENA_BASE, kArenaUsed, kReadWrite | EBB_PROT_EXEC);
  Fill(kCode, 0x2000, 0xcc);
  ResetStack();
}

// The stack in the middle of its pages, everything else 0.
Registers DefaultRegisters(uint64_t rip) {
  Registers registers;
  for (auto& value : registers.gpr) value = 0;
  registers.gpr[EBB_RSP] = kStack + kStackSize / 2;
  registers.rip = rip;
  return registers;
}

const Outcome& Attempt(const Registers& registers) {
  outcome = {};
  attempting = true;
  Hc(EBB_HC_TICK, 10000);
  RunAttempt(&registers);
  Hc(EBB_HC_TICK, 0);
  attempting = false;
  steps_left = 0;
  return outcome;
}

// The attempt's own code ran to its end: kCode holds `size` bytes and an int3.
bool RanThrough(uint32_t size) {
  return outcome.reason == EBB_UPCALL_FAULT && outcome.vector == kBreakpoint && outcome.rip == kCode + size + 1;
}

struct Code {
  const char* name;
  uint8_t size;
  uint8_t bytes[20];
};

void PutCode(const uint8_t* bytes, uint32_t size) {
  for (uint32_t i = 0; i < size; ++i) reinterpret_cast<volatile uint8_t*>(kCode)[i] = bytes[i];
  Fill(kCode + size, 16, 0xcc);
}
const Outcome& AttemptCode(const Code& code, Registers registers) {
  PutCode(code.bytes, code.size);
  registers.rip = kCode;
  return Attempt(registers);
}

// ---- what the test reads

// Before each attempt: where to go on after a VM that did not survive it.
void At(uint64_t index) {
  Put("at ");
  PutNumber(index);
  PutChar('\n');
  // An attempt may have left anything in the ring's words.
  core->cq_head = core->cq_tail;
  Flush();
}

// Something that must not be possible was. Each is a failed test.
void Violation(const char* what, uint64_t detail) {
  Put("violation-");
  Put(what);
  Put(" ");
  PutNumber(detail);
  PutChar('\n');
  Flush();
}

uint64_t attempts, faults, syscalls, completed;
void Count(uint32_t size) {
  ++attempts;
  faults += outcome.reason == EBB_UPCALL_FAULT && !RanThrough(size);
  syscalls += outcome.reason == EBB_UPCALL_SYSCALL;
  completed += RanThrough(size);
}

// xorshift64*
uint64_t random_state;
uint64_t Random() {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 0x2545f4914f6cdd1dull;
}

// Register sets that attacks go through: zeros, ones, an address of every kind, random.
constexpr uint32_t kRegisterSets = 8;
Registers RegisterSet(uint32_t set, uint64_t rip) {
  constexpr uint64_t kValues[] = {
      0, ~0ull, kScratch, EBB_HYPERCALL_PAGE, EBB_DATA, EBB_RINGS + 0x9800 /* behind the rings */, EBB_HEAP_BASE};
  Registers registers = DefaultRegisters(rip);
  for (int i = 0; i < EBB_GPR_COUNT; ++i) {
    if (i == EBB_RSP) continue;
    registers.gpr[i] = set % kRegisterSets < 7 ? kValues[set % kRegisterSets] : Random();
  }
  return registers;
}

}  // namespace

#endif  // EBB_TENDER_TEST_HOSTILE_ATTEMPT_H_
