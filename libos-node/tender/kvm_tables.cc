// Layout of a KVM guest's tables.
#include "tender/kvm_tables.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "tender/pages/page_layout.h"

namespace ebb::tender {

extern "C" {
extern const uint8_t ebb_ring0_page[], ebb_ring0_page_end[];
}

namespace {

constexpr uint64_t kPresent = 1, kWritable = 2, kUser = 4, kAccessed = 0x20, kDirty = 0x40, kLarge = 0x80;
constexpr uint64_t kNoExecute = 1ull << 63;
constexpr uint64_t kGiB = 1ull << 30;
constexpr uint64_t kLargePage = 2ull << 20;
constexpr uint64_t kEntries = 512;
constexpr uint64_t kAddress = 0x000ffffffffff000;
constexpr uint64_t kTable = kPresent | kWritable | kUser | kAccessed;
constexpr uint64_t kPage = kTable | kDirty;

static_assert(kPds + EBB_ARENA_END / kGiB * EBB_PAGE_SIZE <= kLowSize);
static_assert(kRing0Base / kGiB < 512, "one PDPT covers everything");

// The accessed bit is set in all descriptors: the processor must not write to the read-only table.
constexpr uint64_t kCode64 = 0x00af9b000000ffff, kData = 0x00cf93000000ffff, kCode64User = 0x00affb000000ffff,
                   kDataUser = 0x00cff3000000ffff, kCode32User = 0x00cffb000000ffff;

}  // namespace

void KvmTables::Build() {
  const std::span<const uint8_t> code(ebb_ring0_page, ebb_ring0_page_end);
  std::copy(code.begin(), code.end(), low_ + kRing0Code);

  uint64_t* gdt = Words(kGdt);
  gdt[kKernelCode / 8] = kCode64;
  gdt[kKernelData / 8] = kData;
  gdt[4] = kCode32User;
  gdt[kUserData / 8] = kDataUser;
  gdt[kUserCode / 8] = kCode64User;
  const uint64_t tss = kRing0Base + kTss;
  // Busy 64-bit TSS.
  gdt[kTssSelector / 8] = kTssLimit | (tss & 0xffffff) << 16 | 0x8bull << 40 | (tss >> 24 & 0xff) << 56;
  gdt[kTssSelector / 8 + 1] = tss >> 32;
  const uint64_t stack_top = kRing0Base + kRing0Stack + EBB_PAGE_SIZE;
  std::memcpy(low_ + kTss + 4, &stack_top, sizeof stack_top);  // rsp0
  const uint16_t bitmap = kTssBitmap;
  std::memcpy(low_ + kTss + 102, &bitmap, sizeof bitmap);
  std::memset(low_ + kTss + kTssBitmap, 0xff, kTssBitmapSize + 1);
  // A clear bit allows. Sixteen ports from kHypercallPort on, the probe's among them.
  static_assert(kHypercallPort % 8 == 0 && kProbePort < kHypercallPort + 16 &&
                kHypercallPort / 8 + 2 <= kTssBitmapSize);
  std::memset(low_ + kTss + kTssBitmap + kHypercallPort / 8, 0, 2);

  for (uint64_t vector = 0; vector < 32; ++vector) {
    const uint64_t handler = kRing0Base + kRing0Code + vector * 16;
    // int3 and into are allowed from ring 3.
    const uint64_t type = vector == 3 || vector == 4 ? 0xee : 0x8e;
    Words(kIdt)[vector * 2] =
        (handler & 0xffff) | uint64_t{kKernelCode} << 16 | type << 40 | (handler >> 16 & 0xffff) << 48;
    Words(kIdt)[vector * 2 + 1] = handler >> 32;
  }

  Words(kPml4)[0] = kPdpt | kTable;
  Words(kPdpt)[kRing0Base / kGiB] = kRing0Pd | kTable;
  Words(kRing0Pd)[0] = kRing0Pt | kTable;
  uint64_t* pages = Words(kRing0Pt);
  pages[kRing0Code / EBB_PAGE_SIZE] = kRing0Code | kPresent | kAccessed;
  pages[kDescriptors / EBB_PAGE_SIZE] = kDescriptors | kPresent | kAccessed | kNoExecute;
  pages[kRing0Stack / EBB_PAGE_SIZE] = kRing0Stack | kPresent | kWritable | kAccessed | kDirty | kNoExecute;
}

void KvmTables::MapIdentity(uint64_t address, uint64_t size) {
  for (uint64_t at = address; at < address + size; at += kLargePage) {
    Directory(at) = at | kPage | kLarge;
    Words(kPdpt)[at / kGiB] = (kPds + at / kGiB * EBB_PAGE_SIZE) | kTable;
  }
}

uint64_t& KvmTables::Directory(uint64_t address) {
  return Words(kPds + address / kGiB * EBB_PAGE_SIZE)[address % kGiB / kLargePage];
}

uint64_t* KvmTables::Table(uint64_t address, uint64_t& next_table) {
  uint64_t& directory = Directory(address);
  if ((directory & (kPresent | kLarge)) == kPresent) return Words(directory & kAddress);
  const uint64_t table = next_table;
  next_table += EBB_PAGE_SIZE;
  if ((directory & kPresent) != 0) {
    const uint64_t start = address & ~(kLargePage - 1);
    for (uint64_t page = 0; page < kEntries; ++page) Words(table)[page] = (start + page * EBB_PAGE_SIZE) | kPage;
  }
  directory = table | kTable;
  Words(kPdpt)[address / kGiB] = (kPds + address / kGiB * EBB_PAGE_SIZE) | kTable;
  return Words(table);
}

uint64_t KvmTables::MissingTables(uint64_t address, uint64_t size) {
  const uint64_t end = address + size;
  uint64_t missing = 0;
  while (address < end) {
    const uint64_t stop = std::min(end, (address & ~(kLargePage - 1)) + kLargePage);
    if (stop - address != kLargePage && (Directory(address) & kPresent) == 0) ++missing;
    address = stop;
  }
  return missing;
}

void KvmTables::MapPages(uint64_t address, uint64_t size, uint64_t& next_table) {
  const uint64_t end = address + size;
  while (address < end) {
    const uint64_t stop = std::min(end, (address & ~(kLargePage - 1)) + kLargePage);
    if (stop - address == kLargePage && (Directory(address) & kPresent) == 0) {
      Directory(address) = address | kPage | kLarge;
      Words(kPdpt)[address / kGiB] = (kPds + address / kGiB * EBB_PAGE_SIZE) | kTable;
    } else {
      uint64_t* table = Table(address, next_table);
      for (uint64_t at = address; at < stop; at += EBB_PAGE_SIZE) table[at % kLargePage / EBB_PAGE_SIZE] = at | kPage;
    }
    address = stop;
  }
}

void KvmTables::UnmapPages(uint64_t address, uint64_t size, uint64_t& next_table) {
  const uint64_t end = address + size;
  while (address < end) {
    const uint64_t stop = std::min(end, (address & ~(kLargePage - 1)) + kLargePage);
    uint64_t& directory = Directory(address);
    if ((directory & kLarge) != 0 && stop - address == kLargePage) {
      directory = 0;
    } else if ((directory & kPresent) != 0) {
      uint64_t* table = Table(address, next_table);
      for (uint64_t at = address; at < stop; at += EBB_PAGE_SIZE) table[at % kLargePage / EBB_PAGE_SIZE] = 0;
    }
    address = stop;
  }
}

}  // namespace ebb::tender
