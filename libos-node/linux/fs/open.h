// What the rest of the LibOS needs of the file system: to start it, and to open a file by its path.
#pragma once

#include <cstdint>
#include <string_view>

#include "abi/ebb_abi.h"
#include "linux/file.h"

namespace ebb::linux_abi {

// Checks the image and makes it the root of the tree, with /dev, /proc and /tmp in place. Panics with a reason when the
// image is not sound.
void InitializeFileSystem(const ebb_fs_header* image);

// Opens descriptors 0 (at its end), 1 and 2 (the console).
void InitializeStdio();

// As open(2), relative to the current directory. `mode` as given, before the umask.
Result<Ref<File>> OpenPath(std::string_view path, uint32_t flags, uint32_t mode);

}  // namespace ebb::linux_abi
