// Names and options of sockets, shared by tcp, udp and pipe. 0 or a negative errno.
#pragma once

#include <sys/socket.h>

#include <cerrno>

namespace ebb::uv {

template <class T>
int SetOption(int fd, int level, int option, const T& value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

using NameFunction = int (*)(int, sockaddr*, socklen_t*);
// getsockname or getpeername in libuv's form.
int SocketName(int fd, NameFunction function, sockaddr* name, int* length);
// The size of an address of this family; 0 for families that are not supported.
socklen_t AddressSize(const sockaddr* address);
bool IsListening(int fd);

}  // namespace ebb::uv
