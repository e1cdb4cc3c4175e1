// Runs a seccomp program on one call, as the kernel does. Throws for instructions that our programs do not contain.
#ifndef EBB_TENDER_TEST_FILTER_INTERPRETER_H_
#define EBB_TENDER_TEST_FILTER_INTERPRETER_H_

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>

namespace ebb::tender {

inline uint32_t RunFilter(std::span<const sock_filter> program, const seccomp_data& data) {
  uint32_t a = 0, x = 0, scratch[BPF_MEMWORDS] = {};
  for (size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& i = program[pc];
    const auto jump = [&](bool taken) { pc += taken ? i.jt : i.jf; };
    const uint32_t operand = BPF_SRC(i.code) == BPF_X ? x : i.k;
    switch (BPF_CLASS(i.code)) {
      case BPF_LD:
        if (BPF_MODE(i.code) == BPF_ABS) {
          std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, sizeof a);
        } else {
          a = BPF_MODE(i.code) == BPF_MEM ? scratch[i.k] : i.k;
        }
        break;
      case BPF_LDX:
        x = BPF_MODE(i.code) == BPF_MEM ? scratch[i.k] : i.k;
        break;
      case BPF_ST:
        scratch[i.k] = a;
        break;
      case BPF_STX:
        scratch[i.k] = x;
        break;
      case BPF_ALU:
        if (BPF_OP(i.code) == BPF_ADD) {
          a += operand;
        } else if (BPF_OP(i.code) == BPF_AND) {
          a &= operand;
        } else {
          throw std::runtime_error("operation not known to this interpreter");
        }
        break;
      case BPF_JMP:
        if (BPF_OP(i.code) == BPF_JA) {
          pc += i.k;
        } else {
          jump(BPF_OP(i.code) == BPF_JEQ   ? a == operand
               : BPF_OP(i.code) == BPF_JGT ? a > operand
               : BPF_OP(i.code) == BPF_JGE ? a >= operand
                                           : (a & operand) != 0);
        }
        break;
      case BPF_RET:
        return BPF_RVAL(i.code) == BPF_A ? a : i.k;
      case BPF_MISC:
        (BPF_MISCOP(i.code) == BPF_TAX ? x : a) = BPF_MISCOP(i.code) == BPF_TAX ? a : x;
        break;
    }
  }
  throw std::runtime_error("ran off the end");
}

}  // namespace ebb::tender

#endif  // EBB_TENDER_TEST_FILTER_INTERPRETER_H_
