#include "native/libos_network.h"

#include "native/call.h"

namespace ebb::uv {

int LibosNetwork::Open(int domain, int type, int protocol) {
  return static_cast<int>(Call(SYS_socket, domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

int LibosNetwork::Accept(int fd) { return static_cast<int>(Call(SYS_accept4, fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC)); }

int LibosNetwork::Connect(int fd, const sockaddr* address, socklen_t length) {
  return static_cast<int>(Call(SYS_connect, fd, address, length));
}

int LibosNetwork::Shutdown(int fd, int how) { return static_cast<int>(Call(SYS_shutdown, fd, how)); }

ssize_t LibosNetwork::Read(int fd, void* buffer, size_t length) { return Call(SYS_read, fd, buffer, length); }

ssize_t LibosNetwork::Write(int fd, const iovec* buffers, unsigned count) {
  if (count == 1) return Call(SYS_write, fd, buffers->iov_base, buffers->iov_len);
  return Call(SYS_writev, fd, buffers, count);
}

ssize_t LibosNetwork::Send(int fd, const msghdr* message) { return Call(SYS_sendmsg, fd, message, 0); }

ssize_t LibosNetwork::Receive(int fd, msghdr* message, int flags) { return Call(SYS_recvmsg, fd, message, flags); }

int LibosNetwork::SendMany(int fd, mmsghdr* messages, unsigned count) {
  return static_cast<int>(Call(SYS_sendmmsg, fd, messages, count, 0));
}

int LibosNetwork::ReceiveMany(int fd, mmsghdr* messages, unsigned count) {
  return static_cast<int>(Call(SYS_recvmmsg, fd, messages, count, 0, 0));
}

// Not made again: after EINTR the descriptor is closed.
void LibosNetwork::Close(int fd) { CallOnce(SYS_close, fd); }

}  // namespace ebb::uv
