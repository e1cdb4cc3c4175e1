#include "kernel/buddy_page_allocator.h"

#include "kernel/hypercall.h"
#include "kernel/memory_info.h"
#include "kernel/panic.h"

namespace ebb {

void BuddyPageAllocator::Insert(uint64_t index, uint32_t order) {
  auto* run = reinterpret_cast<FreeRun*>(AddressOf(index));
  run->next = free_[order];
  run->previous = nullptr;
  if (run->next != nullptr) run->next->previous = run;
  free_[order] = run;
  orders_[index] = static_cast<uint8_t>(order);
  is_head_[index] = 1;
}

void BuddyPageAllocator::Remove(uint64_t index, uint32_t order) {
  auto* run = reinterpret_cast<FreeRun*>(AddressOf(index));
  if (run->previous != nullptr) {
    run->previous->next = run->next;
  } else {
    free_[order] = run->next;
  }
  if (run->next != nullptr) run->next->previous = run->previous;
  is_head_[index] = 0;
}

bool BuddyPageAllocator::Grow(uint32_t order) {
  const uint32_t grow_order = order > kGrowOrder ? order : kGrowOrder;
  const uint64_t size = EBB_PAGE_SIZE << grow_order;
  // Runs are aligned to their size; what alignment skips becomes free runs, too.
  const uint64_t start = (committed_end_ + size - 1) & ~(size - 1);
  if (start + size > EBB_HEAP_END) return false;
  const uint64_t grown = start + size - committed_end_;
  while (hypercall::Protect(committed_end_, grown, EBB_PROT_READ | EBB_PROT_WRITE) != 0) {
    if (!ReclaimMemory()) return false;
  }
  uint64_t index = IndexOf(committed_end_);
  committed_end_ = start + size;
  while (AddressOf(index) < start) {
    uint32_t fit = 0;
    while (fit < kMaxOrder && (index & ((2ull << fit) - 1)) == 0 && AddressOf(index + (2ull << fit)) <= start) ++fit;
    FreeRunAt(index, fit);
    index += 1ull << fit;
  }
  FreeRunAt(index, grow_order);
  return true;
}

uint64_t BuddyPageAllocator::Allocate(uint64_t pages) {
  if (pages == 0 || pages > (1ull << kMaxOrder)) return 0;
  uint32_t order = 0;
  while ((1ull << order) < pages) ++order;
  uint32_t from = order;
  while (from <= kMaxOrder && free_[from] == nullptr) ++from;
  if (from > kMaxOrder) {
    if (!Grow(order)) return 0;
    from = order;
    while (free_[from] == nullptr) ++from;
  }
  const uint64_t index = IndexOf(reinterpret_cast<uint64_t>(free_[from]));
  Remove(index, from);
  while (from > order) {
    --from;
    Insert(index + (1ull << from), from);
  }
  orders_[index] = static_cast<uint8_t>(order | kAllocated);
  is_head_[index] = 1;
  tags_[index] = 0;
  return AddressOf(index);
}

void BuddyPageAllocator::Free(uint64_t address) {
  if (address == 0) return;
  const uint64_t index = IndexOf(address);
  EBB_CHECK(address >= EBB_HEAP_BASE && index < kPages && is_head_[index] != 0 && (orders_[index] & kAllocated) != 0);
  const uint32_t order = orders_[index] & ~kAllocated;
  is_head_[index] = 0;
  tags_[index] = 0;
  FreeRunAt(index, order);
}

void BuddyPageAllocator::FreeRunAt(uint64_t index, uint32_t order) {
  while (order < kMaxOrder) {
    const uint64_t buddy = index ^ (1ull << order);
    if (AddressOf(buddy + (1ull << order)) > committed_end_ || is_head_[buddy] == 0 || orders_[buddy] != order) break;
    Remove(buddy, order);
    index &= buddy;
    ++order;
  }
  Insert(index, order);
}

}  // namespace ebb
