// File descriptors of the process: flags. Results are 0 or a negative errno.
#pragma once

namespace ebb::uv {

int SetNonBlocking(int fd, bool on);
int SetCloseOnExec(int fd, bool on);
// Access mode and status flags (O_RDONLY, ...), or a negative errno.
int StatusFlags(int fd);

}  // namespace ebb::uv
