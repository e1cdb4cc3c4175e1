// operator new and delete of the LibOS: the GeneralPurposeAllocator Ebb.
#include <new>

#include "kernel/gp_allocator.h"
#include "kernel/panic.h"

namespace std {
const nothrow_t nothrow{};
}

void* operator new(size_t size, const std::nothrow_t&) noexcept { return ebb::gp_allocator().Allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return ebb::gp_allocator().Allocate(size); }
void* operator new(size_t size) {
  void* pointer = ebb::gp_allocator().Allocate(size);
  if (pointer == nullptr) ebb::OutOfMemory();
  return pointer;
}
void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* pointer) noexcept { ebb::gp_allocator().Free(pointer); }
void operator delete[](void* pointer) noexcept { ebb::gp_allocator().Free(pointer); }
void operator delete(void* pointer, size_t) noexcept { ebb::gp_allocator().Free(pointer); }
void operator delete[](void* pointer, size_t) noexcept { ebb::gp_allocator().Free(pointer); }
