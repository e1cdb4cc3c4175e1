// Which files of code lie where, for crash reports: the program, its interpreter, libraries and addons.
#pragma once

#include <cstdint>
#include <string_view>

namespace ebb::linux_abi {

class File;

// The dynamic loader mapped a file's beginning (and, by that, reserved the span of all of it).
void NoteModule(File& file, uint64_t start, uint64_t size);

struct Module {
  std::string_view name;  // the file's, without folders
  uint64_t base;
};
// False when no known file lies there.
bool FindModule(uint64_t address, Module& out);

}  // namespace ebb::linux_abi
