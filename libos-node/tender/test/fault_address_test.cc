// DecodeAccess against the processor: each instruction is run in this process on an inaccessible region, and what the
// decoder says is compared with what the kernel reports.
#include "tender/fault_address.h"

#include <gtest/gtest.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstring>

namespace ebb::tender {
namespace {

sigjmp_buf back;
InstructionContext context_at_fault;
uint64_t reported_address;
uint8_t code_at_fault[15];

void OnFault(int, siginfo_t* info, void* argument) {
  const auto& regs = static_cast<ucontext_t*>(argument)->uc_mcontext.gregs;
  const int order[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                       REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  for (int i = 0; i < EBB_GPR_COUNT; ++i) context_at_fault.gpr[i] = static_cast<uint64_t>(regs[order[i]]);
  context_at_fault.rip = static_cast<uint64_t>(regs[REG_RIP]);
  reported_address = reinterpret_cast<uint64_t>(info->si_addr);
  std::memcpy(code_at_fault, reinterpret_cast<const void*>(regs[REG_RIP]), sizeof code_at_fault);
  siglongjmp(back, 1);
}

// Runs `text` with rdi in the middle of an inaccessible region, rsi = 16 and r12 = rdi.
#define FAULTING(name, text)                                                                           \
  __attribute__((noinline, target("avx512f,avx512bw"))) void name(uint64_t address) {                  \
    asm volatile("mov %0, %%rdi; mov $16, %%esi; mov %%rdi, %%r12; mov $1, %%ecx; " text::"r"(address) \
                 : "rdi", "rsi", "r12", "rcx", "rax", "memory");                                       \
  }
FAULTING(Load, "mov (%%rdi), %%rax")
FAULTING(LoadByte, "movzbl 5(%%rdi), %%eax")
FAULTING(LoadIndexed, "mov -8(%%rdi,%%rsi,4), %%eax")
FAULTING(LoadFar, "mov 0x12345(%%r12), %%eax")
FAULTING(LoadR12Index, "mov (%%rsi,%%r12,1), %%eax")
FAULTING(Store, "movq $77, 24(%%rdi)")
FAULTING(StoreByte, "movb %%al, (%%r12,%%rsi,2)")
FAULTING(Compare, "cmpl $5, (%%rdi)")
FAULTING(Exchange, "lock xadd %%rax, 8(%%rdi)")
FAULTING(Bits, "lock btsl $3, (%%rdi)")
FAULTING(Sse, "movups %%xmm0, 32(%%rdi)")
FAULTING(SseLoad, "movaps 32(%%rdi), %%xmm0")
FAULTING(Sse41, "pinsrd $1, 4(%%rdi), %%xmm0")
FAULTING(Avx, "vmovdqu (%%rdi,%%rsi,8), %%ymm0")
FAULTING(AvxR12, "vmovdqu %%ymm0, 64(%%r12)")
FAULTING(Bmi, "andn (%%r12), %%eax, %%eax")
FAULTING(Evex, "vmovdqu64 128(%%r12), %%zmm0")
FAULTING(StringStore, "rep stosb")
FAULTING(StringLoad, "mov %%rdi, %%rsi; lodsb")
FAULTING(StringMoveTo, "mov %%rsp, %%rsi; mov $3, %%ecx; rep movsq")
FAULTING(StringMoveFrom, "xchg %%rsi, %%rdi; mov %%rsp, %%rdi; sub $200, %%rdi; mov $3, %%ecx; rep movsb")
FAULTING(StringCompare, "mov %%rsp, %%rsi; cmpsb")
FAULTING(EvexHalf, "vpmovzxbw 32(%%r12), %%zmm0")
FAULTING(EvexScalar, "vmovss 4(%%r12), %%xmm16")
FAULTING(EvexBroadcast, "vpaddd 4(%%r12)%{1to16%}, %%zmm0, %%zmm0")
FAULTING(EvexStore, "vmovdqu8 %%zmm16, -64(%%r12)")
FAULTING(SaveState, "mov $7, %%eax; xor %%edx, %%edx; xsave (%%rdi)")
FAULTING(CompareSwap, "lock cmpxchg16b (%%rdi)")
FAULTING(Leave, "push %%rbp; mov %%rdi, %%rbp; leave")
FAULTING(X87, "fldl 16(%%rdi)")
FAULTING(CallMemory, "call *8(%%rdi)")
FAULTING(PushMemory, "pushq 8(%%rdi)")
FAULTING(Pop, "mov %%rsp, %%rax; mov %%rdi, %%rsp; pop %%rcx; mov %%rax, %%rsp")
FAULTING(Truncated, "mov 8(%%edi), %%rax")
#undef FAULTING

struct Case {
  const char* name;
  void (*code)(uint64_t);
  bool write;
  const char* feature = nullptr;
};

TEST(FaultAddress, AgreesWithTheProcessor) {
  const Case cases[] = {{"Load", Load, false},
                        {"LoadByte", LoadByte, false},
                        {"LoadIndexed", LoadIndexed, false},
                        {"LoadFar", LoadFar, false},
                        {"LoadR12Index", LoadR12Index, false},
                        {"Store", Store, true},
                        {"StoreByte", StoreByte, true},
                        {"Compare", Compare, false},
                        {"Exchange", Exchange, true},
                        {"Bits", Bits, true},
                        {"Sse", Sse, true},
                        {"SseLoad", SseLoad, false},
                        {"Sse41", Sse41, false, "sse4.1"},
                        {"Avx", Avx, false, "avx"},
                        {"AvxR12", AvxR12, true, "avx"},
                        {"Bmi", Bmi, false, "bmi"},
                        {"Evex", Evex, false, "avx512f"},
                        {"StringStore", StringStore, true},
                        {"StringLoad", StringLoad, false},
                        {"StringMoveTo", StringMoveTo, true},
                        {"StringMoveFrom", StringMoveFrom, false},
                        {"StringCompare", StringCompare, false},
                        {"EvexHalf", EvexHalf, false, "avx512bw"},
                        {"EvexScalar", EvexScalar, false, "avx512f"},
                        {"EvexBroadcast", EvexBroadcast, false, "avx512f"},
                        {"EvexStore", EvexStore, true, "avx512bw"},
                        {"SaveState", SaveState, true},
                        {"CompareSwap", CompareSwap, true},
                        {"Leave", Leave, false},
                        {"PushMemory", PushMemory, false},
                        {"X87", X87, false},
                        {"CallMemory", CallMemory, false},
                        {"Pop", Pop, false},
                        {"Truncated", Truncated, false}};
  constexpr size_t kSize = 4 << 20;
  // Below 4 GiB, for the instruction with 32-bit addresses.
  void* region = mmap(nullptr, kSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  ASSERT_NE(region, MAP_FAILED);
  const uint64_t address = reinterpret_cast<uint64_t>(region) + kSize / 2;
  alignas(16) static uint8_t stack[65536];
  const stack_t alternative{stack, 0, sizeof stack};
  sigaltstack(&alternative, nullptr);
  struct sigaction action{}, before{};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, &before);
  __builtin_cpu_init();
  for (const Case& c : cases) {
    const std::string feature = c.feature == nullptr ? "" : c.feature;
    if ((feature == "avx512bw" && !__builtin_cpu_supports("avx512bw")) ||
        (feature == "avx" && !__builtin_cpu_supports("avx")) || (feature == "bmi" && !__builtin_cpu_supports("bmi")) ||
        (feature == "sse4.1" && !__builtin_cpu_supports("sse4.1")) ||
        (feature == "avx512f" && !__builtin_cpu_supports("avx512f"))) {
      continue;
    }
    if (sigsetjmp(back, 1) == 0) {
      c.code(address);
      ADD_FAILURE() << c.name << " did not fault";
      continue;
    }
    const DecodedAccess access = DecodeAccess(code_at_fault, context_at_fault);
    EXPECT_FALSE(access.cut) << c.name;
    // The first operand inside the region, as the tender chooses.
    const MemoryOperand* chosen = nullptr;
    for (const auto& operand : access.all()) {
      if (chosen == nullptr && operand.address >= address - kSize / 2 && operand.address < address + kSize / 2)
        chosen = &operand;
    }
    ASSERT_NE(chosen, nullptr) << c.name;
    EXPECT_EQ(chosen->address, reported_address) << c.name;
    EXPECT_EQ(chosen->write, c.write) << c.name;
  }
  sigaction(SIGSEGV, &before, nullptr);
  munmap(region, kSize);
}

TEST(FaultAddress, RipRelativeCountsFromTheEnd) {
  InstructionContext context{};
  context.rip = 0x1000;
  const uint8_t load[] = {0x48, 0x8b, 0x05, 0x10, 0, 0, 0};            // mov 0x10(%rip), %rax
  const uint8_t store[] = {0xc7, 0x05, 0x10, 0, 0, 0, 1, 2, 3, 4};     // movl $..., 0x10(%rip)
  const uint8_t gs[] = {0x65, 0x48, 0x8b, 0x04, 0x25, 0x08, 0, 0, 0};  // mov %gs:8, %rax
  const auto first = [&](std::span<const uint8_t> code) { return DecodeAccess(code, context).operands[0].address; };
  EXPECT_EQ(first(load), 0x1017u);
  EXPECT_EQ(first(store), 0x101au);
  context.gs_base = 0x5000;
  EXPECT_EQ(first(gs), 0x5008u);
}

TEST(FaultAddress, AbsoluteAddresses) {
  const uint8_t load[] = {0x48, 0xa1, 1, 2, 3, 4, 5, 6, 7, 8};  // movabs 0x0807060504030201, %rax
  const DecodedAccess access = DecodeAccess(load, InstructionContext{});
  ASSERT_EQ(access.count, 1u);
  EXPECT_EQ(access.operands[0].address, 0x0807060504030201u);
}

TEST(FaultAddress, TwoOperandsAreBothTold) {
  InstructionContext context{};
  context.gpr[EBB_RSI] = 0x1000;
  context.gpr[EBB_RDI] = 0x2000;
  context.gpr[EBB_RSP] = 0x3000;
  const uint8_t movs[] = {0xf3, 0x48, 0xa5};
  const DecodedAccess access = DecodeAccess(movs, context);
  ASSERT_EQ(access.count, 2u);
  EXPECT_EQ(access.operands[0].address, 0x1000u);
  EXPECT_EQ(access.operands[1].address, 0x2000u);
  EXPECT_EQ(access.operands[1].size, 8u);
  EXPECT_TRUE(access.operands[1].write);
  const uint8_t call[] = {0xff, 0x17};  // call *(%rdi)
  const DecodedAccess calls = DecodeAccess(call, context);
  ASSERT_EQ(calls.count, 2u);
  EXPECT_EQ(calls.operands[1].address, 0x3000u - 8);
}

TEST(FaultAddress, CutCodeIsSaidToBeCut) {
  const InstructionContext context{};
  EXPECT_TRUE(DecodeAccess({}, context).cut);
  const uint8_t prefixes[15] = {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66};
  EXPECT_TRUE(DecodeAccess(prefixes, context).cut);
  const uint8_t whole[] = {0x48, 0x8b, 0x84, 0x24, 1, 2, 3, 4};
  for (size_t size = 0; size < sizeof whole; ++size) EXPECT_TRUE(DecodeAccess({whole, size}, context).cut) << size;
  EXPECT_FALSE(DecodeAccess(whole, context).cut);
  const uint8_t registers[] = {0x48, 0x89, 0xc3};
  EXPECT_EQ(DecodeAccess(registers, context).count, 0u);
}

TEST(FaultAddress, AnyBytesAreDecodedSafely) {
  InstructionContext context{};
  uint64_t state = 1;
  for (int i = 0; i < 300000; ++i) {
    uint8_t code[15];
    for (auto& byte : code)
      byte = static_cast<uint8_t>((state = state * 6364136223846793005ull + 1442695040888963407ull) >> 56);
    const DecodedAccess access = DecodeAccess({code, static_cast<size_t>(i % 16)}, context);
    ASSERT_LE(access.count, access.operands.size());
  }
}

}  // namespace
}  // namespace ebb::tender
