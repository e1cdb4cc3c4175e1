#include "kernel/gp_allocator.h"

#include "abi/ebb_abi.h"
#include "kernel/page_allocator.h"
#include "kernel/panic.h"

namespace ebb {

bool SlabAllocator::Refill(size_t size_class) {
  const uint64_t run = page_allocator().Allocate(kSlabPages);
  if (run == 0) return false;
  // Runs are aligned to their size, so an object's run is found by masking.
  page_allocator().SetTag(run, static_cast<uint8_t>(size_class + 1));
  const uint64_t size = kSizes[size_class];
  const uint64_t end = run + kSlabPages * EBB_PAGE_SIZE;
  for (uint64_t at = end - size - (end - run) % size; at >= run; at -= size) {
    auto* object = reinterpret_cast<FreeObject*>(at);
    object->next = free_[size_class];
    free_[size_class] = object;
    if (at == run) break;
  }
  return true;
}

void* SlabAllocator::Allocate(size_t size) {
  size_t size_class = 0;
  while (size_class < kClasses && kSizes[size_class] < size) ++size_class;
  if (size_class == kClasses) {
    return reinterpret_cast<void*>(page_allocator().Allocate((size + EBB_PAGE_SIZE - 1) / EBB_PAGE_SIZE));
  }
  if (free_[size_class] == nullptr && !Refill(size_class)) return nullptr;
  FreeObject* object = free_[size_class];
  free_[size_class] = object->next;
  return object;
}

void SlabAllocator::Free(void* pointer) {
  if (pointer == nullptr) return;
  const uint64_t address = reinterpret_cast<uint64_t>(pointer);
  const uint64_t run = address & ~(kSlabPages * EBB_PAGE_SIZE - 1);
  const uint8_t tag = page_allocator().TagOf(run);
  // A slab's run starts at the aligned address and is the only kind of run with a tag there that spans four pages.
  if (tag != 0 && page_allocator().RunPages(run) == kSlabPages) {
    auto* object = static_cast<FreeObject*>(pointer);
    object->next = free_[tag - 1];
    free_[tag - 1] = object;
    return;
  }
  page_allocator().Free(address);
}

void* PageGranularAllocator::Allocate(size_t size) {
  return reinterpret_cast<void*>(page_allocator().Allocate(size == 0 ? 1 : (size + EBB_PAGE_SIZE - 1) / EBB_PAGE_SIZE));
}

void PageGranularAllocator::Free(void* pointer) { page_allocator().Free(reinterpret_cast<uint64_t>(pointer)); }

}  // namespace ebb
