// How much memory the VM may use and uses, for what tells the program about it (/proc, sysinfo, statfs), and how to get
// some back.
#pragma once

#include <cstdint>

namespace ebb {

// Bytes that the LibOS heap and the program's mappings may commit together.
uint64_t MemoryLimit();
// Of these, committed now.
uint64_t MemoryCommitted();
// Gives committed memory that nothing uses back to the tender; true when there was some, so that asking again may help.
bool ReclaimMemory();

}  // namespace ebb
