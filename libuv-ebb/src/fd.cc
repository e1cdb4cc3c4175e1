#include "src/fd.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace ebb::uv {

int SetNonBlocking(int fd, bool on) {
  int value = on ? 1 : 0;
  return ioctl(fd, FIONBIO, &value) == 0 ? 0 : -errno;
}

int SetCloseOnExec(int fd, bool on) { return ioctl(fd, on ? FIOCLEX : FIONCLEX) == 0 ? 0 : -errno; }

int StatusFlags(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags == -1 ? -errno : flags;
}

}  // namespace ebb::uv
