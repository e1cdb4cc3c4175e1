#include "hosted/socket_network.h"

#include <unistd.h>

#include "hosted/system_calls.h"

namespace ebb::uv {

int SocketNetwork::Open(int domain, int type, int protocol) {
  return Retried([&] { return socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol); });
}

int SocketNetwork::Accept(int fd) {
  return Retried([&] { return accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); });
}

int SocketNetwork::Connect(int fd, const sockaddr* address, socklen_t length) {
  return Retried([&] { return connect(fd, address, length); });
}

int SocketNetwork::Shutdown(int fd, int how) {
  return Retried([&] { return shutdown(fd, how); });
}

ssize_t SocketNetwork::Read(int fd, void* buffer, size_t length) {
  return Retried([&] { return read(fd, buffer, length); });
}

ssize_t SocketNetwork::Write(int fd, const iovec* buffers, unsigned count) {
  if (count == 1) return Retried([&] { return write(fd, buffers->iov_base, buffers->iov_len); });
  return Retried([&] { return writev(fd, buffers, static_cast<int>(count)); });
}

ssize_t SocketNetwork::Send(int fd, const msghdr* message) {
  return Retried([&] { return sendmsg(fd, message, 0); });
}

ssize_t SocketNetwork::Receive(int fd, msghdr* message, int flags) {
  return Retried([&] { return recvmsg(fd, message, flags); });
}

int SocketNetwork::SendMany(int fd, mmsghdr* messages, unsigned count) {
  return Retried([&] { return sendmmsg(fd, messages, count, 0); });
}

int SocketNetwork::ReceiveMany(int fd, mmsghdr* messages, unsigned count) {
  return Retried([&] { return recvmmsg(fd, messages, count, 0, nullptr); });
}

// Not retried: after EINTR Linux has closed the descriptor, and its number may be in use again.
void SocketNetwork::Close(int fd) {
  const int saved = errno;
  close(fd);
  errno = saved;
}

}  // namespace ebb::uv
