// Pipe handles: Unix domain sockets, by path or in the abstract namespace (names that begin with NUL), and other fds
// that read and write like them.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "os/network.h"
#include "src/close.h"
#include "src/fd.h"
#include "src/memory.h"
#include "src/socket.h"
#include "src/stream.h"
#include "src/text.h"

namespace ebb::uv {
namespace {

struct UnixAddress {
  sockaddr_un address;
  socklen_t length;
};

// 0, or an error about the name.
int MakeAddress(const char* name, size_t length, unsigned flags, UnixAddress* result) {
  if ((flags & ~static_cast<unsigned>(UV_PIPE_NO_TRUNCATE)) != 0 || name == nullptr) return UV_EINVAL;
  // No name at all: the system chooses an abstract one.
  const bool abstract = length == 0 || name[0] == '\0';
  if (!abstract && std::memchr(name, '\0', length) != nullptr) return UV_EINVAL;
  result->address = sockaddr_un{};
  constexpr size_t kRoom = sizeof(result->address.sun_path);
  if ((flags & UV_PIPE_NO_TRUNCATE) != 0 && length > kRoom) return UV_EINVAL;
  if (length > kRoom) length = kRoom;
  result->address.sun_family = AF_UNIX;
  std::memcpy(result->address.sun_path, name, length);
  // An abstract name is as long as it says; a path is terminated.
  result->length = abstract ? static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length)
                            : static_cast<socklen_t>(sizeof(result->address));
  return 0;
}

int Fd(const uv_pipe_t* pipe) { return pipe->io_watcher.fd; }

int Name(const uv_pipe_t* pipe, NameFunction function, char* buffer, size_t* size) {
  if (buffer == nullptr || size == nullptr || *size == 0) return UV_EINVAL;
  UnixAddress found{};
  int length = sizeof(found.address);
  const int error = SocketName(Fd(pipe), function, reinterpret_cast<sockaddr*>(&found.address), &length);
  if (error != 0) {
    *size = 0;
    return error;
  }
  const char* path = found.address.sun_path;
  const auto room = static_cast<size_t>(length) - offsetof(sockaddr_un, sun_path);
  const bool abstract = static_cast<size_t>(length) > offsetof(sockaddr_un, sun_path) && path[0] == '\0';
  const size_t name_length =
      static_cast<size_t>(length) <= offsetof(sockaddr_un, sun_path) ? 0 : (abstract ? room : strnlen(path, room));
  // Abstract names have no terminator and need no room for one.
  if (name_length + (abstract ? 0 : 1) > *size) {
    *size = name_length + (abstract ? 0 : 1);
    return UV_ENOBUFS;
  }
  std::memcpy(buffer, path, name_length);
  if (!abstract || name_length < *size) buffer[name_length] = '\0';
  *size = name_length;
  return 0;
}

}  // namespace

int PipeListen(uv_pipe_t* pipe, int backlog, uv_connection_cb callback) {
  if (Fd(pipe) == -1) return UV_EINVAL;
  if (pipe->ipc != 0) return UV_EINVAL;
  if (listen(Fd(pipe), backlog) != 0) return -errno;
  pipe->connection_cb = callback;
  pipe->io_watcher.bits = reinterpret_cast<uintptr_t>(&OnConnectionReady);
  WatcherStart(pipe->loop, &pipe->io_watcher, kEventIn);
  return 0;
}

void ClosePipe(uv_pipe_t* pipe) {
  if (pipe->pipe_fname != nullptr) {
    // Before the socket closes: afterwards somebody else may have bound the path anew.
    unlink(pipe->pipe_fname);
    FreeConst(pipe->pipe_fname);
    pipe->pipe_fname = nullptr;
  }
  StreamClose(StreamOf(pipe));
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_pipe_init(uv_loop_t* loop, uv_pipe_t* pipe, int ipc) {
  StreamInit(loop, StreamOf(pipe), UV_NAMED_PIPE);
  pipe->ipc = ipc;
  pipe->pipe_fname = nullptr;
  return 0;
}

int uv_pipe_open(uv_pipe_t* pipe, uv_file fd) {
  const uv_loop_t* loop = pipe->loop;
  if (static_cast<unsigned>(fd) < loop->nwatchers && loop->watchers[fd] != nullptr && loop->watchers[fd]->pevents != 0)
    return UV_EEXIST;
  const int status = StatusFlags(fd);
  if (status < 0) return status;
  const int error = SetNonBlocking(fd, true);
  if (error != 0) return error;
  const int access = status & O_ACCMODE;
  const unsigned flags = (access != O_WRONLY ? kReadable : 0u) | (access != O_RDONLY ? kWritable : 0u);
  return StreamOpen(StreamOf(pipe), fd, flags);
}

int uv_pipe_bind2(uv_pipe_t* pipe, const char* name, size_t namelen, unsigned int flags) {
  if (HasFlag(pipe, kClosing | kClosed) || Fd(pipe) >= 0) return UV_EINVAL;
  UnixAddress address;
  int error = MakeAddress(name, namelen, flags, &address);
  if (error != 0) return error;
  char* path = nullptr;
  if (namelen != 0 && name[0] != '\0') {
    path = CopyString(address.address.sun_path, strnlen(address.address.sun_path, sizeof(address.address.sun_path)));
    if (path == nullptr) return UV_ENOMEM;
  }
  const int fd = network->Open(AF_UNIX, SOCK_STREAM, 0);
  error = fd < 0 ? fd : 0;
  if (error == 0 && bind(fd, reinterpret_cast<sockaddr*>(&address.address), address.length) != 0) {
    error = errno == ENOENT ? UV_EACCES : -errno;  // as on Windows: the folder is missing
    network->Close(fd);
  }
  if (error != 0) {
    Free(path);
    return error;
  }
  pipe->flags |= kBound;
  pipe->pipe_fname = path;
  pipe->io_watcher.fd = fd;
  return 0;
}

int uv_pipe_bind(uv_pipe_t* pipe, const char* name) { return uv_pipe_bind2(pipe, name, std::strlen(name), 0); }

int uv_pipe_connect2(uv_connect_t* req, uv_pipe_t* pipe, const char* name, size_t namelen, unsigned int flags,
                     uv_connect_cb cb) {
  if (namelen == 0) return UV_EINVAL;
  UnixAddress address;
  const int invalid = MakeAddress(name, namelen, flags, &address);
  if (invalid != 0) return invalid;
  const bool fresh = Fd(pipe) == -1;
  int result = 0;
  if (fresh) {
    const int fd = network->Open(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
      result = fd;
    else
      pipe->io_watcher.fd = fd;
  }
  if (result == 0) result = network->Connect(Fd(pipe), reinterpret_cast<sockaddr*>(&address.address), address.length);
  const bool waits = result == -EINPROGRESS;
  if (waits) result = 0;
  if (result == 0 && fresh) result = StreamOpen(StreamOf(pipe), Fd(pipe), kReadable | kWritable);
  req->cb = cb;
  QueueInit(&req->queue);
  // Also success comes from the loop.
  StreamDelayError(StreamOf(pipe), req, result == 0 && !waits ? kConnectedAtOnce : result);
  if (result == 0) {
    WatcherStart(pipe->loop, &pipe->io_watcher, kEventOut);
    if (waits) QueueRemoveInit(&pipe->io_watcher.pending_queue);
  }
  return 0;
}

void uv_pipe_connect(uv_connect_t* req, uv_pipe_t* pipe, const char* name, uv_connect_cb cb) {
  const int error = uv_pipe_connect2(req, pipe, name, std::strlen(name), 0, cb);
  if (error == 0) return;
  req->cb = cb;
  QueueInit(&req->queue);
  StreamDelayError(StreamOf(pipe), req, error);
}

int uv_pipe_getsockname(const uv_pipe_t* pipe, char* buffer, size_t* size) {
  return Name(pipe, getsockname, buffer, size);
}

int uv_pipe_getpeername(const uv_pipe_t* pipe, char* buffer, size_t* size) {
  return Name(pipe, getpeername, buffer, size);
}

void uv_pipe_pending_instances(uv_pipe_t*, int) {}

int uv_pipe_pending_count(uv_pipe_t* pipe) { return pipe->ipc == 0 ? 0 : KeptDescriptors(StreamOf(pipe)); }

uv_handle_type uv_pipe_pending_type(uv_pipe_t* pipe) {
  if (pipe->ipc == 0 || pipe->accepted_fd == -1) return UV_UNKNOWN_HANDLE;
  return uv_guess_handle(pipe->accepted_fd);
}

int uv_pipe_chmod(uv_pipe_t* pipe, int mode) {
  if (pipe == nullptr || Fd(pipe) == -1) return UV_EBADF;
  if (mode != UV_READABLE && mode != UV_WRITABLE && mode != (UV_WRITABLE | UV_READABLE)) return UV_EINVAL;
  char path[sizeof(sockaddr_un::sun_path) + 1];
  size_t size = sizeof(path);
  const int error = uv_pipe_getsockname(pipe, path, &size);
  if (error != 0) return error;
  if (size == 0 || path[0] == '\0') return UV_EINVAL;
  mode_t wanted = 0;
  if ((mode & UV_READABLE) != 0) wanted |= S_IRUSR | S_IRGRP | S_IROTH;
  if ((mode & UV_WRITABLE) != 0) wanted |= S_IWUSR | S_IWGRP | S_IWOTH;
  struct stat status;
  if (stat(path, &status) != 0) return -errno;
  if ((status.st_mode & wanted) == wanted) return 0;
  return chmod(path, status.st_mode | wanted) == 0 ? 0 : -errno;
}

int uv_pipe(uv_file fds[2], int read_flags, int write_flags) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
  const int flags[] = {read_flags, write_flags};
  for (int i = 0; i < 2; ++i) {
    if ((flags[i] & UV_NONBLOCK_PIPE) == 0) continue;
    const int error = SetNonBlocking(ends[i], true);
    if (error == 0) continue;
    network->Close(ends[0]);
    network->Close(ends[1]);
    return error;
  }
  fds[0] = ends[0];
  fds[1] = ends[1];
  return 0;
}
