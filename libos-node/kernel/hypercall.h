// Typed calls of the tender's hypercall page (abi/ebb_abi.h says what each does).
#pragma once

#include <cstdint>

#include "kernel/core.h"

namespace ebb::hypercall {

inline long Enter(uint64_t flags, uint64_t seen_cq_tail, int64_t timeout_s, int64_t timeout_ns) {
  Count(EBB_COUNT_ENTERS);
  if ((flags & EBB_ENTER_WAIT) != 0) Count(EBB_COUNT_WAITS);
  using F = long (*)(uint64_t, uint64_t, int64_t, int64_t);
  return reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_ENTER])(flags, seen_cq_tail, timeout_s, timeout_ns);
}

inline long Protect(uint64_t address, uint64_t size, uint64_t prot) {
  Count(EBB_COUNT_PROTECTS);
  using F = long (*)(uint64_t, uint64_t, uint64_t);
  return reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_PROTECT])(address, size, prot);
}

inline long Discard(uint64_t address, uint64_t size) {
  Count(EBB_COUNT_DISCARDS);
  using F = long (*)(uint64_t, uint64_t);
  return reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_DISCARD])(address, size);
}

inline long Tick(uint64_t microseconds) {
  using F = long (*)(uint64_t);
  return reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_TICK])(microseconds);
}

inline long Random(void* buffer, uint64_t size) {
  using F = long (*)(void*, uint64_t);
  return reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_RANDOM])(buffer, size);
}

[[noreturn]] inline void Exit(ebb_exit_kind kind, uint64_t code) {
  using F = void (*)(uint64_t, uint64_t);
  reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_EXIT])(kind, code);
  __builtin_trap();
}

}  // namespace ebb::hypercall
