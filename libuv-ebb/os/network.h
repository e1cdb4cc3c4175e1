// Network: the operations of sockets and pipes that run once per message or connection. None blocks; -EAGAIN means: ask
// the EventPort. Options and names are set rarely and go through libc, natively a function call into the Linux ABI.
// All return a count or 0, or a negative errno; interruption by signals is not visible.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "ebb/ebb_ref.h"
#include "os/ebb_ids.h"

namespace ebb::uv {

class Network {
 public:
  // Non-blocking, close-on-exec.
  virtual int Open(int domain, int type, int protocol) = 0;
  virtual int Accept(int fd) = 0;
  virtual int Connect(int fd, const sockaddr* address, socklen_t length) = 0;
  virtual int Shutdown(int fd, int how) = 0;
  virtual ssize_t Read(int fd, void* buffer, size_t length) = 0;
  virtual ssize_t Write(int fd, const iovec* buffers, unsigned count) = 0;
  virtual ssize_t Send(int fd, const msghdr* message) = 0;
  virtual ssize_t Receive(int fd, msghdr* message, int flags) = 0;
  virtual int SendMany(int fd, mmsghdr* messages, unsigned count) = 0;
  virtual int ReceiveMany(int fd, mmsghdr* messages, unsigned count) = 0;
  virtual void Close(int fd) = 0;

 protected:
  ~Network() = default;
};

inline constexpr EbbRef<Network> network{kNetworkEbb};

}  // namespace ebb::uv
