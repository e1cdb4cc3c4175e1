// FaultAddress: what memory an instruction was going to access.
//
// When the host's page tables refuse an access of a KVM guest, KVM_RUN fails without saying where, and a LibOS that
// commits memory on demand must know. The addresses follow from the instruction and the registers; where several are
// possible (two operands, or a compressed displacement whose scale depends on the instruction) all are told, the
// likeliest first, and the caller takes the first that is in fact inaccessible. Leaves out: 16- and 32-bit code, gather
// and scatter, bit strings beyond their operand.
#ifndef EBB_TENDER_FAULT_ADDRESS_H_
#define EBB_TENDER_FAULT_ADDRESS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/ebb_abi.h"

namespace ebb::tender {

struct InstructionContext {
  uint64_t gpr[EBB_GPR_COUNT];
  uint64_t rip;
  uint64_t fs_base, gs_base;
};

struct MemoryOperand {
  uint64_t address;
  uint32_t size;  // exact for instructions with two operands, an upper bound otherwise
  bool write;     // certain for the usual stores; some rare ones are told as loads
};

struct DecodedAccess {
  std::array<MemoryOperand, 8> operands;
  size_t count = 0;
  // The bytes ended within the instruction.
  bool cut = false;

  std::span<const MemoryOperand> all() const { return {operands.data(), count}; }
  void Add(uint64_t address, uint32_t size, bool write) {
    if (count < operands.size()) operands[count++] = {address, size, write};
  }
};

// `code` are the bytes at rip, as many as can be read; an instruction has at most 15.
DecodedAccess DecodeAccess(std::span<const uint8_t> code, const InstructionContext& context);

}  // namespace ebb::tender

#endif  // EBB_TENDER_FAULT_ADDRESS_H_
