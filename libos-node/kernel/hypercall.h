// Typed calls of the tender's hypercall page (abi/ebb_abi.h says what each does).
#pragma once

#include <cstdint>

#include "kernel/core.h"
#include "kernel/trace.h"

namespace ebb::hypercall {

inline long Enter(uint64_t flags, uint64_t seen_cq_tail, int64_t timeout_s, int64_t timeout_ns) {
  Count(EBB_COUNT_ENTERS);
  if ((flags & EBB_ENTER_WAIT) != 0) Count(EBB_COUNT_WAITS);
  if (Tracing()) {
    TraceHypercall("enter", flags, static_cast<uint64_t>(timeout_s), static_cast<uint64_t>(timeout_ns));
    flags |= EBB_ENTER_SUBMIT;  // the line itself
  }
  using F = long (*)(uint64_t, uint64_t, int64_t, int64_t);
  return reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_ENTER])(flags, seen_cq_tail, timeout_s, timeout_ns);
}

inline long Protect(uint64_t address, uint64_t size, uint64_t prot) {
  Count(EBB_COUNT_PROTECTS);
  if (Tracing()) TraceHypercall("protect", address, size, prot);
  using F = long (*)(uint64_t, uint64_t, uint64_t);
  return reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_PROTECT])(address, size, prot);
}

inline long Discard(uint64_t address, uint64_t size) {
  Count(EBB_COUNT_DISCARDS);
  if (Tracing()) TraceHypercall("discard", address, size, 0);
  using F = long (*)(uint64_t, uint64_t);
  return reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_DISCARD])(address, size);
}

inline long Tick(uint64_t microseconds) {
  if (Tracing()) TraceHypercall("tick", microseconds, 0, 0);
  using F = long (*)(uint64_t);
  return reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_TICK])(microseconds);
}

inline long Random(void* buffer, uint64_t size) {
  if (Tracing()) TraceHypercall("random", size, 0, 0);
  using F = long (*)(void*, uint64_t);
  return reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_RANDOM])(buffer, size);
}

[[noreturn]] inline void Exit(ebb_exit_kind kind, uint64_t code) {
  if (Tracing() && kind != EBB_EXIT_PANIC) TraceHypercall("exit", kind, code, 0);
  using F = void (*)(uint64_t, uint64_t);
  reinterpret_cast<F>(boot_info().hypercalls[EBB_HC_EXIT])(kind, code);
  __builtin_trap();
}

}  // namespace ebb::hypercall
