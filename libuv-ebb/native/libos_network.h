// Network of the LibOS: its sockets' functions, called directly. What a write queues for the tender leaves with the
// loop's next Wait; a read copies from a buffer that the tender has filled.
#pragma once

#include "os/network.h"

namespace ebb::uv {

class LibosNetwork final : public Network {
 public:
  int Open(int domain, int type, int protocol) override;
  int Accept(int fd) override;
  int Connect(int fd, const sockaddr* address, socklen_t length) override;
  int Shutdown(int fd, int how) override;
  ssize_t Read(int fd, void* buffer, size_t length) override;
  ssize_t Write(int fd, const iovec* buffers, unsigned count) override;
  ssize_t Send(int fd, const msghdr* message) override;
  ssize_t Receive(int fd, msghdr* message, int flags) override;
  int SendMany(int fd, mmsghdr* messages, unsigned count) override;
  int ReceiveMany(int fd, mmsghdr* messages, unsigned count) override;
  void Close(int fd) override;
};

}  // namespace ebb::uv
