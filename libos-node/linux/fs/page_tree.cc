#include "linux/fs/page_tree.h"

#include <new>

#include "abi/ebb_abi.h"
#include "kernel/page_allocator.h"
#include "kernel/panic.h"
#include "linux/fs/quota.h"

namespace ebb::linux_abi {
namespace {

std::byte* AllocatePage() {
  if (!tree_quota().Take(EBB_PAGE_SIZE)) return nullptr;
  const uint64_t page = page_allocator().Allocate(1);
  if (page == 0) tree_quota().Give(EBB_PAGE_SIZE);
  return reinterpret_cast<std::byte*>(page);
}

// The program's mappings are in the arena, pages of the tree are not.
bool Lent(const void* page) {
  const auto at = reinterpret_cast<uint64_t>(page);
  return at >= EBB_ARENA_BASE && at < EBB_ARENA_END;
}

void FreePage(void* page) {
  page_allocator().Free(reinterpret_cast<uint64_t>(page));
  tree_quota().Give(EBB_PAGE_SIZE);
}

}  // namespace

std::byte* PageTree::Find(uint64_t index) const {
  if (!Holds(height_, index)) return nullptr;
  void* at = root_;
  for (uint32_t height = height_; height > 0 && at != nullptr; --height) {
    at = static_cast<Node*>(at)->slots[(index >> ((height - 1) * kBits)) & (kFanOut - 1)];
  }
  return static_cast<std::byte*>(at);
}

void** PageTree::SlotOf(uint64_t index) {
  if (root_ == nullptr) height_ = 0;
  while (!Holds(height_, index)) {
    if (root_ != nullptr) {
      auto* above = new (std::nothrow) Node();
      if (above == nullptr) return nullptr;
      above->slots[0] = root_;
      root_ = above;
    }
    ++height_;
  }
  void** slot = &root_;
  for (uint32_t height = height_; height > 0; --height) {
    // A node made for a page that then fails stays, empty: RemoveRange finds it.
    if (*slot == nullptr) *slot = new (std::nothrow) Node();
    if (*slot == nullptr) return nullptr;
    slot = &static_cast<Node*>(*slot)->slots[(index >> ((height - 1) * kBits)) & (kFanOut - 1)];
  }
  return slot;
}

std::byte* PageTree::Insert(uint64_t index) {
  std::byte* page = AllocatePage();
  if (page == nullptr) return nullptr;
  void** slot = SlotOf(index);
  if (slot == nullptr) {
    FreePage(page);
    return nullptr;
  }
  *slot = page;
  ++pages_;
  return page;
}

bool PageTree::Lend(uint64_t index, std::byte* page) {
  void** slot = SlotOf(index);
  if (slot == nullptr) return false;
  if (*slot == nullptr) {
    ++pages_;
  } else if (!Lent(*slot)) {
    FreePage(*slot);
  }
  *slot = page;
  return true;
}

void PageTree::Reclaim(uint64_t index) {
  void** slot = SlotOf(index);
  // The content is the program's and has no other place: the quota may be exceeded, memory may not.
  tree_quota().Force(EBB_PAGE_SIZE);
  const uint64_t page = page_allocator().Allocate(1);
  if (slot == nullptr || page == 0) OutOfMemory();
  __builtin_memcpy(reinterpret_cast<void*>(page), *slot, EBB_PAGE_SIZE);
  *slot = reinterpret_cast<void*>(page);
}

void PageTree::Forget(uint64_t index) {
  if (void** slot = SlotOf(index); slot != nullptr && *slot != nullptr) {
    *slot = nullptr;
    --pages_;
  }
}

// What is left of `item` after the removal; null when nothing is.
void* PageTree::RemoveBelow(void* item, uint32_t height, uint64_t base, uint64_t first, uint64_t end) {
  if (item == nullptr) return nullptr;
  if (height == 0) {
    if (base < first || base >= end) return item;
    if (Lent(item)) {
      __builtin_memset(item, 0, EBB_PAGE_SIZE);
      return item;
    }
    FreePage(item);
    --pages_;
    return nullptr;
  }
  auto* node = static_cast<Node*>(item);
  const uint32_t shift = (height - 1) * kBits;
  bool used = false;
  for (uint64_t i = 0; i < kFanOut; ++i) {
    if (node->slots[i] == nullptr) continue;
    const uint64_t low = base + (i << shift);
    const uint64_t high = low + ((1ull << shift) - 1);
    if (high >= first && low < end) node->slots[i] = RemoveBelow(node->slots[i], height - 1, low, first, end);
    used = used || node->slots[i] != nullptr;
  }
  if (used) return node;
  delete node;
  return nullptr;
}

void PageTree::RemoveRange(uint64_t first, uint64_t end) { root_ = RemoveBelow(root_, height_, 0, first, end); }

uint64_t PageTree::NextBelow(void* item, uint32_t height, uint64_t base, uint64_t from, bool hole) {
  if (item == nullptr) return hole ? (base > from ? base : from) : kNone;
  if (height == 0) return hole ? kNone : base;
  auto* node = static_cast<Node*>(item);
  const uint32_t shift = (height - 1) * kBits;
  for (uint64_t i = from > base ? (from - base) >> shift : 0; i < kFanOut; ++i) {
    const uint64_t found = NextBelow(node->slots[i], height - 1, base + (i << shift), from, hole);
    if (found != kNone) return found;
  }
  return kNone;
}

uint64_t PageTree::Next(uint64_t from, bool hole) const {
  if (!Holds(height_, from)) return hole ? from : kNone;
  const uint64_t found = NextBelow(root_, height_, 0, from, hole);
  if (found != kNone || !hole) return found;
  return height_ * kBits >= 64 ? kNone : 1ull << (height_ * kBits);
}

}  // namespace ebb::linux_abi
