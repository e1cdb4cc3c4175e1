// Brings ELF files into the program's memory: the program, whose segments the tender has mapped, and its interpreter
// (ld.so), which is loaded from the file system. Whatever the headers say, nothing outside of the program's regions is
// touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/result.h"
#include "linux/file.h"

namespace ebb::linux_abi {

struct LoadedObject {
  uint64_t base;
  uint64_t size;  // reserved for it
  uint64_t entry;
};

// The mappings of the program, by its headers: `head` are the first bytes of its memory. ENOEXEC when they are not
// those of an executable whose segments lie in its region, in order.
Result<> AddProgram(std::span<const std::byte> head);

// ENOEXEC for what is no shared object with segments in order, ENOMEM.
Result<LoadedObject> LoadInterpreter(File& file);

}  // namespace ebb::linux_abi
