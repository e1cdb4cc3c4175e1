#include "linux/fs/quota.h"

#include "kernel/memory_info.h"

namespace ebb::linux_abi {
namespace {

Quota the_quota;

}  // namespace

Quota& tree_quota() { return the_quota; }

uint64_t Quota::limit() const { return limit_ != 0 ? limit_ : MemoryLimit() / 2; }

bool Quota::Take(uint64_t bytes) {
  const uint64_t most = limit();
  if (used_ > most || bytes > most - used_) return false;
  used_ += bytes;
  return true;
}

}  // namespace ebb::linux_abi
