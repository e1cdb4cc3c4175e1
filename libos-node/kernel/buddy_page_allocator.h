// The binary buddy implementation of PageAllocator.
#pragma once

#include "abi/ebb_abi.h"
#include "kernel/page_allocator.h"

namespace ebb {

class BuddyPageAllocator final : public PageAllocator {
 public:
  uint64_t Allocate(uint64_t pages) override;
  void Free(uint64_t address) override;
  void SetTag(uint64_t address, uint8_t tag) override { tags_[IndexOf(address)] = tag; }
  uint8_t TagOf(uint64_t page) const override { return tags_[IndexOf(page)]; }
  uint64_t RunPages(uint64_t address) const override { return 1ull << (orders_[IndexOf(address)] & ~kAllocated); }
  uint64_t committed_bytes() const override { return committed_end_ - EBB_HEAP_BASE; }

 private:
  static constexpr uint32_t kMaxOrder = 15;  // 128 MiB
  static constexpr uint32_t kGrowOrder = 9;  // 2 MiB: what a larger mapping of the host covers
  static constexpr uint8_t kAllocated = 0x80;
  static constexpr uint64_t kPages = (EBB_HEAP_END - EBB_HEAP_BASE) / EBB_PAGE_SIZE;

  struct FreeRun {
    FreeRun* next;
    FreeRun* previous;
  };

  static uint64_t IndexOf(uint64_t address) { return (address - EBB_HEAP_BASE) / EBB_PAGE_SIZE; }
  static uint64_t AddressOf(uint64_t index) { return EBB_HEAP_BASE + index * EBB_PAGE_SIZE; }
  bool Grow(uint32_t order);
  void Insert(uint64_t index, uint32_t order);
  void Remove(uint64_t index, uint32_t order);
  void FreeRunAt(uint64_t index, uint32_t order);

  FreeRun* free_[kMaxOrder + 1] = {};
  uint64_t committed_end_ = EBB_HEAP_BASE;
  // Per page, valid at the first page of a run: its order | kAllocated. kFree (order without the flag) only at the head
  // of free runs.
  uint8_t orders_[kPages] = {};
  uint8_t is_head_[kPages] = {};
  uint8_t tags_[kPages] = {};
};

}  // namespace ebb
