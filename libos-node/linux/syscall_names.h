// Names of x86-64 Linux syscalls, for traces.
#pragma once

#include <cstdint>

namespace ebb::linux_abi {

// "unknown" beyond the table.
const char* SyscallName(uint64_t number);

}  // namespace ebb::linux_abi
