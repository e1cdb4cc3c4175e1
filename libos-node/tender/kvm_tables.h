// KvmTables: page tables, descriptor tables and ring-0 code of a KVM guest, in guest-physical [0, 1 MiB).
//
// Invariant: nothing here is mapped where ring 3 can reach it. Ring 0 sees, at kRing0Base + guest-physical: its code
// and the descriptor tables, both read-only (so that a forged GS base cannot turn the syscall stub's store against
// them; CR0.WP is set), and one page of stack. The page tables have no mapping at all. Ring 3 sees guest-virtual =
// guest-physical: below the heap in 2 MiB pages, present where memory slots are; heap and arena page by page, present
// exactly while held (pages/commit_map.h), so that a touch of anything else is an exception with its address. KVM
// itself names no address for an access that the host's page tables refuse.
//
// The host writes table entries behind the back of a KVM that shadows them. Making one present needs no flush: KVM
// reads the tables anew at a fault. Whoever takes one away must release the page's memory afterwards (madvise), which
// makes KVM forget its translation.
#ifndef EBB_TENDER_KVM_TABLES_H_
#define EBB_TENDER_KVM_TABLES_H_

#include <cstdint>

#include "abi/ebb_abi.h"

namespace ebb::tender {

// Supervisor mapping, right behind the guest's regions.
inline constexpr uint64_t kRing0Base = EBB_ARENA_END;
// Guest-physical [0, kLowSize) is backed.
inline constexpr uint64_t kLowSize = 1ull << 20;

// Guest-physical.
inline constexpr uint64_t kRing0Code = 0x1000;
inline constexpr uint64_t kDescriptors = 0x2000;  // GDT, TSS, IDT
inline constexpr uint64_t kGdt = kDescriptors;
inline constexpr uint64_t kTss = kDescriptors + 0x200;
inline constexpr uint64_t kIdt = kDescriptors + 0x400;
inline constexpr uint64_t kRing0Stack = 0x3000;
inline constexpr uint64_t kPml4 = 0x4000;
inline constexpr uint64_t kPdpt = 0x5000;
inline constexpr uint64_t kRing0Pd = 0x6000;
inline constexpr uint64_t kRing0Pt = 0x7000;
inline constexpr uint64_t kPds = 0x8000;  // one per GiB of the guest's regions
// Tables of heap and arena, made on demand: guest-physical, behind the guest's regions, in steps of kTableStep that get
// a slot each.
inline constexpr uint64_t kTables = EBB_ARENA_END;
inline constexpr uint64_t kTablesSize = EBB_ARENA_END / (2ull << 20) * EBB_PAGE_SIZE;
inline constexpr uint64_t kTableStep = 4ull << 20;

// Selectors as Linux has them: PVM runs ring 3 natively with its own user segments only.
inline constexpr uint16_t kKernelCode = 0x10;
inline constexpr uint16_t kKernelData = 0x18;
inline constexpr uint16_t kUserData = 0x2b;
inline constexpr uint16_t kUserCode = 0x33;
inline constexpr uint16_t kTssSelector = 0x40;
// STAR: syscall takes 0x10 and 0x18, sysretq 0x23 + 16 and + 8.
inline constexpr uint64_t kStar = (0x23ull << 48) | (0x10ull << 32);
inline constexpr uint64_t kGdtLimit = 0x4f;
inline constexpr uint64_t kIdtLimit = 32 * 16 - 1;
// Behind the TSS proper: the I/O permission bitmap for ports 0..63 and the byte of ones that must follow it. Ports
// beyond it are denied.
inline constexpr uint64_t kTssBitmap = 104;
inline constexpr uint64_t kTssBitmapSize = 8;
inline constexpr uint64_t kTssLimit = kTssBitmap + kTssBitmapSize;

class KvmTables {
 public:
  // `low` is the host's view of guest-physical [0, kLowSize), zeroed.
  explicit KvmTables(uint8_t* low) : low_(low) {}

  void Build();
  // Makes guest-virtual [address, address + size) present; multiples of 2 MiB.
  void MapIdentity(uint64_t address, uint64_t size);

  // The same for heap and arena, by the page: none of the range is present (present all over). `next_table` (from
  // kTables on) moves; the caller has backed [next_table, next_table + TablesFor(...)).
  void MapPages(uint64_t address, uint64_t size, uint64_t& next_table);
  // How many tables MapPages would make.
  uint64_t MissingTables(uint64_t address, uint64_t size);
  void UnmapPages(uint64_t address, uint64_t size, uint64_t& next_table);
  // What MapPages may take at most. UnmapPages takes one for each large page at the ends of the range.
  static uint64_t TablesFor(uint64_t size) { return (size / (2ull << 20) + 2) * EBB_PAGE_SIZE; }
  static constexpr uint64_t kTablesToUnmap = 2 * EBB_PAGE_SIZE;

 private:
  uint64_t& Directory(uint64_t address);
  // The table of an address's 2 MiB; makes it, and splits a large page.
  uint64_t* Table(uint64_t address, uint64_t& next_table);
  uint64_t* Words(uint64_t guest_physical) { return reinterpret_cast<uint64_t*>(low_ + guest_physical); }

  uint8_t* low_;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_KVM_TABLES_H_
