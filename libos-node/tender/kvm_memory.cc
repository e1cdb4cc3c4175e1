// Memory of a KVM guest: reservation, slots, protection.
#include "tender/kvm_memory.h"

#include <sys/mman.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tender/template_memory.h"

namespace ebb::tender {
namespace {

constexpr uint64_t kLargePage = 2ull << 20;
constexpr int kMadvPopulateRead = 22, kMadvPopulateWrite = 23;  // MADV_POPULATE_*, Linux 5.14
constexpr uint64_t kReservation = kTables + kTablesSize + kLargePage;
// Slots: the tables below 1 MiB, the windows, then the steps of on-demand tables.
constexpr uint32_t kFirstTableSlot = EBB_ARENA_END / KvmMemory::kWindow + 1;
uint32_t WindowSlot(uint64_t window) { return static_cast<uint32_t>(window + 1); }
uint32_t TableSlot(uint64_t address) {
  return kFirstTableSlot + static_cast<uint32_t>((address - kTables) / kTableStep);
}

int HostProt(uint64_t prot) {
  if ((prot & EBB_PROT_WRITE) != 0) return PROT_READ | PROT_WRITE;
  return prot != 0 ? PROT_READ : PROT_NONE;
}

uint64_t RoundUp(uint64_t size) { return (size + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1); }

}  // namespace

Result<KvmMemory> KvmMemory::Create(KvmMachine* machine, uint64_t limit) {
  KvmMemory memory(machine, limit);
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* reservation = mmap(nullptr, kReservation, PROT_NONE, kFlags, -1, 0);
  if (reservation == MAP_FAILED) return ErrnoError(ErrorCode::kMemory, "reservation", errno);
  memory.reservation_ = static_cast<uint8_t*>(reservation);
  // Large pages of guest and host must start at the same place.
  memory.base_ = memory.reservation_ + (-reinterpret_cast<uint64_t>(reservation) & (kLargePage - 1));
  void* bitmaps = mmap(nullptr, kBitmaps * CommitMap::kBitmapSize, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (bitmaps == MAP_FAILED) return ErrnoError(ErrorCode::kMemory, "commit map", errno);
  memory.bitmaps_ = static_cast<uint8_t*>(bitmaps);
  memory.commits_ = {0, memory.Bits(kHeld), memory.Bits(kAccessible)};
  if (mprotect(memory.base_, kLowSize, PROT_READ | PROT_WRITE) != 0)
    return ErrnoError(ErrorCode::kMemory, "tables", errno);
  // A host without huge pages refuses, which costs speed only.
  madvise(memory.At(EBB_HEAP_BASE), EBB_ARENA_END - EBB_HEAP_BASE, MADV_HUGEPAGE);
  return memory;
}

KvmMemory::KvmMemory(KvmMemory&& other) noexcept
    : machine_(other.machine_),
      limit_(other.limit_),
      reservation_(std::exchange(other.reservation_, nullptr)),
      base_(other.base_),
      bitmaps_(std::exchange(other.bitmaps_, nullptr)),
      commits_(other.commits_),
      windows_(other.windows_),
      next_table_(other.next_table_),
      tables_end_(other.tables_end_),
      exe_(std::move(other.exe_)) {}

KvmMemory::~KvmMemory() {
  if (reservation_ != nullptr) munmap(reservation_, kReservation);
  if (bitmaps_ != nullptr) munmap(bitmaps_, kBitmaps * CommitMap::kBitmapSize);
}

Result<void> KvmMemory::EnsureWindows(uint64_t address, uint64_t size) {
  for (uint64_t window = address / kWindow; window <= (address + size - 1) / kWindow; ++window) {
    if (windows_.test(window)) continue;
    const uint64_t start = std::max(window * kWindow, uint64_t{EBB_LOW_END});
    const uint64_t length = (window + 1) * kWindow - start;
    if (machine_ != nullptr) {
      if (auto done = machine_->SetSlot(WindowSlot(window), start, length, At(start)); !done) return done;
    }
    if (start < EBB_HEAP_BASE) KvmTables(base_).MapIdentity(start, length);
    windows_.set(window);
  }
  return {};
}

Result<void> KvmMemory::EnsureTables(uint64_t end) {
  for (; tables_end_ < std::min(end, kTables + kTablesSize); tables_end_ += kTableStep) {
    if (mprotect(At(tables_end_), kTableStep, PROT_READ | PROT_WRITE) != 0)
      return ErrnoError(ErrorCode::kMemory, "tables", errno);
    if (machine_ == nullptr) continue;
    if (auto done = machine_->SetSlot(TableSlot(tables_end_), tables_end_, kTableStep, At(tables_end_)); !done)
      return done;
  }
  return {};
}

Result<void> KvmMemory::Map(const GuestMemoryPlan& plan) {
  KvmTables(base_).Build();
  if (auto done = machine_->SetSlot(0, 0, kLowSize, base_); !done) return done;
  GuestMemory memory(base_, false);
  if (auto done = memory.Map(plan); !done) return done;
  return MapWindows(plan.image);
}

// Of the image, and of everything that the tender itself provides.
Result<void> KvmMemory::MapWindows(const Image& image) {
  for (const auto& segment : image.segments()) {
    if (auto done = EnsureWindows(segment.vaddr, segment.mem_size); !done) return done;
    if (segment.kind == EBB_SEGMENT_EXE) exe_.emplace_back(segment.vaddr, segment.vaddr + RoundUp(segment.mem_size));
  }
  std::sort(exe_.begin(), exe_.end());
  return EnsureWindows(EBB_HYPERCALL_PAGE, EBB_DATA + EBB_DATA_SIZE - EBB_HYPERCALL_PAGE);
}

Result<void> KvmMemory::Restore(const GuestMemoryPlan& plan, const Snapshot& snapshot, const TemplateMemory& content) {
  KvmTables(base_).Build();
  GuestMemory memory(base_, false);
  if (auto done = memory.MapRestored(plan, content); !done) return done;
  if (auto done = memory.MapBootInfo(plan); !done) return done;
  if (auto done = MapWindows(plan.image); !done) return done;
  // Held pages that lie side by side are large ones where they can be, whatever their protection.
  uint64_t start = 0, end = 0;
  const auto make_tables = [&]() -> Result<void> {
    if (start == end) return {};
    if (auto done = EnsureTables(next_table_ + KvmTables::TablesFor(end - start)); !done) return done;
    KvmTables(base_).MapPages(start, end - start, next_table_);
    return {};
  };
  for (const SnapshotRun& run : snapshot.runs) {
    if (run.address < EBB_HEAP_BASE) {
      if (mprotect(At(run.address), run.size, HostProt(run.prot)) != 0)
        return ErrnoError(ErrorCode::kMemory, "protection of the program", errno);
      continue;
    }
    if (auto done = EnsureWindows(run.address, run.size); !done) return done;
    if (auto done = RestoreRun(run, content); !done) return done;
    if (run.address != end) {
      if (auto done = make_tables(); !done) return done;
      start = run.address;
    }
    end = run.address + run.size;
  }
  return make_tables();
}

Result<void> KvmMemory::RestoreRun(const SnapshotRun& run, const TemplateMemory& content) {
  const uint64_t end = run.address + run.size;
  const int prot = HostProt(run.prot);
  if (mprotect(At(run.address), run.size, prot) != 0) return ErrnoError(ErrorCode::kMemory, "heap and arena", errno);
  for (const TemplateMemory::Range& range : content.ranges()) {
    const uint64_t from = std::max(range.start, run.address), to = std::min(range.end, end);
    if (from >= to) continue;
    constexpr int kFlags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
    if (mmap(At(from), to - from, prot, kFlags, content.fd(), static_cast<off_t>(from)) == MAP_FAILED)
      return ErrnoError(ErrorCode::kMemory, "heap and arena", errno);
    Mark(kBacked, from, to - from, true);
  }
  Mark(kHeld, run.address, run.size, true);
  Mark(kAccessible, run.address, run.size, run.prot != 0);
  Mark(kWritable, run.address, run.size, (run.prot & EBB_PROT_WRITE) != 0);
  commits_.committed += run.size;
  return {};
}

Result<void> KvmMemory::MapShared(const SharedMemory& shared) { return GuestMemory(base_, false).MapShared(shared); }

Result<void> KvmMemory::Attach(KvmMachine& machine) {
  machine_ = &machine;
  if (auto done = machine_->SetSlot(0, 0, kLowSize, base_); !done) return done;
  // Neighbours in one slot: each costs a grace period of the host's kernel, 4 ms when its processors are busy.
  for (uint64_t window = 0, next = 0; window < windows_.size(); window = next + 1) {
    next = window;
    if (!windows_.test(window)) continue;
    while (next < windows_.size() && windows_.test(next)) ++next;
    const uint64_t start = std::max(window * kWindow, uint64_t{EBB_LOW_END});
    const uint64_t size = next * kWindow - start;
    if (auto done = machine_->SetSlot(WindowSlot(window), start, size, At(start)); !done) return done;
  }
  for (uint64_t at = kTables; at < tables_end_; at += kTableStep) {
    if (auto done = machine_->SetSlot(TableSlot(at), at, kTableStep, At(at)); !done) return done;
  }
  return {};
}

void KvmMemory::Prefault(uint64_t address, uint64_t size) { madvise(At(address), size, kMadvPopulateWrite); }

void KvmMemory::Mark(Bitmap bitmap, uint64_t address, uint64_t size, bool value) {
  const uint64_t first = (address - EBB_HEAP_BASE) / EBB_PAGE_SIZE;
  CommitMap::Fill(Bits(bitmap), first, first + size / EBB_PAGE_SIZE, value);
}

uint64_t KvmMemory::OverheadWith(uint64_t more_windows, uint64_t more_tables) const {
  const uint64_t tables = (next_table_ - kTables) / EBB_PAGE_SIZE + more_tables;
  return (windows_.count() + more_windows) * kWindowCost + tables * kTableCost;
}

uint64_t KvmMemory::LimitWith(uint64_t overhead) const {
  const uint64_t counted = overhead > kFreeOverhead ? overhead - kFreeOverhead : 0;
  return limit_ > counted ? limit_ - counted : 0;
}

// Only what a segment brought exists there: a hole stays one.
bool KvmMemory::InExe(uint64_t address, uint64_t size) const {
  uint64_t at = address;
  for (const auto& [start, end] : exe_) {
    if (at >= start && at < end) at = std::min(end, address + size);
  }
  return at == address + size;
}

long KvmMemory::Protect(uint64_t address, uint64_t size, uint64_t prot) {
  if (address < EBB_EXE_END) {
    const bool valid = ((address | size) & (EBB_PAGE_SIZE - 1)) == 0 && (prot & ~7ull) == 0 &&
                       address >= EBB_EXE_BASE && size <= EBB_EXE_END - address;
    if (!valid) return -EINVAL;
    if (!InExe(address, size)) return -ENOMEM;
    // Private copies of the program's pages would be memory that no limit counts.
    if ((prot & EBB_PROT_WRITE) != 0) return -EACCES;
    return mprotect(At(address), size, HostProt(prot)) == 0 ? 0 : -errno;
  }
  HostPages host{*this};
  return CommitMap::Protect(commits_, host, LimitWith(overhead()), address, size, prot);
}

long KvmMemory::Discard(uint64_t address, uint64_t size) {
  HostPages host{*this};
  return CommitMap::Discard(commits_, host, address, size);
}

long KvmMemory::HostPages::Map(uint64_t address, uint64_t size, uint64_t prot) {
  uint64_t windows = 0;
  for (uint64_t window = address / kWindow; window <= (address + size - 1) / kWindow; ++window)
    windows += memory.windows_.test(window) ? 0 : 1;
  const uint64_t overhead = memory.OverheadWith(windows, KvmTables(memory.base_).MissingTables(address, size));
  if (memory.commits_.committed + size > memory.LimitWith(overhead)) return -ENOMEM;
  if (auto done = memory.EnsureWindows(address, size); !done) return -ENOMEM;
  if (auto done = memory.EnsureTables(memory.next_table_ + KvmTables::TablesFor(size)); !done) return -ENOMEM;
  KvmTables(memory.base_).MapPages(address, size, memory.next_table_);
  return Protect(address, size, prot);
}

long KvmMemory::HostPages::Protect(uint64_t address, uint64_t size, uint64_t prot) {
  if (mprotect(memory.At(address), size, HostProt(prot)) != 0) return -errno;
  memory.Mark(kWritable, address, size, (prot & EBB_PROT_WRITE) != 0);
  return 0;
}

long KvmMemory::HostPages::Release(uint64_t address, uint64_t size) {
  if (auto done = memory.EnsureTables(memory.next_table_ + KvmTables::kTablesToUnmap); !done) return -ENOMEM;
  KvmTables(memory.base_).UnmapPages(address, size, memory.next_table_);
  return ForEachRun(address, size, kBacked, [&](uint64_t at, uint64_t bytes, bool backed) {
    return backed ? memory.Replace(at, bytes, PROT_NONE) : memory.Forget(at, bytes);
  });
}

long KvmMemory::HostPages::Clear(uint64_t address, uint64_t size) {
  return ForEachRun(address, size, kBacked, [&](uint64_t at, uint64_t bytes, bool backed) {
    if (!backed) return memory.Forget(at, bytes);
    return ForEachRun(at, bytes, kWritable, [&](uint64_t from, uint64_t length, bool writable) {
      return memory.Replace(from, length, PROT_READ | (writable ? PROT_WRITE : 0));
    });
  });
}

long KvmMemory::Forget(uint64_t address, uint64_t size) {
  return madvise(At(address), size, MADV_DONTNEED) == 0 ? 0 : -errno;
}

// Discarded, pages of the template would be the template's again: fresh ones take their place.
long KvmMemory::Replace(uint64_t address, uint64_t size, int prot) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  if (mmap(At(address), size, prot, kFlags, -1, 0) == MAP_FAILED) return -errno;
  madvise(At(address), size, MADV_HUGEPAGE);
  Mark(kBacked, address, size, false);
  return 0;
}

long KvmMemory::Random(uint64_t buffer, uint64_t size) {
  if (size > 256) return -EINVAL;
  if (buffer < EBB_LOW_END || buffer > EBB_ARENA_END - size) return -EFAULT;
  // The kernel writes through the mapping's protection: what the guest may not write is refused, not stored to.
  const ssize_t written = getrandom(At(buffer), size, 0);
  if (written < 0) return -errno;
  return static_cast<uint64_t>(written) == size ? 0 : -EFAULT;
}

// Asks the kernel instead of touching: the guest's page may be inaccessible, and a fault here would be the tender's.
// What it fills in is what the guest's own access would.
bool KvmMemory::Allows(uint64_t page, bool write) const {
  if (page < EBB_LOW_END || page >= EBB_ARENA_END) return false;
  return madvise(At(page), EBB_PAGE_SIZE, write ? kMadvPopulateWrite : kMadvPopulateRead) == 0;
}

std::optional<uint64_t> KvmMemory::FirstRefused(uint64_t address, uint64_t size, bool write) const {
  for (uint64_t page = address & ~(EBB_PAGE_SIZE - 1); page < address + size; page += EBB_PAGE_SIZE) {
    if (!Allows(page, write)) return std::max(page, address);
  }
  return std::nullopt;
}

size_t KvmMemory::ReadCode(uint64_t address, std::span<uint8_t> code) const {
  const uint64_t page = address & ~(EBB_PAGE_SIZE - 1);
  if (!Allows(page, false)) return 0;
  const uint64_t left = page + EBB_PAGE_SIZE - address;
  const size_t size = left < code.size() && !Allows(page + EBB_PAGE_SIZE, false) ? left : code.size();
  std::memcpy(code.data(), At(address), size);
  return size;
}

uint8_t* KvmMemory::Ring0Stack(uint64_t address, uint64_t size) const {
  constexpr uint64_t kStart = kRing0Base + kRing0Stack;
  if (address < kStart || address > kStart + EBB_PAGE_SIZE - size) return nullptr;
  return At(address - kRing0Base);
}

}  // namespace ebb::tender
