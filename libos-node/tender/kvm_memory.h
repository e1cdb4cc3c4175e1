// KvmMemory: a KVM guest's memory. One host reservation of the guest's whole span; slots of 64 MiB are added when
// something in them is first committed.
//
// Protection is that of the host mapping: a guest access that the host's page tables refuse makes KVM_RUN fail, and
// that becomes a fault in the guest. Executable is not enforced under KVM (host mappings are never executable, guest
// pages always are): stated in docs/address-map.md.
#ifndef EBB_TENDER_KVM_MEMORY_H_
#define EBB_TENDER_KVM_MEMORY_H_

#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tender/guest_memory.h"
#include "tender/kvm_machine.h"
#include "tender/kvm_tables.h"
#include "tender/pages/commit_map.h"
#include "tender/snapshot_file.h"

namespace ebb::tender {

class TemplateMemory;

class KvmMemory {
 public:
  // Small enough that creating one costs little (about 20 us), large enough that a big heap needs few.
  static constexpr uint64_t kWindow = 64ull << 20;
  // What the host pays beside the guest's pages, so that a guest that spreads them wide is stopped: kernel memory of a
  // slot (reverse map and page tracking, 10 bytes a page), and per 2 MiB with pages in them a table of the guest's,
  // KVM's shadow of it with its own reverse map, and the host's table of the backing memory.
  static constexpr uint64_t kWindowCost = 160ull << 10;
  static constexpr uint64_t kTableCost = 16ull << 10;
  // So much of that is free; what is beyond it counts against the memory limit.
  static constexpr uint64_t kFreeOverhead = 16ull << 20;

  // Without a machine (null) it is laid out only; Attach gives it one.
  static Result<KvmMemory> Create(KvmMachine* machine, uint64_t limit);
  KvmMemory(KvmMemory&& other) noexcept;
  KvmMemory& operator=(KvmMemory&&) = delete;
  ~KvmMemory();

  // The tables and the guest's initial memory.
  Result<void> Map(const GuestMemoryPlan& plan);
  // Instead of Map: as it was when the snapshot was taken, for clones that are forked from this process. What each has
  // as its own is left to MapShared.
  Result<void> Restore(const GuestMemoryPlan& plan, const Snapshot& snapshot, const TemplateMemory& memory);
  Result<void> MapShared(const SharedMemory& shared);
  Result<void> Attach(KvmMachine& machine);

  // Pages to write to, as far as they are there: one call instead of a fault for each.
  void Prefault(uint64_t address, uint64_t size);

  // EBB_HC_PROTECT and EBB_HC_DISCARD.
  long Protect(uint64_t address, uint64_t size, uint64_t prot);
  long Discard(uint64_t address, uint64_t size);
  // EBB_HC_RANDOM.
  long Random(uint64_t buffer, uint64_t size);

  // Copies the instruction bytes at `address`, as far as the guest could read them; 0: not at all.
  size_t ReadCode(uint64_t address, std::span<uint8_t> code) const;

  // The first address of [address, address + size) that the guest may not read (or write).
  std::optional<uint64_t> FirstRefused(uint64_t address, uint64_t size, bool write) const;

  uint8_t* At(uint64_t address) const { return base_ + address; }
  // Host address of [address, address + size) when it lies in ring 0's stack, else null.
  uint8_t* Ring0Stack(uint64_t address, uint64_t size) const;

  // For whoever reads this memory from outside (capture.h): where guest address 0 and the bits of held pages lie.
  uint64_t host_base() const { return reinterpret_cast<uint64_t>(base_); }
  uint64_t held_bits() const { return reinterpret_cast<uint64_t>(commits_.held); }

  uint64_t committed() const { return commits_.committed; }
  uint64_t slots() const { return windows_.count(); }
  // See kWindowCost and kTableCost.
  uint64_t overhead() const { return OverheadWith(0, 0); }

 private:
  // Bits of pages: as in the commit map; then those that were last made writable, and those whose memory, if it is
  // given back, would be the template's again instead of zeros.
  enum Bitmap { kHeld, kAccessible, kWritable, kBacked, kBitmaps };

  KvmMemory(KvmMachine* machine, uint64_t limit) : machine_(machine), limit_(limit) {}
  uint64_t* Bits(Bitmap bitmap) const {
    return reinterpret_cast<uint64_t*>(bitmaps_ + bitmap * CommitMap::kBitmapSize);
  }
  Result<void> MapWindows(const Image& image);
  Result<void> RestoreRun(const SnapshotRun& run, const TemplateMemory& memory);
  void Mark(Bitmap bitmap, uint64_t address, uint64_t size, bool value);
  long Forget(uint64_t address, uint64_t size);
  long Replace(uint64_t address, uint64_t size, int prot);
  Result<void> EnsureWindows(uint64_t address, uint64_t size);
  // Memory for page tables up to guest-physical `end`.
  Result<void> EnsureTables(uint64_t end);
  uint64_t OverheadWith(uint64_t more_windows, uint64_t more_tables) const;
  // What is left of the limit for pages when the overhead is this.
  uint64_t LimitWith(uint64_t overhead) const;
  bool InExe(uint64_t address, uint64_t size) const;
  bool Allows(uint64_t page, bool write) const;

  struct HostPages {
    KvmMemory& memory;
    long Map(uint64_t address, uint64_t size, uint64_t prot);
    long Protect(uint64_t address, uint64_t size, uint64_t prot);
    long Release(uint64_t address, uint64_t size);
    long Clear(uint64_t address, uint64_t size);
    // Calls visit(address, size, bit) for each run of pages whose bits are alike, until one fails.
    template <typename Visit>
    long ForEachRun(uint64_t address, uint64_t size, Bitmap bitmap, Visit visit) {
      const uint64_t end = (address + size - EBB_HEAP_BASE) / EBB_PAGE_SIZE;
      for (uint64_t page = (address - EBB_HEAP_BASE) / EBB_PAGE_SIZE; page < end;) {
        const uint64_t stop = CommitMap::RunEnd(memory.Bits(bitmap), page, end);
        const bool bit = CommitMap::Get(memory.Bits(bitmap), page);
        const long result = visit(EBB_HEAP_BASE + page * EBB_PAGE_SIZE, (stop - page) * EBB_PAGE_SIZE, bit);
        if (result < 0) return result;
        page = stop;
      }
      return 0;
    }
  };

  KvmMachine* machine_;
  uint64_t limit_;
  uint8_t* reservation_ = nullptr;
  uint8_t* base_ = nullptr;  // host address of guest address 0
  uint8_t* bitmaps_ = nullptr;
  CommitMap::State commits_{};
  std::bitset<EBB_ARENA_END / kWindow> windows_;
  uint64_t next_table_ = kTables;
  uint64_t tables_end_ = kTables;                   // backed up to here
  std::vector<std::pair<uint64_t, uint64_t>> exe_;  // segments: start, end
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_KVM_MEMORY_H_
