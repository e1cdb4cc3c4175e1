// Just enough of an x86-64 decoder to find the memory operand.
#include "tender/fault_address.h"

#include <cstring>

namespace ebb::tender {
namespace {

enum class Map { kOne, k0F, k0F38, k0F3A };

struct Prefixes {
  bool segment_fs = false, segment_gs = false, address32 = false, operand16 = false;
  bool rex_x = false, rex_b = false;
  Map map = Map::kOne;
  bool vector = false;     // VEX or EVEX
  uint8_t disp8_scale = 0;  // EVEX compresses 8-bit displacements: log2 of the factor is not derived, see below
};

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> code) : code_(code) {}
  bool Take(uint8_t& byte) {
    if (at_ >= code_.size()) return false;
    byte = code_[at_++];
    return true;
  }
  bool TakeSigned(size_t size, int64_t& value) {
    if (at_ + size > code_.size()) return false;
    int32_t word = 0;
    if (size == 1) {
      word = static_cast<int8_t>(code_[at_]);
    } else {
      std::memcpy(&word, code_.data() + at_, size);
    }
    value = word;
    at_ += size;
    return true;
  }
  size_t at() const { return at_; }

 private:
  std::span<const uint8_t> code_;
  size_t at_ = 0;
};

// Prefixes, VEX/EVEX and escapes up to the opcode. False when the bytes end.
bool ReadOpcode(Reader& reader, Prefixes& prefixes, uint8_t& opcode) {
  for (;;) {
    if (!reader.Take(opcode)) return false;
    if (opcode == 0x64) prefixes.segment_fs = true;
    else if (opcode == 0x65) prefixes.segment_gs = true;
    else if (opcode == 0x66) prefixes.operand16 = true;
    else if (opcode == 0x67) prefixes.address32 = true;
    else if (opcode != 0xf0 && opcode != 0xf2 && opcode != 0xf3 && opcode != 0x2e && opcode != 0x36 && opcode != 0x3e && opcode != 0x26) break;
  }
  if ((opcode & 0xf0) == 0x40) {
    prefixes.rex_x = (opcode & 2) != 0;
    prefixes.rex_b = (opcode & 1) != 0;
    if (!reader.Take(opcode)) return false;
  }
  constexpr Map kMaps[] = {Map::kOne, Map::k0F, Map::k0F38, Map::k0F3A};
  uint8_t a = 0, b = 0;
  switch (opcode) {
    case 0x0f:
      prefixes.map = Map::k0F;
      if (!reader.Take(opcode)) return false;
      if (opcode != 0x38 && opcode != 0x3a) return true;
      prefixes.map = opcode == 0x38 ? Map::k0F38 : Map::k0F3A;
      return reader.Take(opcode);
    case 0xc5:
      prefixes.vector = true;
      prefixes.map = Map::k0F;
      return reader.Take(a) && reader.Take(opcode);
    case 0xc4:
      prefixes.vector = true;
      if (!reader.Take(a) || !reader.Take(b)) return false;
      prefixes.rex_x = (a & 0x40) == 0;
      prefixes.rex_b = (a & 0x20) == 0;
      prefixes.map = kMaps[a & 3];
      return reader.Take(opcode);
    case 0x62: {
      uint8_t c = 0;
      prefixes.vector = true;
      if (!reader.Take(a) || !reader.Take(b) || !reader.Take(c)) return false;
      prefixes.rex_x = (a & 0x40) == 0;
      prefixes.rex_b = (a & 0x20) == 0;
      prefixes.map = kMaps[a & 3];
      // Full vectors, the usual case: the factor is the vector's length, 16, 32 or 64 bytes.
      prefixes.disp8_scale = static_cast<uint8_t>(4 + (c >> 5 & 3));
      return reader.Take(opcode);
    }
    default:
      return true;
  }
}

bool HasModRm(Map map, uint8_t opcode) {
  if (map == Map::kOne) {
    if (opcode < 0x40) return (opcode & 7) < 4;
    return opcode == 0x63 || opcode == 0x69 || opcode == 0x6b || (opcode >= 0x80 && opcode <= 0x8f) || opcode == 0xc0 || opcode == 0xc1 || opcode == 0xc6 ||
           opcode == 0xc7 || (opcode >= 0xd0 && opcode <= 0xd3) || (opcode >= 0xd8 && opcode <= 0xdf) || opcode == 0xf6 || opcode == 0xf7 || opcode >= 0xfe;
  }
  if (map == Map::k0F) {
    return !(opcode >= 0x80 && opcode <= 0x8f) && !(opcode >= 0xc8 && opcode <= 0xcf) && !(opcode >= 0x30 && opcode <= 0x37) && opcode != 0x05 &&
           opcode != 0x0b && opcode != 0x77 && opcode != 0xa2;
  }
  return true;
}

bool Writes(Map map, uint8_t opcode, uint8_t reg) {
  if (map == Map::kOne) {
    if (opcode < 0x38) return (opcode & 7) < 2;
    if (opcode == 0x80 || opcode == 0x81 || opcode == 0x83) return reg != 7;
    return opcode == 0x86 || opcode == 0x87 || opcode == 0x88 || opcode == 0x89 || opcode == 0x8f || opcode == 0xc0 || opcode == 0xc1 || opcode == 0xc6 || opcode == 0xc7 ||
           (opcode >= 0xd0 && opcode <= 0xd3) || (opcode == 0xfe && reg < 2) || (opcode == 0xff && reg < 2) || ((opcode == 0xf6 || opcode == 0xf7) && (reg == 2 || reg == 3));
  }
  if (map == Map::k0F) {
    return opcode == 0x11 || opcode == 0x13 || opcode == 0x17 || opcode == 0x29 || opcode == 0x2b || opcode == 0x7e || opcode == 0x7f || opcode == 0xd6 || opcode == 0xe7 ||
           opcode == 0xb0 || opcode == 0xb1 || opcode == 0xc0 || opcode == 0xc1 || opcode == 0xc3 || (opcode >= 0x90 && opcode <= 0x9f);
  }
  return false;
}

// Bytes of immediate behind the operand: a rip-relative operand counts from the end of the instruction.
size_t ImmediateSize(Map map, uint8_t opcode, uint8_t reg, bool operand16) {
  const size_t word = operand16 ? 2 : 4;
  if (map == Map::k0F3A) return 1;
  if (map == Map::k0F) return (opcode >= 0x70 && opcode <= 0x73) || opcode == 0xa4 || opcode == 0xac || opcode == 0xba || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6) ? 1 : 0;
  if (map == Map::k0F38) return 0;
  switch (opcode) {
    case 0x6b:
    case 0x80:
    case 0x83:
    case 0xc0:
    case 0xc1:
    case 0xc6:
      return 1;
    case 0x69:
    case 0x81:
    case 0xc7:
      return word;
    case 0xf6:
      return reg < 2 ? 1 : 0;
    case 0xf7:
      return reg < 2 ? word : 0;
    default:
      return 0;
  }
}

// Operands that no ModRM byte names.
std::optional<MemoryOperand> Implicit(uint8_t opcode, const InstructionContext& context) {
  const uint64_t* gpr = context.gpr;
  if ((opcode >= 0x50 && opcode <= 0x57) || opcode == 0x68 || opcode == 0x6a || opcode == 0x9c || opcode == 0xe8) return MemoryOperand{gpr[EBB_RSP] - 8, true};
  if ((opcode >= 0x58 && opcode <= 0x5f) || opcode == 0x9d || opcode == 0xc2 || opcode == 0xc3 || opcode == 0xcf) return MemoryOperand{gpr[EBB_RSP], false};
  if (opcode == 0xc9) return MemoryOperand{gpr[EBB_RBP], false};
  if (opcode == 0xa4 || opcode == 0xa5 || opcode == 0xa6 || opcode == 0xa7 || opcode == 0xac || opcode == 0xad) return MemoryOperand{gpr[EBB_RSI], false};
  if (opcode == 0xaa || opcode == 0xab) return MemoryOperand{gpr[EBB_RDI], true};
  if (opcode == 0xae || opcode == 0xaf) return MemoryOperand{gpr[EBB_RDI], false};
  return std::nullopt;
}

}  // namespace

std::optional<MemoryOperand> DecodeMemoryOperand(std::span<const uint8_t> code, const InstructionContext& context) {
  Reader reader(code);
  Prefixes prefixes;
  uint8_t opcode = 0, modrm = 0;
  if (!ReadOpcode(reader, prefixes, opcode)) return std::nullopt;
  if (prefixes.map == Map::kOne && !prefixes.vector && !HasModRm(Map::kOne, opcode)) return Implicit(opcode, context);
  if (!prefixes.vector && !HasModRm(prefixes.map, opcode)) return std::nullopt;
  if (!reader.Take(modrm)) return std::nullopt;
  const uint8_t mod = modrm >> 6, reg = modrm >> 3 & 7, rm = modrm & 7;
  const bool calls = prefixes.map == Map::kOne && opcode == 0xff;
  if (mod == 3) {
    if (calls && (reg == 2 || reg == 6)) return MemoryOperand{context.gpr[EBB_RSP] - 8, true};
    return std::nullopt;
  }

  uint64_t address = 0;
  bool rip_relative = false, only_displacement = false;
  if (rm == 4) {
    uint8_t sib = 0;
    if (!reader.Take(sib)) return std::nullopt;
    const unsigned index = (sib >> 3 & 7u) | (prefixes.rex_x ? 8u : 0u);
    const unsigned base = (sib & 7u) | (prefixes.rex_b ? 8u : 0u);
    if (index != 4) address += context.gpr[index] << (sib >> 6);
    only_displacement = (sib & 7) == 5 && mod == 0;
    if (!only_displacement) address += context.gpr[base];
  } else if (rm == 5 && mod == 0) {
    rip_relative = true;
  } else {
    address = context.gpr[rm | (prefixes.rex_b ? 8u : 0u)];
  }

  int64_t displacement = 0;
  const size_t size = mod == 1 ? 1 : mod == 2 || rip_relative || only_displacement ? 4 : 0;
  if (size > 0 && !reader.TakeSigned(size, displacement)) return std::nullopt;
  if (size == 1) displacement = static_cast<int64_t>(static_cast<uint64_t>(displacement) << prefixes.disp8_scale);
  address += static_cast<uint64_t>(displacement);
  if (rip_relative) address += context.rip + reader.at() + ImmediateSize(prefixes.map, opcode, reg, prefixes.operand16);
  if (prefixes.address32) address = static_cast<uint32_t>(address);
  if (prefixes.segment_fs) address += context.fs_base;
  if (prefixes.segment_gs) address += context.gs_base;
  return MemoryOperand{address, Writes(prefixes.map, opcode, reg)};
}

}  // namespace ebb::tender
