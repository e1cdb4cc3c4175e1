#include "linux/mm/syscall_sites.h"

#include <algorithm>

#include "linux/elf.h"
#include "linux/mm/address_space.h"

extern "C" void ebb_syscall_entry();

namespace ebb::linux_abi {
namespace {

// Stubs must lie within 2 GiB of their sites and of nothing else: they reach the kernel by an absolute jump.
constexpr uint64_t kStubPoolSize = 64 * 1024;
constexpr uint64_t kStubSize = 40;

class StubPool {
 public:
  // Room for one stub, or 0.
  uint64_t Take() {
    if (next_ == end_ || !Usable(next_)) {
      const auto pool = address_space().Map(0, kStubPoolSize, kProtRead | kProtWrite | kProtExec,
                                            kMapPrivate | kMapAnonymous, nullptr, 0, kNameStubs);
      if (!pool) return 0;
      next_ = *pool;
      end_ = *pool + kStubPoolSize / kStubSize * kStubSize;
    }
    const uint64_t stub = next_;
    next_ += kStubSize;
    return stub;
  }

 private:
  // The pool lies in the program's memory: the program may have unmapped or protected it.
  static bool Usable(uint64_t stub) {
    const Mapping* mapping = address_space().Find(stub);
    return mapping != nullptr && mapping->name == kNameStubs && (mapping->prot & kProtWrite) != 0;
  }

  uint64_t next_ = 0;
  uint64_t end_ = 0;
};

StubPool stubs;

class CodeWriter {
 public:
  explicit CodeWriter(uint64_t at) : at_(reinterpret_cast<uint8_t*>(at)) {}
  template <class T>
  CodeWriter& Put(T value) {
    __builtin_memcpy(at_, &value, sizeof(value));
    at_ += sizeof(value);
    return *this;
  }
  template <size_t n>
  CodeWriter& Bytes(const uint8_t (&bytes)[n]) {
    __builtin_memcpy(at_, bytes, n);
    at_ += n;
    return *this;
  }

 private:
  uint8_t* at_;
};

// The entry lies below 2 GiB: an absolute address fits a sign-extended immediate, and `jmp *%r11` needs no memory. r11
// is the syscall's to clobber.
void WriteJumpToEntry(CodeWriter& code) {
  code.Bytes({0x49, 0xc7, 0xc3})
      .Put(static_cast<uint32_t>(reinterpret_cast<uint64_t>(&ebb_syscall_entry)));  // mov $entry,%r11
  code.Bytes({0x41, 0xff, 0xe3});                                                   // jmp *%r11
}

void Redirect(uint64_t site, uint32_t form) {
  const uint64_t stub = stubs.Take();
  if (stub == 0) return;
  const int64_t distance = static_cast<int64_t>(stub) - static_cast<int64_t>(site + 5);
  if (distance != static_cast<int32_t>(distance)) return;
  CodeWriter code(stub);
  if (form == EBB_SITE_MOV) {
    uint32_t number;
    __builtin_memcpy(&number, reinterpret_cast<void*>(site + 1), sizeof(number));
    code.Put(static_cast<uint8_t>(0xb8)).Put(number);  // mov $number,%eax
    code.Bytes({0x48, 0xb9}).Put(site + 7);            // mov $return,%rcx
    WriteJumpToEntry(code);
  } else {
    // The entry returns into the stub, which repeats the comparison that the jump overwrites.
    const uint32_t compare_size = form == EBB_SITE_CMP32_4096 ? 5 : 6;
    const uint64_t resume = stub + 10 + 10;
    code.Bytes({0x48, 0xb9}).Put(resume);  // mov $resume,%rcx
    WriteJumpToEntry(code);
    __builtin_memcpy(reinterpret_cast<void*>(resume), reinterpret_cast<const void*>(site + 2), compare_size);
    const int64_t back =
        static_cast<int64_t>(site + 2 + compare_size) - static_cast<int64_t>(resume + compare_size + 5);
    CodeWriter(resume + compare_size).Put(static_cast<uint8_t>(0xe9)).Put(static_cast<int32_t>(back));
  }
  CodeWriter(site).Put(static_cast<uint8_t>(0xe9)).Put(static_cast<int32_t>(distance));
}

// The list is data of the image; the code must be what it says.
bool Matches(const uint8_t* code, uint32_t form) {
  switch (form) {
    case EBB_SITE_MOV:
      return code[0] == 0xb8 && code[5] == 0x0f && code[6] == 0x05;
    case EBB_SITE_CMP:
    case EBB_SITE_CMP_4096:
      return code[0] == 0x0f && code[1] == 0x05 && code[2] == 0x48 && code[3] == 0x3d;
    case EBB_SITE_CMP32_4096:
      return code[0] == 0x0f && code[1] == 0x05 && code[2] == 0x3d;
    default:
      return false;
  }
}

}  // namespace

void RedirectSyscallSites(const File& file, uint64_t start, uint64_t size, uint64_t offset) {
  constexpr uint64_t kLongestSite = 8;
  for (const ebb_site& site : file.SyscallSites()) {
    if (site.file_offset < offset || site.file_offset - offset + kLongestSite > size) continue;
    const uint64_t at = start + (site.file_offset - offset);
    if (Matches(reinterpret_cast<const uint8_t*>(at), site.form)) Redirect(at, site.form);
  }
}

uint64_t FirstSegmentSpan(File& file, uint64_t size) {
  alignas(8) std::byte head[64 + 16 * sizeof(ElfProgramHeader)];
  const auto got = file.ReadAt(std::span(head), 0);
  if (!got || *got < sizeof(ElfHeader)) return size;
  const auto& elf = *reinterpret_cast<const ElfHeader*>(head);
  if (!IsElf(elf) || elf.phoff != sizeof(ElfHeader) || elf.phnum == 0 ||
      elf.phoff + elf.phnum * sizeof(ElfProgramHeader) > *got)
    return size;
  const auto* headers = reinterpret_cast<const ElfProgramHeader*>(head + elf.phoff);
  uint32_t loads = 0;
  uint64_t first_end = size;
  for (uint32_t i = 0; i < elf.phnum; ++i) {
    if (headers[i].type != kPtLoad) continue;
    if (loads++ == 0 && headers[i].offset == 0)
      first_end = (headers[i].filesz + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1);
  }
  return loads > 1 ? std::min(first_end, size) : size;
}

}  // namespace ebb::linux_abi
