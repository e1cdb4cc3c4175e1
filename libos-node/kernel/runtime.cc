// What compiler-generated code expects of a C and C++ library. Vector-free; `rep movsb`/`rep stosb` are fast on every
// CPU with ERMS, which all x86-64 server CPUs of the last ten years have.
#include <cstddef>
#include <cstdint>

#include "kernel/panic.h"

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, size_t size) {
  void* result = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
  return result;
}

void* memset(void* to, int value, size_t size) {
  void* result = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
  return result;
}

void* memmove(void* to, const void* from, size_t size) {
  auto* out = static_cast<unsigned char*>(to);
  auto* in = static_cast<const unsigned char*>(from);
  if (out <= in || out >= in + size) return memcpy(to, from, size);
  // Overlapping upwards: from the end, eight bytes at a time.
  while (size >= 8) {
    size -= 8;
    uint64_t word;
    __builtin_memcpy(&word, in + size, 8);
    __builtin_memcpy(out + size, &word, 8);
  }
  while (size != 0) {
    --size;
    out[size] = in[size];
    asm volatile("" ::: "memory");
  }
  return to;
}

int memcmp(const void* a, const void* b, size_t size) {
  auto* x = static_cast<const unsigned char*>(a);
  auto* y = static_cast<const unsigned char*>(b);
  for (size_t i = 0; i < size; ++i) {
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  }
  return 0;
}

size_t strlen(const char* text) {
  size_t size = 0;
  while (text[size] != '\0') {
    ++size;
    asm volatile("" ::: "memory");
  }
  return size;
}

void* memchr(const void* in, int value, size_t size) {
  auto* bytes = static_cast<const unsigned char*>(in);
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] == static_cast<unsigned char>(value)) return const_cast<unsigned char*>(bytes + i);
  }
  return nullptr;
}

[[noreturn]] void __cxa_pure_virtual() { ebb::Panic("pure virtual call"); }
int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }  // the machine never returns from main
void* __dso_handle = nullptr;

}  // extern "C"

namespace std {

[[noreturn]] void __throw_length_error(const char* what) { ebb::Panic(what); }
[[noreturn]] void __throw_bad_alloc() { ebb::OutOfMemory(); }
[[noreturn]] void __throw_bad_array_new_length() { ebb::OutOfMemory(); }
[[noreturn]] void __throw_out_of_range_fmt(const char* what, ...) { ebb::Panic(what); }
[[noreturn]] void __throw_logic_error(const char* what) { ebb::Panic(what); }
[[noreturn]] void __throw_bad_optional_access() { ebb::Panic("bad optional access"); }
[[noreturn]] void __glibcxx_assert_fail(const char*, int, const char*, const char* what) noexcept { ebb::Panic(what); }

}  // namespace std
