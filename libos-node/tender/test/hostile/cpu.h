// Attacks with single instructions: what belongs to ring 0, ports, interrupts, segments, flags, floating-point state.
#ifndef EBB_TENDER_TEST_HOSTILE_CPU_H_
#define EBB_TENDER_TEST_HOSTILE_CPU_H_

#include "tender/test/hostile/attempt.h"

namespace {

// Must fault whatever the registers hold.
constexpr Code kPrivileged[] = {
    {"hlt", 1, {0xf4}},
    {"cli", 1, {0xfa}},
    {"sti", 1, {0xfb}},
    {"rdmsr", 2, {0x0f, 0x32}},
    {"wrmsr", 2, {0x0f, 0x30}},
    {"clts", 2, {0x0f, 0x06}},
    {"invd", 2, {0x0f, 0x08}},
    {"wbinvd", 2, {0x0f, 0x09}},
    {"wbnoinvd", 3, {0xf3, 0x0f, 0x09}},
    {"lgdt", 3, {0x0f, 0x01, 0x17}},
    {"lidt", 3, {0x0f, 0x01, 0x1f}},
    {"lldt", 3, {0x0f, 0x00, 0xd0}},
    {"ltr", 3, {0x0f, 0x00, 0xd8}},
    {"lmsw", 3, {0x0f, 0x01, 0xf0}},
    {"invlpg", 3, {0x0f, 0x01, 0x3f}},
    {"swapgs", 3, {0x0f, 0x01, 0xf8}},
    {"sysretq", 3, {0x48, 0x0f, 0x07}},
    {"sysretl", 2, {0x0f, 0x07}},
    {"sysexit", 2, {0x0f, 0x35}},
    {"readCr0", 3, {0x0f, 0x20, 0xc0}},
    {"writeCr0", 3, {0x0f, 0x22, 0xc0}},
    {"readCr3", 3, {0x0f, 0x20, 0xd8}},
    {"writeCr3", 3, {0x0f, 0x22, 0xd8}},
    {"writeCr4", 3, {0x0f, 0x22, 0xe0}},
    {"writeCr8", 4, {0x44, 0x0f, 0x22, 0xc0}},
    {"readDr7", 3, {0x0f, 0x21, 0xf8}},
    {"writeDr7", 3, {0x0f, 0x23, 0xf8}},
    {"writeDr0", 3, {0x0f, 0x23, 0xc0}},
    {"xsetbv", 3, {0x0f, 0x01, 0xd1}},
    {"rsm", 2, {0x0f, 0xaa}},
    {"clac", 3, {0x0f, 0x01, 0xca}},
    {"stac", 3, {0x0f, 0x01, 0xcb}},
    {"encls", 3, {0x0f, 0x01, 0xcf}},
    {"vmxon", 4, {0xf3, 0x0f, 0xc7, 0x37}},
    {"vmclear", 4, {0x66, 0x0f, 0xc7, 0x37}},
    {"vmptrld", 3, {0x0f, 0xc7, 0x37}},
    {"vmlaunch", 3, {0x0f, 0x01, 0xc2}},
    {"vmresume", 3, {0x0f, 0x01, 0xc3}},
    {"vmxoff", 3, {0x0f, 0x01, 0xc4}},
    {"vmread", 3, {0x0f, 0x78, 0xc0}},
    {"vmwrite", 3, {0x0f, 0x79, 0xc0}},
    {"invept", 5, {0x66, 0x0f, 0x38, 0x80, 0x07}},
    {"invvpid", 5, {0x66, 0x0f, 0x38, 0x81, 0x07}},
    {"invpcid", 5, {0x66, 0x0f, 0x38, 0x82, 0x07}},
    {"vmrun", 3, {0x0f, 0x01, 0xd8}},
    {"vmload", 3, {0x0f, 0x01, 0xda}},
    {"vmsave", 3, {0x0f, 0x01, 0xdb}},
    {"stgi", 3, {0x0f, 0x01, 0xdc}},
    {"clgi", 3, {0x0f, 0x01, 0xdd}},
    {"skinit", 3, {0x0f, 0x01, 0xde}},
    {"invlpga", 3, {0x0f, 0x01, 0xdf}},
    {"invlpgb", 3, {0x0f, 0x01, 0xfe}},
    {"xsaves", 3, {0x0f, 0xc7, 0x2f}},
    {"xrstors", 3, {0x0f, 0xc7, 0x1f}},
    {"getsec", 2, {0x0f, 0x37}},
    // The call by which a kernel asks PVM whether it runs on it.
    {"pvmProbe", 14, {0x0f, 0x01, 0x3c, 0x25, 0x50, 0x56, 0x4d, 0xff, 0x90, 0x90, 0x90, 0x90, 0x0f, 0xa2}},
    {"ud0", 3, {0x0f, 0xff, 0xc0}},
    {"ud2", 2, {0x0f, 0x0b}},
};

// May fault or run, as the processor and the host have it; the VM goes on in any case. Calls of a hypervisor among
// them: under PVM and in nested machines they reach one that is not the tender's.
constexpr Code kUnprivileged[] = {
    {"sgdt", 3, {0x0f, 0x01, 0x07}},
    {"sidt", 3, {0x0f, 0x01, 0x0f}},
    {"sldt", 3, {0x0f, 0x00, 0xc0}},
    {"str", 3, {0x0f, 0x00, 0xc8}},
    {"smsw", 3, {0x0f, 0x01, 0xe0}},
    {"rdpmc", 2, {0x0f, 0x33}},
    {"rdpru", 3, {0x0f, 0x01, 0xfd}},
    {"rdtscp", 3, {0x0f, 0x01, 0xf9}},
    {"cpuid", 2, {0x0f, 0xa2}},
    {"xgetbv", 3, {0x0f, 0x01, 0xd0}},
    {"wrpkru", 3, {0x0f, 0x01, 0xef}},
    {"monitor", 3, {0x0f, 0x01, 0xc8}},
    {"mwait", 3, {0x0f, 0x01, 0xc9}},
    {"icebp", 1, {0xf1}},
    {"setssbsy", 4, {0xf3, 0x0f, 0x01, 0xe8}},
    {"vmcall", 3, {0x0f, 0x01, 0xc1}},
    {"vmmcall", 3, {0x0f, 0x01, 0xd9}},
    {"vmfunc", 3, {0x0f, 0x01, 0xd4}},
    {"enclu", 3, {0x0f, 0x01, 0xd7}},
    {"xabort", 3, {0xc6, 0xf8, 0x00}},
    {"verr", 3, {0x0f, 0x00, 0xe0}},
    {"lar", 3, {0x0f, 0x02, 0xc0}},
    {"lsl", 3, {0x0f, 0x03, 0xc0}},
    {"clflush", 3, {0x0f, 0xae, 0x3f}},
    {"fldcw", 2, {0xd9, 0x2f}},
    {"fldenv", 2, {0xd9, 0x27}},
    {"frstor", 2, {0xdd, 0x27}},
    {"ldmxcsr", 3, {0x0f, 0xae, 0x17}},
    {"fxrstor", 3, {0x0f, 0xae, 0x0f}},
    {"xrstor", 3, {0x0f, 0xae, 0x2f}},
    {"xsave", 3, {0x0f, 0xae, 0x27}},
    {"ldtilecfg", 5, {0xc4, 0xe2, 0x78, 0x49, 0x07}},
    {"popfAll", 4, {0x50, 0x9d, 0x9c, 0x58}},
    {"enter", 4, {0xc8, 0xff, 0xff, 0x1f}},
    {"syscall", 2, {0x0f, 0x05}},
    {"sysenter", 2, {0x0f, 0x34}},
    {"wrfsbase", 5, {0xf3, 0x48, 0x0f, 0xae, 0xd0}},
    {"wrgsbase", 5, {0xf3, 0x48, 0x0f, 0xae, 0xd8}},
};

// Bits of flags that ring 3 may never change: the I/O privilege level; and IF must be on.
void CheckFlags(const char* name) {
  if ((outcome.rflags & 0x3000) != 0) Violation(name, outcome.rflags);
  if ((outcome.rflags & 0x200) == 0) Violation(name, outcome.rflags);
}

// One attempt per instruction and register set.
void Instructions(uint64_t index) {
  const uint64_t set = index % kRegisterSets;
  const uint64_t which = index / kRegisterSets;
  const bool privileged = which < sizeof kPrivileged / sizeof kPrivileged[0];
  const Code& code =
      privileged ? kPrivileged[which] : kUnprivileged[which - sizeof kPrivileged / sizeof kPrivileged[0]];
  Fill(kScratch, 1024, set == 0 ? 0 : set == 1 ? 0xff : static_cast<uint8_t>(Random()));
  AttemptCode(code, RegisterSet(static_cast<uint32_t>(set), 0));
  Count(code.size);
  CheckFlags(code.name);
  if (!privileged) return;
  const bool fault = outcome.reason == EBB_UPCALL_FAULT && outcome.vector != kBreakpoint;
  if (!fault) Violation(code.name, outcome.vector);
}
constexpr uint64_t kInstructionAttempts =
    kRegisterSets * (sizeof kPrivileged / sizeof kPrivileged[0] + sizeof kUnprivileged / sizeof kUnprivileged[0]);

// Port `index / 8`, in one of eight ways. Hypercall ports: not as the hypercall page has it.
void Ports(uint64_t index) {
  constexpr Code kWays[] = {
      {"in8", 1, {0xec}},  {"out8", 1, {0xee}},  {"in16", 2, {0x66, 0xed}}, {"out16", 2, {0x66, 0xef}},
      {"in32", 1, {0xed}}, {"out32", 1, {0xef}}, {"ins", 2, {0xf3, 0x6c}},  {"outs", 2, {0xf3, 0x6e}},
  };
  const uint64_t port = index / 8;
  const bool hypercall = port >= 0x20 && port < 0x20 + EBB_HC_COUNT;
  if (hypercall && (index % 8 == 1 || index % 8 == 7)) return;
  const Code& way = kWays[index % 8];
  Registers registers = RegisterSet(0, 0);
  registers.gpr[EBB_RDX] = port;
  registers.gpr[EBB_RCX] = 3;
  registers.gpr[EBB_RSI] = registers.gpr[EBB_RDI] = kScratch;
  AttemptCode(way, registers);
  Count(way.size);
  // Sixteen ports lead to the tender, which knows eight hypercalls: a known port in an unknown way is a fault too.
  const bool open = boot->tender == EBB_TENDER_KVM && port >= 0x20 && port < 0x30;
  if (outcome.reason != EBB_UPCALL_FAULT || (!open && outcome.vector != kProtection)) Violation(way.name, port);
}

// `int n`. 0x80 is a system call of another architecture: the attack of its own name.
void Interrupts(uint64_t index) {
  if (index == 0x80) return;
  const Code code = {"int", 2, {0xcd, static_cast<uint8_t>(index)}};
  AttemptCode(code, RegisterSet(0, 0));
  Count(code.size);
  // A gate that ring 3 may not use: a protection fault. PVM calls it an undefined instruction, or passes over it.
  const bool own = index == 3 || index == 4;
  const bool refused = outcome.vector == kProtection || boot->tender == EBB_TENDER_KVM;
  if (outcome.reason != EBB_UPCALL_FAULT || (!own && !refused)) Violation("int", index);
}

void Int80(uint64_t index) {
  Registers registers = RegisterSet(static_cast<uint32_t>(index), 0);
  registers.gpr[EBB_RAX] = index;
  const Code code = {"int80", 2, {0xcd, 0x80}};
  AttemptCode(code, registers);
  Count(code.size);
  if (outcome.reason != EBB_UPCALL_FAULT || RanThrough(code.size)) Violation("int80", index);
}

// Every selector into each segment register, then the use of it.
void Selectors(uint64_t index) {
  constexpr Code kLoads[] = {
      {"ds", 2, {0x8e, 0xd8}},
      {"es", 2, {0x8e, 0xc0}},
      {"fs", 2, {0x8e, 0xe0}},
      {"gs", 2, {0x8e, 0xe8}},
      {"ss", 2, {0x8e, 0xd0}},
      // mov ss holds exceptions back over the next instruction: a trap, a system call, a single step.
      {"ssInt3", 3, {0x8e, 0xd0, 0xcc}},
      {"ssSyscall", 4, {0x8e, 0xd0, 0x0f, 0x05}},
      {"ssStep", 12, {0x9c, 0x80, 0x4c, 0x24, 0x01, 0x01, 0x9d, 0x8e, 0xd0, 0xcd, 0x03, 0x90}},
  };
  const Code& load = kLoads[index % 8];
  Registers registers = RegisterSet(0, 0);
  registers.gpr[EBB_RAX] = index / 8;
  AttemptCode(load, registers);
  Count(load.size);
  const Code restore = {"restore", 8, {0xb8, 0x2b, 0, 0, 0, 0x8e, 0xd8, 0x90}};
  AttemptCode(restore, RegisterSet(0, 0));
}

// Single steps: through code, a system call, and a hypercall.
void Steps(uint64_t index) {
  // pushf; or $0x100,(rsp); popf; then (call *rax | syscall); nop; nop
  constexpr uint8_t kStart[] = {0x9c, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9d};
  uint8_t bytes[20];
  uint32_t size = 0;
  for (const uint8_t byte : kStart) bytes[size++] = byte;
  const uint8_t middle[3][2] = {{0xff, 0xd0}, {0x0f, 0x05}, {0x90, 0x90}};
  for (const uint8_t byte : middle[index % 3]) bytes[size++] = byte;
  bytes[size++] = 0x90;
  PutCode(bytes, size);
  Registers registers = RegisterSet(0, kCode);
  registers.gpr[EBB_RAX] = boot->hypercalls[EBB_HC_ENTER];
  registers.gpr[EBB_RSI] = ~core->cq_tail;
  registers.gpr[EBB_RDI] = EBB_ENTER_SUBMIT | EBB_ENTER_WAIT;
  steps_left = static_cast<uint32_t>(index / 3);
  Attempt(registers);
  Count(size);
}

}  // namespace

#endif  // EBB_TENDER_TEST_HOSTILE_CPU_H_
