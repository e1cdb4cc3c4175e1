#include "src/memory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "uv.h"

namespace ebb::uv {
namespace {

struct Allocator {
  uv_malloc_func malloc;
  uv_realloc_func realloc;
  uv_calloc_func calloc;
  uv_free_func free;
};

constinit Allocator allocator = {std::malloc, std::realloc, std::calloc, std::free};

}  // namespace

void* Allocate(size_t size) { return size == 0 ? nullptr : allocator.malloc(size); }

void* AllocateZeroed(size_t count, size_t size) { return allocator.calloc(count, size); }

void* Reallocate(void* memory, size_t size) {
  if (size != 0) return allocator.realloc(memory, size);
  Free(memory);
  return nullptr;
}

void Free(void* memory) {
  const int saved = errno;
  allocator.free(memory);
  errno = saved;
}

char* CopyString(const char* text, size_t length) {
  char* copy = AllocateFor<char>(length + 1);
  if (copy == nullptr) return nullptr;
  std::memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}

char* CopyString(const char* text) { return CopyString(text, std::strlen(text)); }

}  // namespace ebb::uv

int uv_replace_allocator(uv_malloc_func malloc_func, uv_realloc_func realloc_func, uv_calloc_func calloc_func,
                         uv_free_func free_func) {
  if (malloc_func == nullptr || realloc_func == nullptr || calloc_func == nullptr || free_func == nullptr)
    return UV_EINVAL;
  ebb::uv::allocator = {malloc_func, realloc_func, calloc_func, free_func};
  return 0;
}
