#include "linux/process/elf_loader.h"

#include "abi/ebb_abi.h"
#include "linux/elf.h"
#include "linux/mm/address_space.h"

namespace ebb::linux_abi {
namespace {

constexpr uint64_t kPage = EBB_PAGE_SIZE;
constexpr uint32_t kMaxProgramHeaders = 16;
// An interpreter takes a few hundred KiB.
constexpr uint64_t kLargestSpan = 256ull << 20;
constexpr uint64_t kLargestOffset = 1ull << 40;

constexpr uint64_t PageUp(uint64_t value) { return (value + kPage - 1) & ~(kPage - 1); }

uint32_t ProtOf(uint32_t flags) {
  return ((flags & kPfR) != 0 ? kProtRead : 0u) | ((flags & kPfW) != 0 ? kProtWrite : 0u) |
         ((flags & kPfX) != 0 ? kProtExec : 0u);
}

// Copies of the headers in `head`, which need not be aligned in it.
class Headers {
 public:
  Result<> Read(std::span<const std::byte> head, uint16_t type) {
    if (head.size() < sizeof(elf_)) return Errno::kNoExec;
    __builtin_memcpy(&elf_, head.data(), sizeof(elf_));
    if (!IsElf(elf_) || elf_.type != type || elf_.phnum == 0 || elf_.phnum > kMaxProgramHeaders) return Errno::kNoExec;
    const uint64_t size = elf_.phnum * sizeof(ElfProgramHeader);
    if (elf_.phoff > head.size() || size > head.size() - elf_.phoff) return Errno::kNoExec;
    __builtin_memcpy(programs_, head.data() + elf_.phoff, size);
    return Ok{};
  }

  // Whether the segments lie in [from, to), each from the page behind the one before, and are made of file pages.
  bool InOrder(uint64_t from, uint64_t to) const {
    uint64_t end = from;
    for (const ElfProgramHeader& header : programs()) {
      if (header.type != kPtLoad) continue;
      if (header.memsz == 0 || header.filesz > header.memsz || header.offset > kLargestOffset) return false;
      if ((header.offset ^ header.vaddr) % kPage != 0) return false;
      if ((header.vaddr & ~(kPage - 1)) < end || header.vaddr >= to || header.memsz > to - header.vaddr) return false;
      end = PageUp(header.vaddr + header.memsz);
    }
    return end != from;
  }

  const ElfHeader& elf() const { return elf_; }
  std::span<const ElfProgramHeader> programs() const { return {programs_, elf_.phnum}; }

 private:
  ElfHeader elf_ = {};
  ElfProgramHeader programs_[kMaxProgramHeaders] = {};
};

// One segment at `at`, what it has beyond its file content zero.
Result<> MapSegment(File& file, const ElfProgramHeader& header, uint64_t at) {
  const uint32_t prot = ProtOf(header.flags);
  const uint64_t skew = at & (kPage - 1);
  const uint64_t start = at - skew, file_end = at + header.filesz, end = PageUp(at + header.memsz);
  uint64_t file_pages_end = start;
  if (header.filesz != 0) {
    file_pages_end = PageUp(file_end);
    const auto mapped =
        address_space().Map(start, file_pages_end - start, prot, kMapPrivate | kMapFixed, &file, header.offset - skew);
    if (!mapped) return mapped.error();
    // The rest of the last page is the file's, too.
    if (header.memsz > header.filesz && (prot & kProtWrite) != 0)
      __builtin_memset(reinterpret_cast<void*>(file_end), 0, file_pages_end - file_end);
  }
  if (end > file_pages_end) {
    const auto mapped = address_space().Map(file_pages_end, end - file_pages_end, prot,
                                            kMapPrivate | kMapAnonymous | kMapFixed, nullptr, 0);
    if (!mapped) return mapped.error();
  }
  return Ok{};
}

}  // namespace

Result<> AddProgram(std::span<const std::byte> head) {
  Headers headers;
  if (const auto read = headers.Read(head, kEtExec); !read) return read;
  if (!headers.InOrder(EBB_EXE_BASE, EBB_EXE_END)) return Errno::kNoExec;
  for (const ElfProgramHeader& header : headers.programs()) {
    if (header.type != kPtLoad) continue;
    address_space().AddExisting(header.vaddr, header.vaddr + header.memsz, ProtOf(header.flags), kNameProgram);
  }
  return Ok{};
}

Result<LoadedObject> LoadInterpreter(File& file) {
  std::byte head[sizeof(ElfHeader) + kMaxProgramHeaders * sizeof(ElfProgramHeader)];
  const auto got = file.ReadAt(std::span(head), 0);
  if (!got) return got.error();
  Headers headers;
  if (const auto read = headers.Read(std::span(head).first(*got), kEtDyn); !read) return read.error();
  if (!headers.InOrder(0, kLargestSpan)) return Errno::kNoExec;
  uint64_t span = 0;
  for (const ElfProgramHeader& header : headers.programs()) {
    if (header.type == kPtLoad) span = PageUp(header.vaddr + header.memsz);
  }
  if (headers.elf().entry >= span) return Errno::kNoExec;
  const auto base = address_space().Map(0, span, 0, kMapPrivate | kMapAnonymous, nullptr, 0);
  if (!base) return base.error();
  for (const ElfProgramHeader& header : headers.programs()) {
    if (header.type != kPtLoad) continue;
    if (const auto mapped = MapSegment(file, header, *base + header.vaddr); !mapped) return mapped.error();
  }
  return LoadedObject{*base, span, *base + headers.elf().entry};
}

}  // namespace ebb::linux_abi
