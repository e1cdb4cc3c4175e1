// Attacks with the interface itself: hypercalls and ring entries with extreme values, exits of every kind, storms, and
// memory beyond the limit.
#ifndef EBB_TENDER_TEST_HOSTILE_HYPERCALLS_H_
#define EBB_TENDER_TEST_HOSTILE_HYPERCALLS_H_

#include "tender/test/hostile/calls.h"

namespace {

constexpr uint64_t kEdges[] = {0,
                               1,
                               0xfff,
                               0x1000,
                               0x1001,
                               0x2000,
                               EBB_EXE_BASE,
                               EBB_EXE_END - 0x1000,
                               EBB_KERNEL_BASE,
                               EBB_HYPERCALL_PAGE,
                               EBB_CLOCK,
                               EBB_UPCALL_STACKS,
                               EBB_RINGS,
                               EBB_DATA,
                               0x13000000,
                               EBB_FS_BASE,
                               EBB_HEAP_BASE - 0x1000,
                               EBB_HEAP_BASE,
                               EBB_HEAP_END,
                               EBB_ARENA_BASE + 0x123000,
                               EBB_ARENA_END - 0x1000,
                               EBB_ARENA_END,
                               EBB_ARENA_END + 0x4000,
                               1ull << 47,
                               1ull << 63,
                               0 - 0x1000ull,
                               ~0ull};
constexpr uint64_t kEdgeCount = sizeof kEdges / sizeof kEdges[0];
constexpr uint64_t kHypercallAttempts = kEdgeCount * kEdgeCount;

void CheckResult(const char* name, long result, uint64_t detail) {
  if (result < -4095) Violation(name, detail);
}

void Hypercalls(uint64_t index) {
  const uint64_t a = kEdges[index % kEdgeCount], b = kEdges[index / kEdgeCount];
  constexpr uint64_t kProtections[] = {0, 1, 3, 7, 8, 1ull << 32, ~0ull};
  for (const uint64_t prot : kProtections) CheckResult("protect", Hc(EBB_HC_PROTECT, a, b, prot), index);
  CheckResult("discard", Hc(EBB_HC_DISCARD, a, b), index);
  // Not into the words that this guest itself stands on.
  if (a != EBB_RINGS && a != EBB_DATA && a != EBB_UPCALL_STACKS) CheckResult("random", Hc(EBB_HC_RANDOM, a, b), index);
  const uint64_t tail = ~core->cq_tail;
  CheckResult("enter", HcEnter(a, tail, static_cast<int64_t>(b), static_cast<int64_t>(a)), index);
  CheckResult("enter", HcEnter(b | EBB_ENTER_WAIT, core->cq_tail, 0, static_cast<int64_t>(a > 1000 ? 0 - a : a)),
              index);
  // Ticks that come faster than they can be taken are an attack of their own (TickStorm).
  CheckResult("tick", Hc(EBB_HC_TICK, a < 1000 ? 0 : a), index);
  CheckResult("tick", Hc(EBB_HC_TICK, b < 1000 ? 0 : b), index);
  CheckResult("tick", Hc(EBB_HC_TICK, (a * b) | 0x1000), index);
  Hc(EBB_HC_TICK, 0);
  core->tick_pending = 0;
  attempts += 13;
  // What the tender gave is still there.
  if (boot->magic != EBB_BOOT_MAGIC || Word(EBB_HYPERCALL_PAGE) != boot->hypercalls[0]) Violation("changed", index);
}

// ---- ring entries

uint32_t Pick(const uint32_t* values, uint32_t count) { return values[Random() % count]; }

// Never an address that a packet could be sent to.
void HostileEntry(ebb_sqe& entry) {
  constexpr uint32_t kLengths[] = {0, 1, 2, 64, 4096, 65536, EBB_DATA_SIZE, EBB_DATA_SIZE + 1, 1u << 31, ~0u};
  constexpr uint32_t kBuffers[] = {0, 1, 4096, EBB_DATA_SIZE - 1, EBB_DATA_SIZE, EBB_DATA_SIZE + 1, 1u << 31, ~0u};
  constexpr uint32_t kHandles[] = {0, 1, 2, 3, 4, 5, 100, 0x7fffffff, 0x80000000, ~0u};
  constexpr uint32_t kAddresses4[] = {0,          0x7f000001, 0x0a000202, 0x0a000203, 0x0a00020f,
                                      0xa9fea9fe, 0xe0000001, ~0u,        0xc0000001, 0xc6120001};
  constexpr uint16_t kFlagSets[] = {0, 1, 3, 0x100, 0x101, 0x103, 4, 0xffff, 0x8000};
  entry = {};
  entry.op = static_cast<uint16_t>(Random() % 16 == 0 ? Random() : Random() % 14);
  entry.flags = kFlagSets[Random() % 9];
  // The kernel stream carries what the test reads.
  if (entry.op == EBB_OP_LOG && (entry.flags & 0xff) == 2) entry.flags = 0;
  entry.handle = Pick(kHandles, 10);
  entry.user_data = Random() % 2 == 0 ? ~0ull : Random();
  entry.buffer = Pick(kBuffers, 8);
  entry.length = Pick(kLengths, 10);
  if (entry.op == EBB_OP_LOG && entry.length > 4096 && Random() % 16 != 0) entry.length = 64;
  const bool network = entry.op == EBB_OP_CONNECT || entry.op == EBB_OP_UDP_SEND;
  entry.arg0 = network ? Pick(kAddresses4, 10) : Random() % 3 == 0 ? Random() : Pick(kHandles, 10);
  if (network && Random() % 4 == 0) entry.arg0 |= 1ull << 32 << Random() % 32;
  entry.arg1 = Random() % 3 == 0 ? Random() : Random() % 65537;
  for (auto& word : entry.reserved) word = Random();
}

// Until the tender has taken what was submitted. Without taking completions it stops at a full ring, which is right.
bool Submitted(bool take) {
  for (int tries = 0; tries < (take ? 400 : 20); ++tries) {
    if (take) core->cq_head = core->cq_tail;
    if (core->sq_head == core->sq_tail) return true;
    core->waiting = 1;
    HcEnter(EBB_ENTER_SUBMIT | EBB_ENTER_WAIT, core->cq_tail, 0, 2000000);
    core->waiting = 0;
  }
  return false;
}

void Rings(uint64_t index) {
  random_state = (random_state | 1) + index * 0x9e3779b97f4a7c15ull;
  for (int round = 0; round < 20; ++round) {
    const uint32_t count = 1 + static_cast<uint32_t>(Random() % EBB_SQ_ENTRIES);
    for (uint32_t i = 0; i < count; ++i) HostileEntry(core->sq[(core->sq_tail + i) % EBB_SQ_ENTRIES]);
    __atomic_store_n(&core->sq_tail, core->sq_tail + count, __ATOMIC_RELEASE);
    // What the tender writes; it does not read it back.
    core->sq_head = static_cast<uint32_t>(Random());
    core->sq_polling = static_cast<uint32_t>(Random()), core->tick_pending = 1, core->waiting = 1;
    HcEnter(EBB_ENTER_SUBMIT, 0, 0, 0);
    // While the broker may be reading them (process tender).
    for (uint32_t i = 0; i < 64; ++i) HostileEntry(core->sq[Random() % EBB_SQ_ENTRIES]);
    core->tick_pending = 0;
    attempts += count;
    if (Random() % 2 == 0 && Submitted(false)) continue;
    if (!Submitted(true)) Violation("ringStuck", index);
  }
}

// Indices that contradict each other end the VM.
constexpr uint64_t kBrokenRings = 8;
void BrokenRings(uint64_t index) {
  const uint32_t jumps[] = {EBB_SQ_ENTRIES + 1, 0x10000, 1u << 31, ~0u};
  if (index < 4) {
    core->sq_tail = core->sq_head + jumps[index];
  } else {
    core->cq_head = core->cq_tail + (index == 4 ? 1 : index == 5 ? 1u << 31 : index == 6 ? 0u - 513u : 1000);
    Push(EBB_OP_NOP, 0, 0, 0, 0);
  }
  HcEnter(EBB_ENTER_SUBMIT | EBB_ENTER_WAIT, core->cq_tail, 2, 0);
  Violation("brokenRing", index);
}

// ---- exits

constexpr uint64_t kExits = 64;
void Exits(uint64_t index) {
  constexpr uint64_t kKinds[] = {0, 1, 2, 3, 4, 5, 1ull << 32, ~0ull};
  constexpr uint64_t kCodes[] = {0, 1, 9, 64, 127, 128, 1ull << 63, ~0ull};
  for (uint32_t i = 0; i < EBB_REPORT_SIZE; ++i) {
    // No NUL; quotes, control characters, broken UTF-8, or all bytes in turn.
    const uint8_t bytes[] = {'"', static_cast<uint8_t>(1 + i % 31), static_cast<uint8_t>(0x80 + i % 128),
                             static_cast<uint8_t>(1 + i % 255)};
    core->report[i] = static_cast<char>(bytes[index % 4]);
  }
  Exit(kKinds[index % 8], kCodes[index / 8]);
}

// The words in which the hypercall page tells the tender of its end or of a failed start (process tender): forged.
constexpr uint64_t kForgedEnds = 8;
void ForgedEnds(uint64_t index) {
  constexpr uint64_t kMarks[] = {0x44455449584542ull, 0, 1, ~0ull};
  const uint64_t tail = EBB_RINGS + EBB_RING_STRIDE - EBB_PAGE_SIZE;
  PutWord(tail + 8, 1 + index / 4);
  PutWord(tail + 16, ~0ull);
  PutWord(tail, kMarks[index % 4]);
  Registers registers = DefaultRegisters(SyscallInPage(0));
  registers.gpr[EBB_RAX] = 231;
  Attempt(registers);
  Violation("alive", index);
}

// ---- for ever

[[noreturn]] void EnterStorm() {
  for (;;) HcEnter(EBB_ENTER_SUBMIT, 0, 0, 0);
}
[[noreturn]] void TickStorm() {
  Hc(EBB_HC_TICK, 1);
  for (;;) UserSpinForever();
}
[[noreturn]] void FaultStorm() {
  for (;;) {
    attempting = true;
    const Registers registers = DefaultRegisters(8);
    RunAttempt(&registers);
  }
}

// Whatever can be had of memory, by every way, touched; then still.
[[noreturn]] void Grab() {
  constexpr uint64_t kStep = 1 << 20;
  uint64_t got = 0;
  for (uint64_t at = EBB_HEAP_BASE; at < EBB_HEAP_END; at += kStep, got += kStep) {
    if (Hc(EBB_HC_PROTECT, at, kStep, kReadWrite) < 0) break;
    for (uint64_t page = at; page < at + kStep; page += EBB_PAGE_SIZE) PutWord(page, 1);
    // Inaccessible but still held, and back: counted once.
    Hc(EBB_HC_PROTECT, at, kStep, 0);
    Hc(EBB_HC_PROTECT, at, kStep, EBB_PROT_READ);
  }
  Say("grabbedMb", got >> 20);
  if (boot->tender == EBB_TENDER_PROCESS) {
    // Past the page's own count, with the page's instruction: mmap of more and more.
    uint64_t more = 0;
    for (uint64_t at = EBB_ARENA_BASE + 0x10000000; more < 4 * boot->memory_limit; at += kStep, more += kStep) {
      Registers registers = DefaultRegisters(SyscallInPage(0));
      registers.gpr[EBB_RAX] = 9, registers.gpr[EBB_RDI] = at, registers.gpr[EBB_RSI] = kStep;
      registers.gpr[EBB_RDX] = 3, registers.gpr[EBB_R10] = 0x4032, registers.gpr[EBB_R8] = ~0ull;
      Attempt(registers);
      bool mapped = true;
      for (uint64_t page = at; mapped && page < at + kStep; page += EBB_PAGE_SIZE) {
        Registers touch = DefaultRegisters(0);
        touch.gpr[EBB_RDI] = page;
        AttemptCode({"touch", 3, {0x48, 0x89, 0x07}}, touch);
        mapped = RanThrough(3);
      }
      if (!mapped) break;
    }
    Say("moreMb", more >> 20);
  }
  Push(EBB_OP_LISTEN, 0, 0, 0, 8080);
  HcEnter(EBB_ENTER_SUBMIT, 0, 0, 0);
  for (;;) HcEnter(EBB_ENTER_WAIT, core->cq_tail, 1, 0);
}

}  // namespace

#endif  // EBB_TENDER_TEST_HOSTILE_HYPERCALLS_H_
