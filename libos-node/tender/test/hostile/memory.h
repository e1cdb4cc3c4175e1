// Attacks on memory that is not the guest's, and on what an exception needs: the stack pointer and the segment bases.
#ifndef EBB_TENDER_TEST_HOSTILE_MEMORY_H_
#define EBB_TENDER_TEST_HOSTILE_MEMORY_H_

#include "tender/test/hostile/attempt.h"

namespace {

// Nothing there, for any access.
constexpr uint64_t kUnmapped[] = {
    0,
    8,
    0x1000,
    0x2000,
    0x3ff8,
    0x4000,
    0x10000,
    0x100000,
    EBB_LOW_END - 16,
    EBB_EXE_BASE - 16,
    EBB_EXE_END - 4096,
    EBB_KERNEL_END - 4096,
    EBB_HYPERCALL_PAGE + 0x1000,
    EBB_BOOT_INFO - 16,
    EBB_BOOT_INFO + 0x3f000,
    EBB_CLOCK - 16,
    EBB_CLOCK + EBB_CLOCK_SIZE,
    EBB_UPCALL_STACKS - 16,
    EBB_UPCALL_STACKS + EBB_UPCALL_STACK_SIZE,
    EBB_RINGS + EBB_RING_STRIDE,
    EBB_DATA - 16,
    EBB_DATA + EBB_DATA_SIZE,
    0x13000000 - 16,  // before the commit map (process tender)
    EBB_FS_BASE + 0x1000,
    EBB_FS_END - 16,
    EBB_HEAP_BASE,
    EBB_HEAP_END - 16,
    EBB_ARENA_BASE + 0x40000000,
    EBB_ARENA_END - 16,
    // KVM: ring 0's mappings and the place of the page tables.
    EBB_ARENA_END,
    EBB_ARENA_END + 0x1000,
    EBB_ARENA_END + 0x2000,
    EBB_ARENA_END + 0x2200,
    EBB_ARENA_END + 0x2400,
    EBB_ARENA_END + 0x3000,
    EBB_ARENA_END + 0x3ff0,
    EBB_ARENA_END + 0x4000,
    EBB_ARENA_END + 0x5000,
    EBB_ARENA_END + 0x8000,
    EBB_ARENA_END + 0x100000,
    // Where a host process has its program, heap, libraries, stack and vDSO.
    0x550000000000,
    0x555555554000,
    0x7f0000000000,
    0x7ffff7ff0000,
    0x7ffff7ffd000,
    0x7fffffffe000,
    0x7ffffffff000,
    // Not canonical; the host kernel's half.
    0x800000000000,
    0x8000000000000000,
    0xffff7ffffffffff0,
    0xffff800000000000,
    0xffff888000000000,
    0xffffc90000000000,
    0xfffffe0000000000,
    0xffffffff81000000,
    0xffffffffff5fd000,
    0xffffffffff600000,
    0xfffffffffffff000,
    0xfffffffffffffff0,
};
// May be read, not written.
const uint64_t kReadOnly[] = {
    EBB_HYPERCALL_PAGE,
    EBB_HYPERCALL_PAGE + 0x800,
    EBB_HYPERCALL_PAGE + 0xff0,
    EBB_BOOT_INFO,
    EBB_BOOT_INFO + 0x100,
    EBB_CLOCK,
    EBB_CLOCK + 0xff0,
    EBB_KERNEL_BASE,
    reinterpret_cast<uint64_t>(guest_text_start) + 0x800,
    EBB_EXE_BASE,
    EBB_FS_BASE,
};

// rdi: the address. Those with a stack take it as the stack's place.
constexpr Code kAccesses[] = {
    {"mov", 3, {0x48, 0x89, 0x07}},
    {"repMovsb", 2, {0xf3, 0xa4}},
    {"repStosq", 3, {0xf3, 0x48, 0xab}},
    {"xchg", 3, {0x48, 0x87, 0x07}},
    {"lockOr", 5, {0xf0, 0x48, 0x83, 0x0f, 0x01}},
    {"cmpxchg16b", 4, {0x48, 0x0f, 0xc7, 0x0f}},
    {"fxsave", 3, {0x0f, 0xae, 0x07}},
    {"xsave", 3, {0x0f, 0xae, 0x27}},
    {"movnti", 4, {0x48, 0x0f, 0xc3, 0x07}},
    {"movdqa", 4, {0x66, 0x0f, 0x7f, 0x07}},
    {"push", 1, {0x50}},
    {"call", 2, {0xff, 0xd0}},
    {"fnsave", 2, {0xdd, 0x37}},
    // From here on: reads and jumps.
    {"read", 3, {0x48, 0x8b, 0x07}},
    {"repLodsq", 4, {0xf3, 0x48, 0xad, 0x90}},
    {"readVector", 4, {0x66, 0x0f, 0x6f, 0x07}},
    {"jump", 2, {0xff, 0xe7}},
    {"ret", 1, {0xc3}},
};
constexpr uint64_t kAccessCount = sizeof kAccesses / sizeof kAccesses[0], kWriteCount = 13;
constexpr uint64_t kUnmappedCount = sizeof kUnmapped / sizeof kUnmapped[0];
constexpr uint64_t kReadOnlyCount = sizeof kReadOnly / sizeof kReadOnly[0];
constexpr uint64_t kAccessAttempts = kAccessCount * kUnmappedCount + kWriteCount * kReadOnlyCount;

void Accesses(uint64_t index) {
  const bool unmapped = index < kAccessCount * kUnmappedCount;
  const uint64_t rest = unmapped ? index : index - kAccessCount * kUnmappedCount;
  const uint64_t count = unmapped ? kAccessCount : kWriteCount;
  const Code& access = kAccesses[rest % count];
  const uint64_t address = (unmapped ? kUnmapped : kReadOnly)[rest / count];
  const uint64_t before = unmapped ? 0 : Word(address);
  Registers registers = DefaultRegisters(0);
  registers.gpr[EBB_RDI] = address;
  registers.gpr[EBB_RSI] = rest % count < kWriteCount ? kScratch : address;
  registers.gpr[EBB_RCX] = 8;
  registers.gpr[EBB_RAX] = access.bytes[0] == 0xff ? kReturns : ~0ull;
  registers.gpr[EBB_RDX] = ~0ull;
  if (access.bytes[0] == 0x50 || access.bytes[1] == 0xd0) registers.gpr[EBB_RSP] = address + 8;
  if (access.bytes[0] == 0xc3) registers.gpr[EBB_RSP] = address;
  AttemptCode(access, registers);
  Count(access.size);
  const bool vsyscall = address == 0xffffffffff600000 && outcome.reason == EBB_UPCALL_SYSCALL;
  const bool refused = outcome.reason == EBB_UPCALL_FAULT && outcome.vector != kBreakpoint;
  if (!refused && !vsyscall) Violation(access.name, address);
  // The clock is the tender's to change.
  if (!unmapped && address != EBB_CLOCK && Word(address) != before) Violation("changed", address);
}

constexpr uint64_t kStacks[] = {
    0,
    8,
    0xff8,
    EBB_HYPERCALL_PAGE + 0x100,
    EBB_BOOT_INFO + 0x100,
    EBB_CLOCK + 0x800,
    EBB_RINGS + 0x8000,
    EBB_DATA + 0x1000,
    EBB_UPCALL_STACKS,
    EBB_UPCALL_STACKS + 8,
    EBB_UPCALL_STACKS + 0x100,
    EBB_UPCALL_STACKS + 0x800,
    EBB_UPCALL_STACKS + 0x4000,
    EBB_UPCALL_STACKS + EBB_UPCALL_STACK_SIZE - 8,
    EBB_UPCALL_STACKS + EBB_UPCALL_STACK_SIZE,
    EBB_UPCALL_STACKS + EBB_UPCALL_STACK_SIZE + 64,
    kStack + 3,
    kStack + 8,
    EBB_ARENA_END,
    EBB_ARENA_END + 0x3800,
    EBB_ARENA_END + 0x4000,
    0x7ffffffff000,
    0x7fffffffffff,
    0x800000000000,
    0x8000000000000000,
    0xffff800000000000,
    0xffffffff81000000,
    ~0ull,
    ~0ull - 127,
};
// What happens while the stack pointer is bad: every kind of upcall, and a hypercall.
constexpr Code kEvents[] = {
    {"int3", 1, {0xcc}},
    {"ud2", 2, {0x0f, 0x0b}},
    {"pageFault", 3, {0x48, 0x8b, 0x07}},
    {"syscall", 2, {0x0f, 0x05}},
    {"cli", 1, {0xfa}},
    {"spin", 2, {0xeb, 0xfe}},
    {"divide", 2, {0xf7, 0xf1}},
    {"hypercall", 2, {0xff, 0xe0}},
};
constexpr uint64_t kStackCount = sizeof kStacks / sizeof kStacks[0];
constexpr uint64_t kEventCount = sizeof kEvents / sizeof kEvents[0];

void BadStacks(uint64_t index) {
  const Code& event = kEvents[index % kEventCount];
  Registers registers = DefaultRegisters(0);
  registers.gpr[EBB_RSP] = kStacks[index / kEventCount];
  registers.gpr[EBB_RAX] = boot->hypercalls[EBB_HC_ENTER];
  AttemptCode(event, registers);
  Count(event.size);
}

// The same with bad segment bases.
constexpr uint64_t kBases[] = {8,
                               EBB_HYPERCALL_PAGE,
                               EBB_RINGS,
                               EBB_ARENA_END + 0x2000,
                               EBB_ARENA_END + 0x3000,
                               EBB_ARENA_END + 0x3ff0,
                               EBB_ARENA_END + 0x4000,
                               0x7ffffffff000,
                               0x800000000000,
                               0xffff888000000000,
                               0xffffffff81000000,
                               ~0ull - 7,
                               ~0ull};
constexpr uint64_t kBaseCount = sizeof kBases / sizeof kBases[0];
constexpr uint64_t kBaseAttempts = kBaseCount * kEventCount * 2;

void BadBases(uint64_t index) {
  const Code& event = kEvents[index / 2 % kEventCount];
  // wrfsbase or wrgsbase rdx, then the event
  uint8_t bytes[20] = {0xf3, 0x48, 0x0f, 0xae, static_cast<uint8_t>(index % 2 == 0 ? 0xd2 : 0xda)};
  for (uint32_t i = 0; i < event.size; ++i) bytes[5 + i] = event.bytes[i];
  PutCode(bytes, 5u + event.size);
  Registers registers = DefaultRegisters(kCode);
  registers.gpr[EBB_RDX] = kBases[index / 2 / kEventCount];
  registers.gpr[EBB_RAX] = boot->hypercalls[EBB_HC_ENTER];
  Attempt(registers);
  Count(5u + event.size);
}

}  // namespace

#endif  // EBB_TENDER_TEST_HOSTILE_MEMORY_H_
