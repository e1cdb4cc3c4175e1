// Call: a system call of the host, for code that runs without a library. Returns -errno upon failure.
#ifndef EBB_TENDER_PAGES_HOST_CALL_H_
#define EBB_TENDER_PAGES_HOST_CALL_H_

#include <stdint.h>

namespace ebb::tender {

inline long Call(long number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0, uint64_t d = 0, uint64_t e = 0,
                 uint64_t f = 0) {
  register uint64_t r10 __asm__("r10") = d;
  register uint64_t r8 __asm__("r8") = e;
  register uint64_t r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

}  // namespace ebb::tender

#endif  // EBB_TENDER_PAGES_HOST_CALL_H_
