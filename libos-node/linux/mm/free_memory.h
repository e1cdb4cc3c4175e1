// FreeMemory: arena memory that the program has given up, but that the tender still counts as committed. Mapping it
// again costs zeroing instead of page faults. An open range is readable and writable and lies under no mapping: it
// needs no hypercall either. A closed one is inaccessible, and may lie under a mapping without access or one not yet
// touched.
//
// Invariants: ranges are sorted and disjoint; their bytes stay within the capacity, their number within kMaxRanges (so
// that keeping memory never needs any); what is kept is never a reason to refuse memory: whoever is refused gives it
// all back first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ebb::linux_abi {

class FreeMemory {
 public:
  struct Range {
    uint64_t start;
    uint64_t end;
    bool dirty;  // may hold content; clean ranges are known to be zero
    bool closed;
    uint64_t size() const { return end - start; }
    bool operator==(const Range&) const = default;
  };

  explicit FreeMemory(uint64_t capacity);

  // Keeps [start, end), which is not kept yet. Beyond the capacity the highest addresses are given back.
  void Add(const Range& range);
  // The lowest piece kept of [start, end), or an empty range. Take makes it the caller's.
  Range First(uint64_t start, uint64_t end) const;
  Range TakeFirst(uint64_t start, uint64_t end);
  // Makes what is open in [start, end) inaccessible.
  void Close(uint64_t start, uint64_t end);
  // Gives what is kept of [start, end) back to the tender: inaccessible and not committed. Returns the bytes.
  uint64_t Release(uint64_t start, uint64_t end);
  uint64_t ReleaseAll() { return Release(0, ~0ull); }

  uint64_t bytes() const { return bytes_; }
  uint64_t capacity() const { return capacity_; }
  // Changes with every Add and TakeFirst: whoever sees the same number twice knows that nobody needed the memory.
  uint64_t uses() const { return uses_; }

 private:
  static constexpr size_t kMaxRanges = 256;

  size_t IndexOf(uint64_t address) const;  // first range with end > address
  void Erase(size_t index);
  void Insert(const Range& range);
  void ReleaseLast(uint64_t excess);

  std::vector<Range> ranges_;
  uint64_t capacity_;
  uint64_t bytes_ = 0;
  uint64_t uses_ = 0;
};

}  // namespace ebb::linux_abi
