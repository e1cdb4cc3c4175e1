// Memory as the program wants it: uv_replace_allocator decides what these call.
#pragma once

#include <cstddef>
#include <cstring>

namespace ebb::uv {

void* Allocate(size_t size);
void* AllocateZeroed(size_t count, size_t size);
// Frees when size is 0.
void* Reallocate(void* memory, size_t size);
// Leaves errno alone.
void Free(void* memory);
// A copy of the first `length` bytes, NUL-terminated; null when out of memory.
char* CopyString(const char* text, size_t length);
char* CopyString(const char* text);

template <class T>
T* AllocateFor(size_t count = 1) {
  return static_cast<T*>(Allocate(count * sizeof(T)));
}

// A copy of what a request is about: in its own array if it fits, else allocated; null when out of memory.
template <class T, size_t kOwn>
T* CopyArray(T (&own)[kOwn], const T* from, size_t count) {
  T* copy = count <= kOwn ? own : AllocateFor<T>(count);
  if (copy != nullptr) std::memcpy(copy, from, count * sizeof(T));
  return copy;
}

template <class T>
void FreeConst(const T* memory) {
  Free(const_cast<T*>(memory));
}

}  // namespace ebb::uv
