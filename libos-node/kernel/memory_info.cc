#include "kernel/memory_info.h"

#include "kernel/core.h"
#include "kernel/page_allocator.h"
#include "linux/mm/address_space.h"

namespace ebb {

uint64_t MemoryLimit() { return boot_info().memory_limit; }

uint64_t MemoryCommitted() { return page_allocator().committed_bytes() + linux_abi::address_space().committed_bytes(); }

bool ReclaimMemory() {
  // The first use of the address space allocates.
  static bool reclaiming = false;
  if (reclaiming) return false;
  reclaiming = true;
  const bool released = linux_abi::address_space().ReleaseFreeMemory();
  reclaiming = false;
  return released;
}

}  // namespace ebb
