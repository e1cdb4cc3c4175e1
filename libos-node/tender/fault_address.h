// FaultAddress: which address an instruction was going to access.
//
// When the host's page tables refuse an access of a KVM guest, KVM_RUN fails without saying where. The address follows from the instruction and the registers. It
// is for signal frames (si_addr) and crash reports; nothing is decided by it. Leaves out: 16- and 32-bit code, gather and scatter, and which of
// two operands of a string instruction it was (the source is told, the destination of stos and ins).
#ifndef EBB_TENDER_FAULT_ADDRESS_H_
#define EBB_TENDER_FAULT_ADDRESS_H_

#include <cstdint>
#include <optional>
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
  bool write;  // certain only for the usual stores
};

// `code` are the bytes at rip, as many as can be read (15 are enough).
std::optional<MemoryOperand> DecodeMemoryOperand(std::span<const uint8_t> code, const InstructionContext& context);

}  // namespace ebb::tender

#endif  // EBB_TENDER_FAULT_ADDRESS_H_
