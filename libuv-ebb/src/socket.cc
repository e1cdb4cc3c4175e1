#include "src/socket.h"

#include <netinet/in.h>
#include <sys/un.h>

#include "os/network.h"
#include "src/fd.h"
#include "src/handle.h"
#include "src/stream.h"

namespace ebb::uv {

int SocketName(int fd, NameFunction function, sockaddr* name, int* length) {
  if (fd < 0) return UV_EBADF;
  auto size = static_cast<socklen_t>(*length);
  if (function(fd, name, &size) != 0) return -errno;
  *length = static_cast<int>(size);
  return 0;
}

socklen_t AddressSize(const sockaddr* address) {
  switch (address->sa_family) {
    case AF_INET:
      return sizeof(sockaddr_in);
    case AF_INET6:
      return sizeof(sockaddr_in6);
    case AF_UNIX:
      return sizeof(sockaddr_un);
    default:
      return 0;
  }
}

bool IsListening(int fd) {
  int listening = 0;
  socklen_t size = sizeof(listening);
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

namespace {

int BufferSize(uv_handle_t* handle, int option, int* value) {
  if (handle == nullptr || value == nullptr) return UV_EINVAL;
  int fd;
  if (handle->type == UV_TCP || handle->type == UV_NAMED_PIPE)
    fd = StreamFd(reinterpret_cast<uv_stream_t*>(handle));
  else if (handle->type == UV_UDP)
    fd = reinterpret_cast<uv_udp_t*>(handle)->io_watcher.fd;
  else
    return UV_ENOTSUP;
  if (*value != 0) return SetOption(fd, SOL_SOCKET, option, *value);
  socklen_t size = sizeof(*value);
  return getsockopt(fd, SOL_SOCKET, option, value, &size) == 0 ? 0 : -errno;
}

}  // namespace
}  // namespace ebb::uv

using namespace ebb::uv;

int uv_send_buffer_size(uv_handle_t* handle, int* value) { return BufferSize(handle, SO_SNDBUF, value); }

int uv_recv_buffer_size(uv_handle_t* handle, int* value) { return BufferSize(handle, SO_RCVBUF, value); }

int uv_fileno(const uv_handle_t* handle, uv_os_fd_t* fd) {
  int result;
  switch (handle->type) {
    case UV_TCP:
    case UV_NAMED_PIPE:
    case UV_TTY:
      result = StreamFd(reinterpret_cast<const uv_stream_t*>(handle));
      break;
    case UV_UDP:
      result = reinterpret_cast<const uv_udp_t*>(handle)->io_watcher.fd;
      break;
    case UV_POLL:
      result = reinterpret_cast<const uv_poll_t*>(handle)->io_watcher.fd;
      break;
    default:
      return UV_EINVAL;
  }
  if (uv_is_closing(handle) != 0 || result == -1) return UV_EBADF;
  *fd = result;
  return 0;
}

int uv_socketpair(int type, int protocol, uv_os_sock_t socket_vector[2], int flags0, int flags1) {
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, protocol, socket_vector) != 0) return -errno;
  const int flags[] = {flags0, flags1};
  for (int i = 0; i < 2; ++i) {
    if ((flags[i] & UV_NONBLOCK_PIPE) == 0) continue;
    const int error = SetNonBlocking(socket_vector[i], true);
    if (error == 0) continue;
    network->Close(socket_vector[0]);
    network->Close(socket_vector[1]);
    return error;
  }
  return 0;
}
