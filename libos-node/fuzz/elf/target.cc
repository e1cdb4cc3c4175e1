// The program loader on hostile ELF files. Input: flags, syscall sites, and either the file, or changes to a sound one.
// It is taken as the interpreter and as the program. What is loaded must be where the headers say, byte for byte, and
// nothing of it outside of what was reserved.
#include <algorithm>
#include <cstring>
#include <vector>

#include "fuzz/guest/kernel.h"
#include "fuzz/guest/tender.h"
#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "linux/elf.h"
#include "linux/mm/address_space.h"
#include "linux/mm/syscall_sites.h"
#include "linux/process/elf_loader.h"

namespace ebb::fuzz {
namespace {

using namespace linux_abi;

constexpr uint64_t kPage = EBB_PAGE_SIZE;

class BytesFile final : public File {
 public:
  BytesFile(std::span<const std::byte> bytes, std::span<const ebb_site> sites)
      : File(kORdOnly), bytes_(bytes), sites_(sites) {}
  Result<size_t> ReadAt(std::span<std::byte> buffer, uint64_t offset) override {
    if (offset >= bytes_.size()) return size_t{0};
    const size_t size = std::min<size_t>(buffer.size(), bytes_.size() - offset);
    std::memcpy(buffer.data(), bytes_.data() + offset, size);
    return size;
  }
  Result<size_t> ReadForMap(std::span<std::byte> buffer, uint64_t offset) override { return ReadAt(buffer, offset); }
  Result<> Stat(LinuxStat&) override { return Ok{}; }
  std::span<const ebb_site> SyscallSites() const override { return sites_; }
  std::byte At(uint64_t offset) const { return offset < bytes_.size() ? bytes_[offset] : std::byte{0}; }

 private:
  std::span<const std::byte> bytes_;
  std::span<const ebb_site> sites_;
};

std::vector<std::byte> SoundFile(uint16_t type, uint64_t base) {
  std::vector<std::byte> file(3 * kPage);
  for (size_t i = 0; i < file.size(); ++i) file[i] = static_cast<std::byte>(i * 7);
  ElfHeader elf = {};
  const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
  std::memcpy(elf.ident, ident, sizeof ident);
  elf.type = type;
  elf.machine = kEmX86_64;
  elf.entry = base + 0x1100;
  elf.phoff = sizeof elf;
  elf.phentsize = sizeof(ElfProgramHeader);
  elf.phnum = 4;
  const ElfProgramHeader headers[] = {
      {kPtLoad, kPfR, 0, base, 0, 0x400, 0x400, kPage},
      {kPtLoad, kPfR | kPfX, 0x1000, base + 0x1000, 0, 0x800, 0x800, kPage},
      {kPtLoad, kPfR | kPfW, 0x2010, base + 0x2010, 0, 0x300, 0x2000, kPage},
      {6, kPfR, 64, base + 64, 0, 224, 224, 8},
  };
  std::memcpy(file.data(), &elf, sizeof elf);
  std::memcpy(file.data() + sizeof elf, headers, sizeof headers);
  return file;
}

// What can be read of it is there: content at both ends of each segment, zeros behind the content.
void CheckLoaded(const BytesFile& file, const LoadedObject& loaded, std::span<const std::byte> bytes, bool redirected) {
  ElfHeader elf;
  std::memcpy(&elf, bytes.data(), sizeof elf);
  for (uint16_t i = 0; i < elf.phnum; ++i) {
    ElfProgramHeader header;
    std::memcpy(&header, bytes.data() + elf.phoff + i * sizeof header, sizeof header);
    if (header.type != kPtLoad) continue;
    const uint64_t at = loaded.base + header.vaddr;
    FUZZ_CHECK(address_space().Covers(at, header.memsz, 0));
    if ((header.flags & kPfR) == 0) continue;
    FUZZ_CHECK(address_space().Covers(at, header.memsz, kProtRead));
    const auto check = [&](uint64_t offset) {
      if (offset >= header.memsz) return;
      const std::byte expected = offset < header.filesz ? file.At(header.offset + offset) : std::byte{0};
      // A page that cannot be written keeps what the file has behind the segment.
      const bool tail = offset >= header.filesz && (header.flags & kPfW) == 0;
      if (!tail) FUZZ_CHECK(*reinterpret_cast<const std::byte*>(at + offset) == expected);
    };
    if (redirected && (header.flags & kPfX) != 0) continue;
    for (const uint64_t offset : {uint64_t{0}, header.filesz / 2, header.filesz - 1, header.filesz, header.memsz - 1})
      check(offset);
  }
}

}  // namespace
}  // namespace ebb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ebb::fuzz;
  using namespace ebb::linux_abi;
  static const bool started = (StartKernel(), true);
  (void)started;
  static const std::vector<std::byte> interpreter = SoundFile(kEtDyn, 0), program = SoundFile(kEtExec, EBB_EXE_BASE);
  Input input(data, size);
  const uint8_t flags = input.Byte();
  const bool as_program = (flags & 2) != 0;
  std::vector<ebb_site> sites((flags >> 2) % 4);
  for (auto& site : sites) site = {input.Take<uint16_t>(), input.Byte() % 6u};
  std::vector<std::byte> bytes;
  if ((flags & 1) != 0) {
    const auto rest = std::as_bytes(input.Rest());
    bytes.assign(rest.begin(), rest.end());
  } else {
    bytes = as_program ? program : interpreter;
    if ((flags & 16) != 0) bytes.resize(input.Take<uint16_t>() % bytes.size());
    while (!input.empty()) {
      const uint8_t choice = input.Byte();
      // Mostly the headers' fields, now and then code at a site.
      const size_t at = choice < 0xf0 ? choice * 8u % 304 + input.Byte() % 8 : 0x1000 + input.Byte() * 8u;
      const auto change = std::as_bytes(input.Bytes(1 + input.Below(8)));
      if (at + change.size() <= bytes.size())
        std::copy(change.begin(), change.end(), bytes.begin() + static_cast<long>(at));
    }
  }

  ResetKernel(flags, false);
  if (as_program) {
    if (AddProgram(bytes)) {
      uint64_t end = EBB_EXE_BASE;
      for (const Mapping& mapping : address_space().mappings()) {
        if (mapping.name != kNameProgram) continue;
        FUZZ_CHECK(mapping.start >= end && mapping.end > mapping.start && mapping.end <= EBB_EXE_END);
        end = mapping.end;
      }
      FUZZ_CHECK(end > EBB_EXE_BASE);
    }
  } else {
    const auto file = ebb::MakeRef<BytesFile>(bytes, sites);
    FUZZ_CHECK(FirstSegmentSpan(*file, 1 << 20) <= 1 << 20);
    if (const auto loaded = LoadInterpreter(*file); loaded && !PassedLimit()) {
      FUZZ_CHECK(loaded->base % EBB_PAGE_SIZE == 0 && loaded->entry >= loaded->base);
      FUZZ_CHECK(address_space().Covers(loaded->entry, 1, 0));
      CheckLoaded(*file, *loaded, bytes, !sites.empty());
    } else if (!loaded) {
      const ebb::Errno error = loaded.error();
      FUZZ_CHECK(error == ebb::Errno::kNoExec || error == ebb::Errno::kNoMem);
    }
  }
  StopKernel();
  return 0;
}
