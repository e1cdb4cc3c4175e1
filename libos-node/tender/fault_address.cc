// Just enough of an x86-64 decoder to find the memory operands.
#include "tender/fault_address.h"

#include <cstring>

namespace ebb::tender {
namespace {

enum class Map { kOne, k0F, k0F38, k0F3A };

// Upper bounds of what one operand spans.
constexpr uint32_t kVectorSize = 64;
constexpr uint32_t kStateSize = 4096;  // fxsave, xsave and their kin

struct Prefixes {
  bool segment_fs = false, segment_gs = false, address32 = false, operand16 = false;
  bool rex_w = false, rex_x = false, rex_b = false;
  Map map = Map::kOne;
  bool vector = false;  // VEX or EVEX
  bool evex = false;
  uint8_t vector_log2 = 0;  // EVEX: log2 of the vector's bytes
  bool broadcast = false;   // EVEX: one element is loaded
  uint8_t implied = 0;      // EVEX: the prefix that it stands for (0: none, 1: 66, 2: f3, 3: f2)
};

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> code) : code_(code) {}
  bool Take(uint8_t& byte) {
    if (at_ >= code_.size()) return false;
    byte = code_[at_++];
    return true;
  }
  // 1 or 4 bytes.
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
  bool TakeAddress(size_t size, uint64_t& value) {
    if (at_ + size > code_.size()) return false;
    std::memcpy(&value, code_.data() + at_, size);
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
    if (opcode == 0x64)
      prefixes.segment_fs = true;
    else if (opcode == 0x65)
      prefixes.segment_gs = true;
    else if (opcode == 0x66)
      prefixes.operand16 = true;
    else if (opcode == 0x67)
      prefixes.address32 = true;
    else if (opcode != 0xf0 && opcode != 0xf2 && opcode != 0xf3 && opcode != 0x2e && opcode != 0x36 && opcode != 0x3e &&
             opcode != 0x26)
      break;
  }
  if ((opcode & 0xf0) == 0x40) {
    prefixes.rex_w = (opcode & 8) != 0;
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
      prefixes.evex = true;
      prefixes.vector_log2 = static_cast<uint8_t>(4 + (c >> 5 & 3));
      prefixes.broadcast = (c & 0x10) != 0;
      prefixes.rex_w = (b & 0x80) != 0;
      prefixes.implied = b & 3;
      return reader.Take(opcode);
    }
    default:
      return true;
  }
}

bool HasModRm(Map map, uint8_t opcode) {
  if (map == Map::kOne) {
    if (opcode < 0x40) return (opcode & 7) < 4;
    return opcode == 0x63 || opcode == 0x69 || opcode == 0x6b || (opcode >= 0x80 && opcode <= 0x8f) || opcode == 0xc0 ||
           opcode == 0xc1 || opcode == 0xc6 || opcode == 0xc7 || (opcode >= 0xd0 && opcode <= 0xd3) ||
           (opcode >= 0xd8 && opcode <= 0xdf) || opcode == 0xf6 || opcode == 0xf7 || opcode >= 0xfe;
  }
  if (map == Map::k0F) {
    return !(opcode >= 0x80 && opcode <= 0x8f) && !(opcode >= 0xc8 && opcode <= 0xcf) &&
           !(opcode >= 0x30 && opcode <= 0x37) && opcode != 0x05 && opcode != 0x0b && opcode != 0x77 && opcode != 0xa2;
  }
  return true;
}

bool Writes(Map map, uint8_t opcode, uint8_t reg) {
  if (map == Map::kOne) {
    if (opcode < 0x38) return (opcode & 7) < 2;
    if (opcode == 0x80 || opcode == 0x81 || opcode == 0x83) return reg != 7;
    return opcode == 0x86 || opcode == 0x87 || opcode == 0x88 || opcode == 0x89 || opcode == 0x8f || opcode == 0xc0 ||
           opcode == 0xc1 || opcode == 0xc6 || opcode == 0xc7 || (opcode >= 0xd0 && opcode <= 0xd3) ||
           (opcode == 0xfe && reg < 2) || (opcode == 0xff && reg < 2) ||
           ((opcode == 0xf6 || opcode == 0xf7) && (reg == 2 || reg == 3));
  }
  if (map == Map::k0F) {
    return opcode == 0x11 || opcode == 0x13 || opcode == 0x17 || opcode == 0x29 || opcode == 0x2b || opcode == 0x7e ||
           opcode == 0x7f || opcode == 0xd6 || opcode == 0xe7 || opcode == 0xb0 || opcode == 0xb1 || opcode == 0xc0 ||
           opcode == 0xc1 || opcode == 0xc3 || (opcode >= 0x90 && opcode <= 0x9f) || opcode == 0xab || opcode == 0xb3 ||
           opcode == 0xbb || opcode == 0xa4 || opcode == 0xa5 || opcode == 0xac || opcode == 0xad ||
           (opcode == 0xba && reg > 4) || (opcode == 0xae && (reg == 0 || reg == 3 || reg == 4 || reg == 6)) ||
           (opcode == 0xc7 && (reg == 1 || reg == 4 || reg == 5));
  }
  return false;
}

// Bytes of immediate behind the operand: a rip-relative operand counts from the end of the instruction.
size_t ImmediateSize(Map map, uint8_t opcode, uint8_t reg, bool operand16) {
  const size_t word = operand16 ? 2 : 4;
  if (map == Map::k0F3A) return 1;
  if (map == Map::k0F)
    return (opcode >= 0x70 && opcode <= 0x73) || opcode == 0xa4 || opcode == 0xac || opcode == 0xba || opcode == 0xc2 ||
                   (opcode >= 0xc4 && opcode <= 0xc6)
               ? 1
               : 0;
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

// Operands that no ModRM byte names. False when the bytes end.
bool AddImplicit(Reader& reader, uint8_t opcode, const Prefixes& prefixes, const InstructionContext& context,
                 DecodedAccess& access) {
  const uint64_t* gpr = context.gpr;
  const uint32_t string_size = (opcode & 1) == 0 ? 1 : prefixes.rex_w ? 8 : prefixes.operand16 ? 2 : 4;
  const uint64_t segment = prefixes.segment_fs ? context.fs_base : prefixes.segment_gs ? context.gs_base : 0;
  if ((opcode >= 0x50 && opcode <= 0x57) || opcode == 0x68 || opcode == 0x6a || opcode == 0x9c || opcode == 0xe8) {
    access.Add(gpr[EBB_RSP] - 8, 8, true);
  } else if ((opcode >= 0x58 && opcode <= 0x5f) || opcode == 0x9d || opcode == 0xc2 || opcode == 0xc3) {
    access.Add(gpr[EBB_RSP], 8, false);
  } else if (opcode == 0xcf) {
    access.Add(gpr[EBB_RSP], 40, false);
  } else if (opcode == 0xc8) {
    access.Add(gpr[EBB_RSP] - 8, 8, true);
  } else if (opcode == 0xc9) {
    access.Add(gpr[EBB_RBP], 8, false);
  } else if (opcode == 0xd7) {
    access.Add(segment + gpr[EBB_RBX] + (gpr[EBB_RAX] & 0xff), 1, false);
  } else if (opcode >= 0xa0 && opcode <= 0xa3) {
    uint64_t address = 0;
    if (!reader.TakeAddress(prefixes.address32 ? 4 : 8, address)) return false;
    access.Add(segment + address, 8, opcode >= 0xa2);
  } else if (opcode >= 0xa4 && opcode <= 0xa7) {  // movs, cmps
    access.Add(segment + gpr[EBB_RSI], string_size, false);
    access.Add(gpr[EBB_RDI], string_size, opcode <= 0xa5);
  } else if (opcode == 0xac || opcode == 0xad) {
    access.Add(segment + gpr[EBB_RSI], string_size, false);
  } else if (opcode == 0xaa || opcode == 0xab || opcode == 0xae || opcode == 0xaf) {  // stos, scas
    access.Add(gpr[EBB_RDI], string_size, opcode <= 0xab);
  }
  return true;
}

uint32_t OperandSize(const Prefixes& prefixes, uint8_t opcode) {
  if (prefixes.map == Map::kOne && !prefixes.vector && opcode == 0xff) return 8;
  if (prefixes.map == Map::k0F && !prefixes.vector && (opcode == 0xae || opcode == 0xc7)) return kStateSize;
  if (prefixes.map == Map::kOne && !prefixes.vector && (opcode < 0xd8 || opcode > 0xdf)) return 8;
  return prefixes.map == Map::kOne ? 128 : kVectorSize;  // x87 saves up to 108 bytes
}

// What an EVEX 8-bit displacement is likely to count in, as log2 of bytes.
unsigned EvexScale(const Prefixes& prefixes, uint8_t opcode) {
  if (prefixes.broadcast) return prefixes.rex_w ? 3 : 2;
  if (prefixes.map == Map::k0F38 && prefixes.implied == 1 &&
      ((opcode >= 0x20 && opcode <= 0x25) || (opcode >= 0x30 && opcode <= 0x35))) {
    // Widening moves read a half, a quarter or an eighth of the vector.
    constexpr uint8_t kShare[] = {1, 2, 3, 1, 2, 1};
    return prefixes.vector_log2 - kShare[opcode & 7];
  }
  const bool whole = opcode == 0x6f || opcode == 0x7f || opcode == 0x70;
  if (prefixes.map == Map::k0F && prefixes.implied >= 2 && !whole) return prefixes.implied == 2 ? 2 : 3;  // scalars
  return prefixes.vector_log2;
}

// Base, index and displacement of the operand. False when the bytes end.
bool AddModRm(Reader& reader, uint8_t opcode, uint8_t modrm, const Prefixes& prefixes,
              const InstructionContext& context, DecodedAccess& access) {
  const uint8_t mod = modrm >> 6, reg = modrm >> 3 & 7, rm = modrm & 7;
  uint64_t address = 0;
  bool rip_relative = false, only_displacement = false;
  if (rm == 4) {
    uint8_t sib = 0;
    if (!reader.Take(sib)) return false;
    const unsigned index = (sib >> 3 & 7u) | (prefixes.rex_x ? 8u : 0u);
    const unsigned base = (sib & 7u) | (prefixes.rex_b ? 8u : 0u);
    if (index != 4) address += context.gpr[index] << (sib >> 6);
    only_displacement = (sib & 7) == 5 && mod == 0;
    if (!only_displacement) address += context.gpr[base];
    // pop to a place that rsp names counts rsp after the pop.
    if (prefixes.map == Map::kOne && opcode == 0x8f && base == EBB_RSP && !only_displacement) address += 8;
  } else if (rm == 5 && mod == 0) {
    rip_relative = true;
  } else {
    address = context.gpr[rm | (prefixes.rex_b ? 8u : 0u)];
  }

  int64_t displacement = 0;
  const size_t size = mod == 1 ? 1 : mod == 2 || rip_relative || only_displacement ? 4 : 0;
  if (size > 0 && !reader.TakeSigned(size, displacement)) return false;
  if (rip_relative) address += context.rip + reader.at() + ImmediateSize(prefixes.map, opcode, reg, prefixes.operand16);

  const uint64_t segment = prefixes.segment_fs ? context.fs_base : prefixes.segment_gs ? context.gs_base : 0;
  const bool write = Writes(prefixes.map, opcode, reg);
  const auto add = [&](unsigned scale) {
    uint64_t sum = address + (static_cast<uint64_t>(displacement) << scale);
    if (prefixes.address32) sum = static_cast<uint32_t>(sum);
    access.Add(segment + sum, OperandSize(prefixes, opcode), write);
  };
  if (!prefixes.evex || size != 1) {
    add(0);
    return true;
  }
  const unsigned likely = EvexScale(prefixes, opcode);
  add(likely);
  for (const unsigned scale : {6u, 5u, 4u, 3u, 2u, 1u, 0u}) {
    if (scale != likely) add(scale);
  }
  return true;
}

}  // namespace

DecodedAccess DecodeAccess(std::span<const uint8_t> code, const InstructionContext& context) {
  DecodedAccess access;
  Reader reader(code);
  Prefixes prefixes;
  uint8_t opcode = 0, modrm = 0;
  if (!ReadOpcode(reader, prefixes, opcode)) {
    access.cut = true;
    return access;
  }
  if (!prefixes.vector && !HasModRm(prefixes.map, opcode)) {
    if (prefixes.map == Map::kOne) access.cut = !AddImplicit(reader, opcode, prefixes, context, access);
    return access;
  }
  if (!reader.Take(modrm)) {
    access.cut = true;
    return access;
  }
  if (modrm < 0xc0) access.cut = !AddModRm(reader, opcode, modrm, prefixes, context, access);
  // call, far call and push store on the stack, pop reads from it, whatever their operand is.
  const uint8_t reg = modrm >> 3 & 7;
  if (prefixes.map == Map::kOne && !prefixes.vector && opcode == 0xff && (reg == 2 || reg == 6))
    access.Add(context.gpr[EBB_RSP] - 8, 8, true);
  if (prefixes.map == Map::kOne && !prefixes.vector && opcode == 0x8f) access.Add(context.gpr[EBB_RSP], 8, false);
  return access;
}

}  // namespace ebb::tender
