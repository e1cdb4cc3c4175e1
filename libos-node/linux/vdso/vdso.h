// The vDSO: a small shared object in the program's memory from which glibc takes clock functions that need no syscall.
#pragma once

#include <cstdint>

namespace ebb::linux_abi {

// Address of its ELF header (AT_SYSINFO_EHDR), or 0 when it could not be mapped: programs then use syscalls.
uint64_t MapVdso();

}  // namespace ebb::linux_abi
