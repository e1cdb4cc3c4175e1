// GeneralPurposeAllocator: the LibOS's malloc (operator new). Sixteen-byte aligned. Small sizes come from slabs of one
// size class, larger ones are runs of pages.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ebb {

class GeneralPurposeAllocator {
 public:
  virtual ~GeneralPurposeAllocator() = default;
  // Null when there is no memory.
  virtual void* Allocate(size_t size) = 0;
  virtual void Free(void* pointer) = 0;
};

GeneralPurposeAllocator& gp_allocator();

// Slabs: one page run per size class, a free list inside.
class SlabAllocator final : public GeneralPurposeAllocator {
 public:
  void* Allocate(size_t size) override;
  void Free(void* pointer) override;

 private:
  struct FreeObject {
    FreeObject* next;
  };
  static constexpr uint16_t kSizes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048};
  static constexpr size_t kClasses = sizeof(kSizes) / sizeof(kSizes[0]);
  static constexpr uint64_t kSlabPages = 4;

  bool Refill(size_t size_class);

  FreeObject* free_[kClasses] = {};
};

// Whole pages for everything: wasteful, but every overrun of an object leaves its page. For hunting errors.
class PageGranularAllocator final : public GeneralPurposeAllocator {
 public:
  void* Allocate(size_t size) override;
  void Free(void* pointer) override;
};

}  // namespace ebb
