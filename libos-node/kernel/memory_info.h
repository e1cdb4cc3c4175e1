// How much memory the VM may use and uses, for what tells the program about it (/proc, sysinfo, statfs).
#pragma once

#include <cstdint>

namespace ebb {

// Bytes that the LibOS heap and the program's mappings may commit together.
uint64_t MemoryLimit();
// Of these, committed now.
uint64_t MemoryCommitted();

}  // namespace ebb
