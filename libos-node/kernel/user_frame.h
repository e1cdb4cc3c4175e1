// The program's general registers while its thread is in the kernel. Lies at the top of the thread's kernel stack;
// entry.S builds it.
#pragma once

#include <cstdint>

namespace ebb {

struct UserFrame {
  uint64_t r15, r14, r13, r12, rbp, rbx, r9, r8, r10, rdx, rsi, rdi;
  uint64_t rax;       // becomes the result
  uint64_t orig_rax;  // syscall number, or kNoSyscall
  uint64_t r11, rcx;
  // What iretq takes.
  uint64_t rip, cs, rflags, rsp, ss;
  uint64_t pad;
};
static_assert(sizeof(UserFrame) == 176 && sizeof(UserFrame) % 16 == 0);

constexpr uint64_t kNoSyscall = ~0ull;

}  // namespace ebb
