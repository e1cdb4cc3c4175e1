// Core: the block of per-core state that GS points to. The first fields are read by assembly (entry.S) and, one of
// them, by the tender (EBB_GS_SYSCALL_RIP).
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/ebb_abi.h"
#include "abi/ebb_calls.h"
#include "ebb/ebb_ref.h"

namespace ebb {

class Thread;

struct Core {
  Core* self;            // gs:0
  uint64_t syscall_rip;  // gs:8, EBB_GS_SYSCALL_RIP
  uint64_t user_rsp;     // gs:16, scratch of the syscall entry
  uint64_t kernel_rsp;   // gs:24, top of the running thread's kernel stack
  void** ebb_table;      // gs:32
  uint64_t user_cs;      // gs:40
  uint64_t user_ss;      // gs:48
  Thread* current;       // gs:56
  uint32_t index;        // gs:64
  uint32_t tick_armed;   // gs:68
  void (*call)();        // gs:72, EBB_GS_CALL: read by the program's libraries
  // Whose vector registers are in the CPU; null: nobody's (they may be clobbered).
  Thread* vector_owner;
  void* ebb_table_storage[kMaxEbbs];
};

static_assert(offsetof(Core, syscall_rip) == EBB_GS_SYSCALL_RIP);
static_assert(offsetof(Core, call) == EBB_GS_CALL);
static_assert(offsetof(Core, kernel_rsp) == 24 && offsetof(Core, ebb_table) == 32 && offsetof(Core, user_ss) == 48);

static_assert(offsetof(Core, index) == 64 && EBB_RINGS == 0x12000000 && EBB_RING_STRIDE == 1 << 16 &&
                  offsetof(ebb_core_shared, counters) + 8 * EBB_COUNT_SYSCALLS_TRAPPED == 264,
              "ebb_syscall_trap_entry counts there");

inline Core& this_core() {
  Core* core;
  asm volatile("mov %%gs:0, %0" : "=r"(core));
  return *core;
}

inline ebb_core_shared& core_shared(uint32_t core) {
  return *reinterpret_cast<ebb_core_shared*>(EBB_RINGS + core * EBB_RING_STRIDE);
}

inline const ebb_boot_info& boot_info() { return *reinterpret_cast<const ebb_boot_info*>(EBB_BOOT_INFO); }

// Statistics, readable by the tender.
inline void Count(ebb_counter counter, uint64_t by = 1) { core_shared(this_core().index).counters[counter] += by; }

}  // namespace ebb
