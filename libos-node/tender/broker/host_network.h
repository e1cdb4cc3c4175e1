// The broker's sockets on the host: the listeners for the guest's service port, and non-blocking sockets towards the
// world.
#ifndef EBB_TENDER_BROKER_HOST_NETWORK_H_
#define EBB_TENDER_BROKER_HOST_NETWORK_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tender/broker/egress_policy.h"
#include "tender/result.h"
#include "tender/unique_fd.h"

struct sockaddr_in;

namespace ebb::tender {

// A listening unix socket with mode 0600. A stale socket file of a dead process is replaced; one that still answers is
// an error.
class UnixListener {
 public:
  static Result<UnixListener> Create(const std::string& path);
  UnixListener() = default;
  UnixListener(UnixListener&&) = default;
  UnixListener& operator=(UnixListener&&) = default;
  ~UnixListener();  // unlinks the path when it is still this socket

  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct TcpListener {
  UniqueFd fd;
  uint16_t port = 0;
};
// Port 0 takes a free one.
Result<TcpListener> ListenOn(Endpoint endpoint);

// "127.0.0.1:8080"
std::string EndpointText(Endpoint endpoint);
sockaddr_in ToSockaddr(Endpoint endpoint);
Endpoint FromSockaddr(const sockaddr_in& address);

// Whether an address belongs to one of this host's interfaces now: they come and go while a VM lives.
class OwnAddresses {
 public:
  // False without a probe socket: then the addresses that were read at the start have to do.
  bool Open();
  bool Contains(uint32_t address);

 private:
  // A datagram socket that sends nothing: connected to an address of this host it gets that address itself.
  UniqueFd probe_;
  uint32_t last_ = 0;  // the last one that was asked for and is not ours
  uint64_t last_until_ns_ = 0;
};

// Raises the soft limit of open files to what `sockets` need, within the hard limit; how many sockets fit.
uint32_t ReserveFiles(uint32_t sockets);

}  // namespace ebb::tender

#endif  // EBB_TENDER_BROKER_HOST_NETWORK_H_
