// Redirection of syscall instructions: when an ELF file of the image is mapped executable, the sites that the image
// builder found in it are overwritten with a jump to a stub that enters the LibOS by a plain call (4 ns) instead of a
// trap. The trap stays as fallback for every other syscall instruction.
#pragma once

#include <cstdint>

#include "linux/file.h"

namespace ebb::linux_abi {

// Memory [start, start + size) holds the file's content from `offset` and is writable. Redirects the sites inside.
void RedirectSyscallSites(const File& file, uint64_t start, uint64_t size, uint64_t offset);

// ld.so first maps a library as a whole (MAP_DENYWRITE, to reserve its span), then maps each segment over it. Of such a
// mapping only the first segment is ever read: the bytes worth copying of `size`.
uint64_t FirstSegmentSpan(File& file, uint64_t size);

}  // namespace ebb::linux_abi
