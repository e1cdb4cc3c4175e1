// PageTree: the pages of a file by their index. A radix tree of 64-way nodes that is as high as the largest index
// needs: one page costs no node, growing copies nothing, holes cost nothing. Pages are charged to the tree's quota, but
// for those that lie in a mapping: these belong to it, and the tree only points to them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ebb::linux_abi {

class PageTree {
 public:
  static constexpr uint64_t kNone = UINT64_MAX;

  PageTree() = default;
  PageTree(const PageTree&) = delete;
  PageTree& operator=(const PageTree&) = delete;
  ~PageTree() { RemoveRange(0, kNone); }

  // Null for a hole.
  std::byte* Find(uint64_t index) const;
  // A new page where there is none, its content undefined. Null when quota or memory is exhausted.
  std::byte* Insert(uint64_t index);
  // A page of a mapping in place of what is there; its content is the caller's. False when memory is exhausted.
  bool Lend(uint64_t index, std::byte* page);
  // A page of its own again, with the content of the lent one.
  void Reclaim(uint64_t index);
  // The lent page is none of the file's any more.
  void Forget(uint64_t index);
  // Frees the pages of [first, end); lent ones become zero and stay.
  void RemoveRange(uint64_t first, uint64_t end);
  // The first index >= from that has a page (kNone), or, for `hole`, that has none.
  uint64_t Next(uint64_t from, bool hole) const;
  uint64_t pages() const { return pages_; }

 private:
  static constexpr uint32_t kBits = 6;
  static constexpr uint64_t kFanOut = 1ull << kBits;

  struct Node {
    void* slots[kFanOut] = {};
  };

  // Indices a tree of this height can hold; height 0 is a single page.
  static bool Holds(uint32_t height, uint64_t index) {
    return height * kBits >= 64 || (index >> (height * kBits)) == 0;
  }
  // The slot of an index, with the nodes above it; null when memory is exhausted.
  void** SlotOf(uint64_t index);
  void* RemoveBelow(void* item, uint32_t height, uint64_t base, uint64_t first, uint64_t end);
  static uint64_t NextBelow(void* item, uint32_t height, uint64_t base, uint64_t from, bool hole);

  void* root_ = nullptr;
  uint32_t height_ = 0;
  uint64_t pages_ = 0;
};

}  // namespace ebb::linux_abi
