#include "linux/mm/free_memory.h"

#include <algorithm>

#include "kernel/hypercall.h"
#include "kernel/panic.h"

namespace ebb::linux_abi {
namespace {

// In this order the tender takes the memory back (abi/ebb_abi.h).
void GiveBack(uint64_t start, uint64_t end, bool closed) {
  if (!closed) EBB_CHECK(hypercall::Protect(start, end - start, 0) == 0);
  EBB_CHECK(hypercall::Discard(start, end - start) == 0);
}

}  // namespace

FreeMemory::FreeMemory(uint64_t capacity) : capacity_(capacity) {
  // One more than is ever kept: a range is inserted before another one goes.
  ranges_.reserve(kMaxRanges + 1);
}

size_t FreeMemory::IndexOf(uint64_t address) const {
  const auto at = std::partition_point(ranges_.begin(), ranges_.end(),
                                       [address](const Range& range) { return range.end <= address; });
  return static_cast<size_t>(at - ranges_.begin());
}

void FreeMemory::Erase(size_t index) { ranges_.erase(ranges_.begin() + static_cast<ptrdiff_t>(index)); }

void FreeMemory::Add(const Range& range) {
  ++uses_;
  Insert(range);
  while (bytes_ > capacity_) ReleaseLast(bytes_ - capacity_);
}

void FreeMemory::Insert(const Range& range) {
  const auto alike = [](const Range& lower, const Range& upper) {
    return lower.end == upper.start && lower.dirty == upper.dirty && lower.closed == upper.closed;
  };
  bytes_ += range.size();
  const size_t index = IndexOf(range.start);
  EBB_CHECK(index == ranges_.size() || ranges_[index].start >= range.end);
  const bool joins_next = index < ranges_.size() && alike(range, ranges_[index]);
  if (index > 0 && alike(ranges_[index - 1], range)) {
    ranges_[index - 1].end = joins_next ? ranges_[index].end : range.end;
    if (joins_next) Erase(index);
  } else if (joins_next) {
    ranges_[index].start = range.start;
  } else {
    ranges_.insert(ranges_.begin() + static_cast<ptrdiff_t>(index), range);
    if (ranges_.size() > kMaxRanges) ReleaseLast(ranges_.back().size());
  }
}

// First-fit placement takes low addresses first, so the highest are missed least.
void FreeMemory::ReleaseLast(uint64_t excess) {
  Range& last = ranges_.back();
  const uint64_t size = std::min(excess, last.size());
  GiveBack(last.end - size, last.end, last.closed);
  last.end -= size;
  bytes_ -= size;
  if (last.size() == 0) ranges_.pop_back();
}

FreeMemory::Range FreeMemory::First(uint64_t start, uint64_t end) const {
  const size_t index = IndexOf(start);
  if (index == ranges_.size() || ranges_[index].start >= end) return {end, end, false, false};
  Range piece = ranges_[index];
  piece.start = std::max(start, piece.start);
  piece.end = std::min(end, piece.end);
  return piece;
}

FreeMemory::Range FreeMemory::TakeFirst(uint64_t start, uint64_t end) {
  const Range taken = First(start, end);
  if (taken.size() == 0) return taken;
  ++uses_;
  bytes_ -= taken.size();
  const size_t index = IndexOf(taken.start);
  Range& range = ranges_[index];
  if (taken.start > range.start && taken.end < range.end) {
    Range upper = range;
    upper.start = taken.end;
    range.end = taken.start;
    ranges_.insert(ranges_.begin() + static_cast<ptrdiff_t>(index) + 1, upper);
    if (ranges_.size() > kMaxRanges) ReleaseLast(ranges_.back().size());
  } else if (taken.start > range.start) {
    range.end = taken.start;
  } else if (taken.end < range.end) {
    range.start = taken.end;
  } else {
    Erase(index);
  }
  return taken;
}

void FreeMemory::Close(uint64_t start, uint64_t end) {
  while (start < end) {
    Range piece = First(start, end);
    start = piece.end;
    if (piece.size() == 0 || piece.closed) continue;
    TakeFirst(piece.start, piece.end);
    EBB_CHECK(hypercall::Protect(piece.start, piece.size(), 0) == 0);
    piece.closed = true;
    Insert(piece);
  }
}

uint64_t FreeMemory::Release(uint64_t start, uint64_t end) {
  uint64_t released = 0;
  for (Range piece = TakeFirst(start, end); piece.size() != 0; piece = TakeFirst(start, end)) {
    // Neighbours that differ only in being clean go together.
    for (Range next = First(piece.end, end); next.start == piece.end && next.size() != 0 && next.closed == piece.closed;
         next = First(piece.end, end)) {
      piece.end = TakeFirst(piece.end, end).end;
    }
    GiveBack(piece.start, piece.end, piece.closed);
    released += piece.size();
  }
  return released;
}

}  // namespace ebb::linux_abi
