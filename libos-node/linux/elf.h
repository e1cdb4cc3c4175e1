// The parts of ELF64 that loading a program needs.
#pragma once

#include <cstdint>

namespace ebb::linux_abi {

struct ElfHeader {
  uint8_t ident[16];
  uint16_t type;
  uint16_t machine;
  uint32_t version;
  uint64_t entry;
  uint64_t phoff;
  uint64_t shoff;
  uint32_t flags;
  uint16_t ehsize;
  uint16_t phentsize;
  uint16_t phnum;
  uint16_t shentsize;
  uint16_t shnum;
  uint16_t shstrndx;
};
static_assert(sizeof(ElfHeader) == 64);

struct ElfProgramHeader {
  uint32_t type;
  uint32_t flags;
  uint64_t offset;
  uint64_t vaddr;
  uint64_t paddr;
  uint64_t filesz;
  uint64_t memsz;
  uint64_t align;
};
static_assert(sizeof(ElfProgramHeader) == 56);

constexpr uint32_t kPtLoad = 1;
constexpr uint16_t kEtExec = 2, kEtDyn = 3;
constexpr uint16_t kEmX86_64 = 62;
constexpr uint32_t kPfX = 1, kPfW = 2, kPfR = 4;

inline bool IsElf(const ElfHeader& header) {
  return header.ident[0] == 0x7f && header.ident[1] == 'E' && header.ident[2] == 'L' && header.ident[3] == 'F' &&
         header.ident[4] == 2 && header.machine == kEmX86_64 && header.phentsize == sizeof(ElfProgramHeader);
}

}  // namespace ebb::linux_abi
