#include "fuzz/broker/network.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "fuzz/support/check.h"
#include "tender/broker/host_network.h"

extern "C" {
int __real_connect(int fd, const sockaddr* address, socklen_t size);
ssize_t __real_sendto(int fd, const void* data, size_t size, int flags, const sockaddr* address, socklen_t length);
int __wrap_connect(int fd, const sockaddr* address, socklen_t size);
ssize_t __wrap_sendto(int fd, const void* data, size_t size, int flags, const sockaddr* address, socklen_t length);
}

namespace ebb::fuzz {

AllowedNetwork allowed_network;

namespace {

using tender::Endpoint;

constexpr uint32_t kLoopback = 0x7f000001;

// Whether a packet may be sent to the address, from the registries of special addresses (RFC 6890 and successors).
bool MayLeave(uint32_t address, bool allow_private) {
  const auto in = [address](uint32_t base, int bits) { return (address ^ base) >> (32 - bits) == 0; };
  if (in(0x0a000200, 24)) return false;                              // the guest's own network
  if (address == 0xa83f8110 || address == 0x646464c8) return false;  // metadata services
  const bool is_private = in(0x0a000000, 8) || in(0xac100000, 12) || in(0xc0a80000, 16) || in(0x64400000, 10);
  if (is_private) return allow_private;
  return !in(0, 8) && !in(0x7f000000, 8) && !in(0xa9fe0000, 16) && !in(0xc0000000, 24) && !in(0xc0000200, 24) &&
         !in(0xc0586300, 24) && !in(0xc6120000, 15) && !in(0xc6336400, 24) && !in(0xcb007100, 24) &&
         address < 0xe0000000;
}

// True: make the call; false: it would leave the machine. A destination that no policy allows is a finding.
bool StaysHere(const sockaddr* address, socklen_t size, bool datagram) {
  if (address == nullptr || address->sa_family != AF_INET || allowed_network.own_calls) return true;
  FUZZ_CHECK(size == sizeof(sockaddr_in));
  const Endpoint to = tender::FromSockaddr(*reinterpret_cast<const sockaddr_in*>(address));
  FUZZ_CHECK(to.port != 0);
  if (to == allowed_network.gateway || to == Endpoint{kLoopback, allowed_network.refused_port}) return true;
  // 10.0.2.3:53 names it for both kinds of sockets.
  if (to == allowed_network.resolver) return datagram;
  FUZZ_CHECK(MayLeave(to.address, allowed_network.allow_private));
  return false;
}

}  // namespace
}  // namespace ebb::fuzz

int __wrap_connect(int fd, const sockaddr* address, socklen_t size) {
  if (ebb::fuzz::StaysHere(address, size, false)) return __real_connect(fd, address, size);
  errno = ENETUNREACH;
  return -1;
}

ssize_t __wrap_sendto(int fd, const void* data, size_t size, int flags, const sockaddr* address, socklen_t length) {
  if (ebb::fuzz::StaysHere(address, length, true)) return __real_sendto(fd, data, size, flags, address, length);
  return static_cast<ssize_t>(size);
}
