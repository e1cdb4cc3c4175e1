#include "linux/mm/address_space.h"

#include <algorithm>

#include "kernel/clock.h"
#include "kernel/hypercall.h"
#include "kernel/memory_info.h"
#include "kernel/panic.h"
#include "linux/mm/syscall_sites.h"

namespace ebb::linux_abi {
namespace {

constexpr uint64_t kPage = EBB_PAGE_SIZE;
// The break has room of its own at the arena's start; mappings follow. Large reservations (tables of V8, arenas of
// glibc, wasm memories) live in the sparse part, so that the dense part stays within reach of 32-bit displacements from
// the program. One that asks for an address is V8's code range, which wants that reach: its code then calls the
// program's builtins directly.
constexpr uint64_t kBreakStart = EBB_ARENA_BASE;
constexpr uint64_t kDenseStart = EBB_ARENA_BASE + 0x10000000;
constexpr uint64_t kSparseStart = 0x100000000;
constexpr uint64_t kLargeReservation = 0x4000000, kLargestDense = 0x20000000;

bool BelongsInDensePart(uint64_t hint, uint64_t size, uint32_t prot) {
  return prot == 0 && hint == 0 ? size < kLargeReservation : size <= kLargestDense;
}

// Mappings from this size on are committed by the chunk; a chunk may be as large as what is committed just below it, up
// to a large page.
constexpr uint64_t kLazyThreshold = 1ull << 20;
constexpr uint64_t kChunk = 256 * 1024;
constexpr uint64_t kLargePage = 2ull << 20;

// A program that has come to this size will need more: it is given whole large pages where nothing else lies. Below,
// the pages that a start and small actions need lie closer together.
constexpr uint64_t kLargePagesFrom = 32ull << 20;

// Of the VM's memory, what may be kept for reuse: a few generations of V8's young space.
constexpr uint64_t kFreeShare = 4;

// Up to this size zeroing costs less than giving pages back and faulting them in again.
constexpr uint64_t kZeroInPlace = 64 * 1024;

constexpr uint32_t kReadWrite = kProtRead | kProtWrite;

constexpr uint64_t PageUp(uint64_t value) { return (value + kPage - 1) & ~(kPage - 1); }

bool InArena(uint64_t start, uint64_t size) {
  return start >= EBB_ARENA_BASE && size <= EBB_ARENA_END - EBB_ARENA_BASE && start <= EBB_ARENA_END - size;
}

// The program's own segments may be protected again (RELRO), not moved, and not made writable again (EACCES).
bool InProgram(uint64_t start, uint64_t size) {
  return start >= EBB_EXE_BASE && start < EBB_EXE_END && size <= EBB_EXE_END - start;
}

bool InRegions(uint64_t start, uint64_t size) { return InArena(start, size) || InProgram(start, size); }

}  // namespace

AddressSpace::AddressSpace()
    : free_(boot_info().memory_limit / kFreeShare), break_start_(kBreakStart), break_end_(kBreakStart) {
  mappings_.reserve(512);
}

size_t AddressSpace::IndexOf(uint64_t address) const {
  const auto at = std::partition_point(mappings_.begin(), mappings_.end(),
                                       [address](const Mapping& m) { return m.end <= address; });
  return static_cast<size_t>(at - mappings_.begin());
}

const Mapping* AddressSpace::Find(uint64_t address) const {
  const size_t index = IndexOf(address);
  if (index == mappings_.size() || mappings_[index].start > address) return nullptr;
  return &mappings_[index];
}

bool AddressSpace::Covers(uint64_t address, uint64_t size, uint32_t prot) const {
  const uint64_t end = address + size;
  if (end < address) return false;
  for (size_t i = IndexOf(address); address < end; ++i) {
    if (i == mappings_.size() || mappings_[i].start > address || (mappings_[i].prot & prot) != prot) return false;
    address = mappings_[i].end;
  }
  return true;
}

Result<uint64_t> AddressSpace::FindGap(uint64_t size, uint64_t from, uint64_t to) const {
  uint64_t at = from;
  for (size_t i = IndexOf(from); i < mappings_.size() && mappings_[i].start < to; ++i) {
    if (mappings_[i].start >= at && mappings_[i].start - at >= size) return at;
    at = std::max(at, mappings_[i].end);
  }
  if (at > to || to - at < size) return Errno::kNoMem;
  return at;
}

void AddressSpace::SplitAt(uint64_t address) {
  const size_t index = IndexOf(address);
  if (index == mappings_.size() || mappings_[index].start >= address) return;
  Mapping upper = mappings_[index];
  upper.start = address;
  mappings_[index].end = address;
  mappings_.insert(mappings_.begin() + static_cast<ptrdiff_t>(index) + 1, upper);
}

void AddressSpace::MergeAround(size_t index) {
  const auto mergeable = [this](size_t a, size_t b) {
    return mappings_[a].end == mappings_[b].start && mappings_[a].prot == mappings_[b].prot &&
           mappings_[a].name == mappings_[b].name && mappings_[a].lazy == mappings_[b].lazy &&
           mappings_[a].held == mappings_[b].held;
  };
  if (index + 1 < mappings_.size() && mergeable(index, index + 1)) {
    mappings_[index].end = mappings_[index + 1].end;
    mappings_.erase(mappings_.begin() + static_cast<ptrdiff_t>(index) + 1);
  }
  if (index > 0 && mergeable(index - 1, index)) {
    mappings_[index - 1].end = mappings_[index].end;
    mappings_.erase(mappings_.begin() + static_cast<ptrdiff_t>(index));
  }
}

void AddressSpace::Insert(Mapping mapping) {
  const size_t index = IndexOf(mapping.start);
  mappings_.insert(mappings_.begin() + static_cast<ptrdiff_t>(index), mapping);
  MergeAround(index);
}

Result<> AddressSpace::Commit(uint64_t start, uint64_t end, uint32_t prot) {
  long result = hypercall::Protect(start, end - start, prot);
  if (result == -static_cast<long>(Errno::kNoMem) && ReleaseFreeMemory())
    result = hypercall::Protect(start, end - start, prot);
  if (result == 0) return Ok{};
  if (result == -static_cast<long>(Errno::kNoMem)) refused_at_ns_ = clock->Now();
  return static_cast<Errno>(-result);
}

bool AddressSpace::memory_refused() const {
  // Longer than an allocator takes to give up, and to say so.
  constexpr uint64_t kAftermathNs = 1'000'000'000;
  return refused_at_ns_ && clock->Now() - *refused_at_ns_ < kAftermathNs;
}

Result<> AddressSpace::Provide(uint64_t start, uint64_t end, uint32_t prot) {
  if ((prot & kProtWrite) == 0) {
    // Cannot be zeroed.
    free_.Release(start, end);
    return Commit(start, end, prot);
  }
  // From the first byte that lacks this protection to the last, in one call.
  uint64_t first = end, last = start;
  for (uint64_t at = start; at < end;) {
    const FreeMemory::Range there = free_.First(at, end);
    const bool open = prot == kReadWrite && !there.closed;
    if (there.start > at || (!open && there.size() != 0)) {
      first = std::min(first, at);
      last = open ? there.start : there.end;
    }
    at = there.end;
  }
  if (first < last && CommitLargePages(first, last, prot)) {
    Claim(start, end);
    return Ok{};
  }
  if (first < last) {
    // May give back the free memory inside the range, too, which then is missing as well.
    const uint64_t kept = free_.bytes();
    if (const auto committed = Commit(first, last, prot); !committed) return committed.error();
    if (free_.bytes() != kept) {
      const auto whole = Commit(start, end, prot);
      if (!whole) EBB_CHECK(hypercall::Protect(first, last - first, 0) == 0);
      if (!whole) EBB_CHECK(hypercall::Discard(first, last - first) == 0);
      return whole;
    }
  }
  Claim(start, end);
  return Ok{};
}

bool AddressSpace::CommitLargePages(uint64_t start, uint64_t end, uint32_t prot) {
  const auto nothing_at = [this](uint64_t low, uint64_t high) {
    const size_t index = IndexOf(low);
    return (index == mappings_.size() || mappings_[index].start >= high) && free_.First(low, high).size() == 0;
  };
  // Up to the end of a large page in any case, so that the next one is whole.
  uint64_t from = start & ~(kLargePage - 1);
  if (!nothing_at(from, start)) from = start;
  const uint64_t to = (end + kLargePage - 1) & ~(kLargePage - 1);
  const uint64_t extra = (to - from) - (end - start);
  const uint64_t used = MemoryCommitted() + free_.bytes();
  if (prot != kReadWrite || extra == 0 || to > kSparseStart || committed_ < kLargePagesFrom ||
      used + (to - from) > MemoryLimit() / 2 || free_.bytes() + extra > free_.capacity() || !nothing_at(end, to) ||
      hypercall::Protect(from, to - from, prot) != 0) {
    return false;
  }
  if (from < start) free_.Add({from, start, false, false});
  if (end < to) free_.Add({end, to, false, false});
  return true;
}

void AddressSpace::Claim(uint64_t start, uint64_t end) {
  for (auto range = free_.TakeFirst(start, end); range.size() != 0; range = free_.TakeFirst(start, end)) {
    if (range.dirty) __builtin_memset(reinterpret_cast<void*>(range.start), 0, range.size());
  }
}

void AddressSpace::RemoveRange(uint64_t start, uint64_t end) {
  SplitAt(start);
  SplitAt(end);
  const size_t first = IndexOf(start);
  size_t last = first;
  while (last < mappings_.size() && mappings_[last].start < end) {
    const Mapping& mapping = mappings_[last];
    const uint64_t size = mapping.end - mapping.start;
    const bool shared = mapping.name == kNameShared;
    if (shared) shared_.Remove(mapping.start, mapping.end);
    if ((mapping.prot != 0 && !mapping.lazy) || shared) {
      if (mapping.prot != kReadWrite || shared) EBB_CHECK(hypercall::Protect(mapping.start, size, kReadWrite) == 0);
      committed_ -= size;
      free_.Add({mapping.start, mapping.end, true, false});
    } else if (mapping.held) {
      EBB_CHECK(hypercall::Discard(mapping.start, size) == 0);
    }
    ++last;
  }
  mappings_.erase(mappings_.begin() + static_cast<ptrdiff_t>(first), mappings_.begin() + static_cast<ptrdiff_t>(last));
}

Result<> AddressSpace::FillFromFile(uint64_t start, uint64_t size, uint32_t prot, uint32_t flags, File& file,
                                    uint64_t offset) {
  const bool reserving = (flags & kMapDenyWrite) != 0 && offset == 0 && prot == kProtRead;
  const uint64_t wanted = reserving ? FirstSegmentSpan(file, size) : size;
  const auto filled = file.ReadForMap(std::span(reinterpret_cast<std::byte*>(start), wanted), offset);
  if (!filled) return filled.error();
  if ((prot & kProtExec) != 0) RedirectSyscallSites(file, start, size, offset);
  return Ok{};
}

Result<uint64_t> AddressSpace::Map(uint64_t hint, uint64_t size, uint32_t prot, uint32_t flags, File* file,
                                   uint64_t offset, uint16_t name) {
  if (size == 0 || (offset & (kPage - 1)) != 0 || (prot & ~7u) != 0) return Errno::kInval;
  if (size > EBB_ARENA_END - EBB_ARENA_BASE) return Errno::kNoMem;
  size = PageUp(size);
  const uint32_t type = flags & 3;
  if (type == 0) return Errno::kInval;
  const bool shared = type != kMapPrivate && file != nullptr && file->Content() != nullptr;
  if (type != kMapPrivate && file != nullptr && !shared && (prot & kProtWrite) != 0) return Errno::kNoDev;
  if (shared) {
    const auto joined = shared_.Join(*file, offset, size);
    if (!joined) return joined.error();
    if (*joined != 0) return JoinShared(*joined, size, prot, flags);
  }

  uint64_t start;
  if ((flags & (kMapFixed | kMapFixedNoReplace)) != 0) {
    if ((hint & (kPage - 1)) != 0 || !InArena(hint, size))
      return (hint & (kPage - 1)) != 0 ? Errno::kInval : Errno::kNoMem;
    start = hint;
    if ((flags & kMapFixedNoReplace) != 0) {
      const size_t index = IndexOf(start);
      if (index < mappings_.size() && mappings_[index].start < start + size) return Errno::kExist;
    }
    RemoveRange(start, start + size);
  } else {
    Result<uint64_t> gap = Errno::kNoMem;
    hint &= ~(kPage - 1);
    if (hint >= kDenseStart && InArena(hint, size)) gap = FindGap(size, hint, hint + size);
    if (!gap && BelongsInDensePart(hint, size, prot)) gap = FindGap(size, kDenseStart, kSparseStart);
    if (!gap) gap = FindGap(size, kSparseStart, EBB_ARENA_END);
    if (!gap) return gap.error();
    start = *gap;
  }

  if (shared) return MapShared(start, size, prot, *file, offset);
  const bool loading = file != nullptr && prot != 0;
  const bool lazy = prot != 0 && !loading && size >= kLazyThreshold;
  // What could never be used is refused here, where the program can tell, not at a touch, where it dies. As Linux does
  // by default, against the whole limit: programs that use little of what they map go on.
  if (lazy && (flags & kMapNoReserve) == 0 && size > MemoryLimit()) return Errno::kNoMem;
  const Mapping mapping{start, start + size, prot, file != nullptr ? static_cast<uint16_t>(kNameFile) : name,
                        lazy,  false};
  if (lazy) {
    InsertLazy(mapping, flags);
    return start;
  }
  if (prot != 0) {
    if (const auto provided = Provide(start, start + size, loading ? kReadWrite : prot); !provided)
      return provided.error();
    committed_ += size;
  } else {
    free_.Close(start, start + size);
  }
  // In the list before it is filled: redirecting syscall sites maps stubs of its own.
  Insert(mapping);
  if (loading) {
    auto filled = FillFromFile(start, size, prot, flags, *file, offset);
    if (filled && prot != kReadWrite) filled = Commit(start, start + size, prot);
    if (!filled) {
      RemoveRange(start, start + size);
      return filled.error();
    }
  }
  return start;
}

void AddressSpace::InsertLazy(const Mapping& mapping, uint32_t flags) {
  Insert(mapping);
  // Of a reservation little will be used, least of all where free memory happens to lie.
  if ((flags & (kMapNoReserve | kMapStack)) != 0 || (mapping.prot & kProtWrite) == 0) {
    free_.Close(mapping.start, mapping.end);
  } else {
    OpenFreeMemory(mapping.start, mapping.end, mapping.prot);
  }
}

void AddressSpace::OpenFreeMemory(uint64_t start, uint64_t end, uint32_t prot) {
  for (auto range = free_.First(start, end); range.size() != 0; range = free_.First(start, end)) {
    start = range.end;
    if (Provide(range.start, range.end, prot)) {
      MarkCommitted(range.start, range.end);
    } else {
      free_.Release(range.start, range.end);
    }
  }
}

Result<uint64_t> AddressSpace::MapShared(uint64_t start, uint64_t size, uint32_t prot, File& file, uint64_t offset) {
  // Whatever the program may do, the file must be able to write there.
  if (const auto provided = Provide(start, start + size, kReadWrite | (prot & kProtExec)); !provided)
    return provided.error();
  committed_ += size;
  Insert({start, start + size, prot, kNameShared, false, false});
  if (const auto added = shared_.Add(start, size, file, offset); !added) {
    RemoveRange(start, start + size);
    return added.error();
  }
  return start;
}

// One more use of a shared mapping, or of a part of it.
Result<uint64_t> AddressSpace::JoinShared(uint64_t start, uint64_t size, uint32_t prot, uint32_t flags) {
  if ((flags & (kMapFixed | kMapFixedNoReplace)) != 0) {
    (void)shared_.Leave(start, size);
    return Errno::kNoDev;
  }
  SplitAt(start);
  SplitAt(start + size);
  const size_t first = IndexOf(start);
  size_t last = first;
  for (; last < mappings_.size() && mappings_[last].start < start + size; ++last) mappings_[last].prot |= prot;
  for (size_t i = last; i-- > first;) MergeAround(i);
  return start;
}

Result<> AddressSpace::Unmap(uint64_t address, uint64_t size) {
  if ((address & (kPage - 1)) != 0 || size == 0) return Errno::kInval;
  size = PageUp(size);
  if (!InArena(address, size)) return Errno::kInval;
  if (shared_.Leave(address, size)) return Ok{};
  RemoveRange(address, address + size);
  return Ok{};
}

Result<> AddressSpace::Open(Mapping& mapping, uint32_t old_prot) {
  if (mapping.name == kNameShared) return Ok{};
  const uint64_t size = mapping.end - mapping.start;
  const bool arena = InArena(mapping.start, 0);
  if (mapping.lazy) {
    mapping.lazy = mapping.prot != 0;
    return Ok{};
  }
  if (arena && old_prot == 0 && size >= kLazyThreshold) {
    mapping.lazy = true;
    return Ok{};
  }
  const bool fresh = arena && old_prot == 0 && !mapping.held;
  const auto committed =
      fresh ? Provide(mapping.start, mapping.end, mapping.prot) : Commit(mapping.start, mapping.end, mapping.prot);
  if (!committed) return committed.error();
  if (arena && old_prot == 0) committed_ += size;
  if (arena && mapping.prot == 0) committed_ -= size;
  mapping.held = arena && mapping.prot == 0;
  return Ok{};
}

bool AddressSpace::HandleFault(uint64_t address, uint64_t error_code) {
  constexpr uint64_t kWrite = 2, kFetch = 16;
  const Mapping* mapping = Find(address);
  if (mapping == nullptr || !mapping->lazy) return false;
  // On x86 any access brings the right to read, and what may be written the kernel reads, too.
  constexpr uint32_t kProtAny = kProtRead | kProtWrite | kProtExec;
  const uint32_t needed = (error_code & kFetch) != 0 ? kProtExec : (error_code & kWrite) != 0 ? kProtWrite : kProtAny;
  if ((mapping->prot & needed) == 0) return false;
  // What cannot be zeroed must come from the tender.
  if ((mapping->prot & kProtWrite) == 0) free_.Release(mapping->start, mapping->end);
  const uint64_t start = std::max(mapping->start, address & ~(kChunk - 1));
  const uint64_t end = std::min(mapping->end, (address & ~(kChunk - 1)) + kChunk);
  // Who came here from below will go on: in steps that double, each within one large page.
  const Mapping* below = mapping == mappings_.data() ? nullptr : mapping - 1;
  if (below != nullptr && below->end == start && !below->lazy && below->prot == mapping->prot) {
    const uint64_t step = std::min(below->end - below->start, kLargePage);
    const uint64_t page_end = (address & ~(kLargePage - 1)) + kLargePage;
    const uint64_t further = std::max(end, std::min({mapping->end, start + step, page_end}) & ~(kPage - 1));
    if (further > end && hypercall::Protect(start, further - start, mapping->prot) == 0) {
      Claim(start, further);
      MarkCommitted(start, further);
      return true;
    }
  }
  if (!Commit(start, end, mapping->prot)) OutOfMemory("at the first touch of a mapping");
  Claim(start, end);
  MarkCommitted(start, end);
  return true;
}

void AddressSpace::MarkCommitted(uint64_t start, uint64_t end) {
  SplitAt(start);
  SplitAt(end);
  committed_ += end - start;
  size_t last = IndexOf(start);
  for (; last < mappings_.size() && mappings_[last].start < end; ++last) {
    mappings_[last].lazy = false;
    mappings_[last].held = false;
  }
  for (size_t i = last; i-- > 0 && mappings_[i].end > start;) MergeAround(i);
}

Result<> AddressSpace::Protect(uint64_t address, uint64_t size, uint32_t prot) {
  if ((address & (kPage - 1)) != 0 || (prot & ~7u) != 0) return Errno::kInval;
  size = PageUp(size);
  if (size == 0) return Ok{};
  if (!InRegions(address, size) || !Covers(address, size, 0)) return Errno::kNoMem;
  const uint64_t end = address + size;
  SplitAt(address);
  SplitAt(end);
  const size_t first = IndexOf(address);
  for (size_t i = first; i < mappings_.size() && mappings_[i].start < end; ++i) {
    Mapping& mapping = mappings_[i];
    if (mapping.prot == prot) continue;
    const uint32_t old_prot = mapping.prot;
    mapping.prot = prot;
    if (const auto opened = Open(mapping, old_prot); !opened) {
      mapping.prot = old_prot;
      return opened.error();
    }
  }
  // Merge from the last one down, so that indices below stay valid.
  size_t last = first;
  while (last + 1 < mappings_.size() && mappings_[last + 1].start < end) ++last;
  for (size_t i = last + 1; i-- > first;) MergeAround(i);
  // What was reserved and is used from now on.
  if ((prot & kProtWrite) != 0) OpenFreeMemory(address, end, prot);
  return Ok{};
}

Result<uint64_t> AddressSpace::Remap(uint64_t address, uint64_t old_size, uint64_t new_size, uint32_t flags, uint64_t) {
  constexpr uint32_t kMayMove = 1;
  if ((address & (kPage - 1)) != 0 || new_size == 0 || (flags & ~kMayMove) != 0) return Errno::kInval;
  old_size = PageUp(old_size);
  new_size = PageUp(new_size);
  if (old_size == 0 || !InArena(address, old_size)) return Errno::kInval;
  const Mapping* mapping = Find(address);
  if (mapping == nullptr || mapping->end < address + old_size) return Errno::kFault;
  if (new_size <= old_size) {
    if (new_size < old_size) RemoveRange(address + new_size, address + old_size);
    return address;
  }
  const Mapping kept = *mapping;
  if (kept.name == kNameShared)
    return (flags & kMayMove) != 0 ? RemapShared(kept, address, old_size, new_size) : Errno::kNoMem;
  const uint64_t grow = new_size - old_size;
  if (InArena(address, new_size) && FindGap(grow, address + old_size, address + new_size)) {
    const auto grown =
        Map(address + old_size, grow, kept.prot, kMapPrivate | kMapAnonymous | kMapFixed, nullptr, 0, kept.name);
    if (!grown) return grown.error();
    return address;
  }
  if ((flags & kMayMove) == 0) return Errno::kNoMem;
  const auto moved = Map(0, new_size, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous, nullptr, 0, kept.name);
  if (!moved) return moved.error();
  if ((kept.prot & kProtRead) != 0)
    __builtin_memcpy(reinterpret_cast<void*>(*moved), reinterpret_cast<void*>(address), old_size);
  if (kept.prot != (kProtRead | kProtWrite)) {
    if (const auto set = Protect(*moved, new_size, kept.prot); !set) return set.error();
  }
  RemoveRange(address, address + old_size);
  return *moved;
}

Result<uint64_t> AddressSpace::RemapShared(const Mapping& kept, uint64_t address, uint64_t old_size,
                                           uint64_t new_size) {
  uint64_t offset = 0;
  const ebb::Ref<File> file = shared_.Find(address, offset);
  if (shared_.Shared(address, old_size)) return Errno::kNoMem;
  // The content waits in the file.
  RemoveRange(address, address + old_size);
  const auto moved = Map(0, new_size, kept.prot, kMapShared, file.get(), offset);
  if (!moved) (void)Map(address, old_size, kept.prot, kMapShared | kMapFixed, file.get(), offset);
  return moved;
}

Result<> AddressSpace::Discard(uint64_t address, uint64_t size) {
  if ((address & (kPage - 1)) != 0) return Errno::kInval;
  size = PageUp(size);
  if (size == 0) return Ok{};
  if (!InArena(address, size)) return Errno::kNoMem;
  const uint64_t end = address + size;
  for (size_t i = IndexOf(address); i < mappings_.size() && mappings_[i].start < end; ++i) {
    const Mapping& mapping = mappings_[i];
    // What a shared mapping holds is the content of a file.
    if (mapping.name == kNameShared) continue;
    const bool committed = mapping.prot != 0 && !mapping.lazy;
    if (!committed && !mapping.held) continue;
    const uint64_t from = std::max(address, mapping.start);
    const uint64_t length = std::min(end, mapping.end) - from;
    if (committed && (mapping.prot & kProtWrite) != 0 && length <= kZeroInPlace) {
      __builtin_memset(reinterpret_cast<void*>(from), 0, length);
      continue;
    }
    const long result = hypercall::Discard(from, length);
    if (result != 0) return static_cast<Errno>(-result);
  }
  return Ok{};
}

uint64_t AddressSpace::Break(uint64_t wanted) {
  if (wanted < break_start_ || wanted > kDenseStart) return break_end_;
  const uint64_t old_end = PageUp(break_end_);
  const uint64_t new_end = PageUp(wanted);
  if (new_end > old_end) {
    const auto grown = Map(old_end, new_end - old_end, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous | kMapFixed,
                           nullptr, 0, kNameHeap);
    if (!grown) return break_end_;
  } else if (new_end < old_end) {
    RemoveRange(new_end, old_end);
  }
  break_end_ = wanted;
  return break_end_;
}

void AddressSpace::AddExisting(uint64_t start, uint64_t end, uint32_t prot, uint16_t name) {
  Insert({start & ~(kPage - 1), PageUp(end), prot, name, false, false});
}

}  // namespace ebb::linux_abi
