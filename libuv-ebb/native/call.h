// Calling the LibOS (abi/ebb_calls.h): a jump into it and back, no instruction that traps.
#pragma once

#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>

#include "abi/ebb_calls.h"

namespace ebb::uv {

template <class T>
int64_t CallArgument(T value) {
  if constexpr (requires { reinterpret_cast<int64_t>(value); })
    return reinterpret_cast<int64_t>(value);
  else
    return static_cast<int64_t>(value);
}

// The result, or a negative errno.
template <class... Args>
int64_t CallOnce(unsigned number, Args... args) {
  static_assert(sizeof...(Args) <= 6);
  int64_t values[6] = {CallArgument(args)...};
  register int64_t fourth asm("r10") = values[3];
  register int64_t fifth asm("r8") = values[4];
  register int64_t sixth asm("r9") = values[5];
  int64_t result = number;
  asm volatile(
      "lea 1f(%%rip), %%rcx\n\t"
      "jmp *%%gs:%c[entry]\n"
      "1:"
      : "+a"(result)
      : [entry] "i"(EBB_GS_CALL), "D"(values[0]), "S"(values[1]), "d"(values[2]), "r"(fourth), "r"(fifth), "r"(sixth)
      : "rcx", "r11", "cc", "memory");
  return result;
}

// Again when a signal came in between.
template <class... Args>
int64_t Call(unsigned number, Args... args) {
  int64_t result;
  do result = CallOnce(number, args...);
  while (result == -EINTR);
  return result;
}

}  // namespace ebb::uv
