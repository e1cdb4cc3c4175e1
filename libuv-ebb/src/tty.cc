// Terminals, and what kind of handle suits an fd.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

#include "os/network.h"
#include "src/close.h"
#include "src/fd.h"
#include "src/stream.h"

namespace ebb::uv {
namespace {

// The terminal that uv_tty_reset_mode restores; also called from signal handlers, so it only ever spins once.
std::atomic<bool> saved_lock{false};
int saved_fd = -1;
termios saved_mode;

int SetAttributes(int fd, const termios* mode) {
  int result;
  do result = tcsetattr(fd, TCSADRAIN, mode);
  while (result == -1 && errno == EINTR);
  return result == -1 ? -errno : 0;
}

// A description of our own of the terminal behind `fd`: making it non-blocking must not change it for others who share
// it, our parents among them.
int Reopen(int fd, int access) {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  const int own = open(path, access | O_CLOEXEC | O_NOCTTY);
  return own == -1 ? -errno : own;
}

bool IsPtyMaster(int fd) {
  unsigned number;
  return ioctl(fd, TIOCGPTN, &number) == 0;
}

}  // namespace

void CloseTty(uv_tty_t* tty) {
  const int fd = tty->io_watcher.fd;
  while (saved_lock.exchange(true)) continue;
  if (fd != -1 && fd == saved_fd) {
    SetAttributes(fd, &saved_mode);
    saved_fd = -1;
  }
  saved_lock.store(false);
  StreamClose(StreamOf(tty));
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_tty_init(uv_loop_t* loop, uv_tty_t* tty, uv_file fd, int) {
  const uv_handle_type type = uv_guess_handle(fd);
  if (type == UV_FILE || type == UV_UNKNOWN_HANDLE) return UV_EINVAL;
  const int status = StatusFlags(fd);
  if (status < 0) return status;
  const int access = status & O_ACCMODE;
  unsigned flags = 0;
  if (type == UV_TTY && IsPtyMaster(fd)) {
    // Cannot be opened anew: that would make another pty.
    flags |= kBlockingWrites;
  } else if (type == UV_TTY) {
    const int own = Reopen(fd, access);
    if (own < 0) {
      // Not ours to open (after a setuid, say): share it, and write blocking rather than change it for others.
      flags |= kBlockingWrites;
    } else {
      // In the place of the original, unless that is inherited stdio.
      if (fd > STDERR_FILENO) {
        if (dup3(own, fd, O_CLOEXEC) == -1) {
          const int error = -errno;
          network->Close(own);
          return error;
        }
        network->Close(own);
      } else {
        fd = own;
      }
    }
  }
  StreamInit(loop, StreamOf(tty), UV_TTY);
  if ((flags & kBlockingWrites) == 0) SetNonBlocking(fd, true);
  if (access != O_WRONLY) flags |= kReadable;
  if (access != O_RDONLY) flags |= kWritable;
  const int error = StreamOpen(StreamOf(tty), fd, flags);
  if (error != 0) QueueRemove(&tty->handle_queue);
  tty->mode = UV_TTY_MODE_NORMAL;
  return error;
}

int uv_tty_set_mode(uv_tty_t* tty, uv_tty_mode_t mode) {
  if (uv_is_closing(AsHandle(tty)) != 0) return UV_EINVAL;
  // Escape sequences are what raw mode gives here anyway.
  const int wanted = mode == UV_TTY_MODE_RAW_VT ? UV_TTY_MODE_RAW : mode;
  if (tty->mode == wanted) return 0;
  const int fd = tty->io_watcher.fd;
  if (tty->mode == UV_TTY_MODE_NORMAL && wanted != UV_TTY_MODE_NORMAL) {
    if (tcgetattr(fd, &tty->orig_termios) != 0) return -errno;
    while (saved_lock.exchange(true)) continue;
    if (saved_fd == -1) {
      saved_mode = tty->orig_termios;
      saved_fd = fd;
    }
    saved_lock.store(false);
  }
  termios attributes = tty->orig_termios;
  if (wanted == UV_TTY_MODE_RAW) {
    attributes.c_iflag &= ~static_cast<tcflag_t>(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    attributes.c_oflag |= ONLCR;
    attributes.c_cflag |= CS8;
    attributes.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | IEXTEN | ISIG);
    attributes.c_cc[VMIN] = 1;
    attributes.c_cc[VTIME] = 0;
  } else if (wanted == UV_TTY_MODE_IO) {
    cfmakeraw(&attributes);
  } else if (wanted != UV_TTY_MODE_NORMAL) {
    return UV_EINVAL;
  }
  const int error = SetAttributes(fd, &attributes);
  if (error == 0) tty->mode = wanted;
  return error;
}

int uv_tty_reset_mode() {
  const int saved_errno = errno;
  if (saved_lock.exchange(true)) return UV_EBUSY;
  const int error = saved_fd == -1 ? 0 : SetAttributes(saved_fd, &saved_mode);
  saved_lock.store(false);
  errno = saved_errno;
  return error;
}

int uv_tty_get_winsize(uv_tty_t* tty, int* width, int* height) {
  winsize size;
  int result;
  do result = ioctl(tty->io_watcher.fd, TIOCGWINSZ, &size);
  while (result == -1 && errno == EINTR);
  if (result == -1) return -errno;
  *width = size.ws_col;
  *height = size.ws_row;
  return 0;
}

void uv_tty_set_vterm_state(uv_tty_vtermstate_t) {}

int uv_tty_get_vterm_state(uv_tty_vtermstate_t*) { return UV_ENOTSUP; }

uv_handle_type uv_guess_handle(uv_file file) {
  if (file < 0) return UV_UNKNOWN_HANDLE;
  if (isatty(file) != 0) return UV_TTY;
  struct stat status;
  if (fstat(file, &status) != 0) return UV_UNKNOWN_HANDLE;
  if (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode)) return UV_FILE;
  if (S_ISFIFO(status.st_mode)) return UV_NAMED_PIPE;
  if (!S_ISSOCK(status.st_mode)) return UV_UNKNOWN_HANDLE;
  int domain = 0;
  int type = 0;
  socklen_t size = sizeof(int);
  if (getsockopt(file, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return UV_UNKNOWN_HANDLE;
  size = sizeof(int);
  if (getsockopt(file, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return UV_UNKNOWN_HANDLE;
  const bool internet = domain == AF_INET || domain == AF_INET6;
  if (type == SOCK_STREAM) return internet ? UV_TCP : domain == AF_UNIX ? UV_NAMED_PIPE : UV_UNKNOWN_HANDLE;
  if (type == SOCK_DGRAM) return internet || domain == AF_UNIX ? UV_UDP : UV_UNKNOWN_HANDLE;
  return UV_UNKNOWN_HANDLE;
}
