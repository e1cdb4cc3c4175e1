// UDP handles: making, binding, connecting, membership of groups, options.
#include <arpa/inet.h>
#include <netinet/in.h>

#include "os/network.h"
#include "src/fd.h"
#include "src/socket.h"
#include "src/udp.h"

#include <cstring>

namespace ebb::uv {
namespace {

constexpr unsigned kBindFlags = UV_UDP_IPV6ONLY | UV_UDP_REUSEADDR | UV_UDP_REUSEPORT | UV_UDP_LINUX_RECVERR;

int ReceiveErrors(int fd, int family) {
  if (family == AF_INET6) return SetOption(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
  return family == AF_INET ? SetOption(fd, IPPROTO_IP, IP_RECVERR, 1) : 0;
}

int BindFlags(int fd, int family, unsigned flags) {
  int error = 0;
  if ((flags & UV_UDP_LINUX_RECVERR) != 0) error = ReceiveErrors(fd, family);
  if (error == 0 && (flags & UV_UDP_REUSEADDR) != 0) error = SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error == 0 && (flags & UV_UDP_REUSEPORT) != 0) error = SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (error == 0 && (flags & UV_UDP_IPV6ONLY) != 0) error = SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  return error;
}

int NeedSocket(uv_udp_t* udp, int family) {
  if (UdpFd(udp) != -1) return 0;
  const int fd = network->Open(family, SOCK_DGRAM, 0);
  if (fd < 0) return fd;
  const int error = WatcherReserve(udp->loop, fd);
  if (error != 0) {
    network->Close(fd);
    return error;
  }
  udp->io_watcher.fd = fd;
  if (family == AF_INET6) udp->flags |= kIpv6;
  return 0;
}

bool HasPeer(const uv_udp_t* udp) {
  sockaddr_storage peer;
  int length = sizeof(peer);
  return SocketName(UdpFd(udp), getpeername, reinterpret_cast<sockaddr*>(&peer), &length) == 0 && length > 0;
}

// For options that exist once per protocol: a byte for IPv4 as Solaris would have it is not needed on Linux.
int SetByFamily(const uv_udp_t* udp, int option4, int option6, int value) {
  if (UdpFd(udp) == -1) return UV_EBADF;
  return HasFlag(udp, kIpv6) ? SetOption(UdpFd(udp), IPPROTO_IPV6, option6, value)
                             : SetOption(UdpFd(udp), IPPROTO_IP, option4, value);
}

// The IPv4 address of an interface, any for none.
int ParseInterface4(const char* text, in_addr* address) {
  address->s_addr = htonl(INADDR_ANY);
  return text == nullptr ? 0 : uv_inet_pton(AF_INET, text, address);
}

int ParseInterface6(const char* text, unsigned* index) {
  *index = 0;
  if (text == nullptr) return 0;
  sockaddr_in6 address;
  const int error = uv_ip6_addr(text, 0, &address);
  if (error == 0) *index = address.sin6_scope_id;
  return error;
}

int Membership4(uv_udp_t* udp, const sockaddr_in& group, const char* interface, bool join) {
  ip_mreq request{};
  request.imr_multiaddr = group.sin_addr;
  const int error = ParseInterface4(interface, &request.imr_interface);
  if (error != 0) return error;
  return SetOption(UdpFd(udp), IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, request);
}

int Membership6(uv_udp_t* udp, const sockaddr_in6& group, const char* interface, bool join) {
  ipv6_mreq request{};
  request.ipv6mr_multiaddr = group.sin6_addr;
  const int error = ParseInterface6(interface, &request.ipv6mr_interface);
  if (error != 0) return error;
  return SetOption(UdpFd(udp), IPPROTO_IPV6, join ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP, request);
}

}  // namespace

int UdpBindAny(uv_udp_t* udp, int family) {
  sockaddr_storage any{};
  any.ss_family = static_cast<sa_family_t>(family);
  if (family != AF_INET && family != AF_INET6) return UV_EINVAL;
  return uv_udp_bind(udp, reinterpret_cast<sockaddr*>(&any), 0);
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_udp_init_ex(uv_loop_t* loop, uv_udp_t* udp, unsigned int flags) {
  const int family = static_cast<int>(flags & 0xFF);
  if (family != AF_INET && family != AF_INET6 && family != AF_UNSPEC) return UV_EINVAL;
  if ((flags & ~(0xFFu | UV_UDP_RECVMMSG)) != 0) return UV_EINVAL;
  HandleInit(loop, udp, UV_UDP);
  udp->alloc_cb = nullptr;
  udp->recv_cb = nullptr;
  udp->send_queue_size = 0;
  udp->send_queue_count = 0;
  QueueInit(&udp->write_queue);
  QueueInit(&udp->write_completed_queue);
  WatcherInit(&udp->io_watcher, OnUdpReady, -1);
  if ((flags & UV_UDP_RECVMMSG) != 0) udp->flags |= kUdpReceiveMany;
  const int error = family == AF_UNSPEC ? 0 : NeedSocket(udp, family);
  if (error != 0) QueueRemove(&udp->handle_queue);
  return error;
}

int uv_udp_init(uv_loop_t* loop, uv_udp_t* udp) { return uv_udp_init_ex(loop, udp, AF_UNSPEC); }

int uv_udp_open_ex(uv_udp_t* udp, uv_os_sock_t sock, unsigned int flags) {
  if ((flags & ~static_cast<unsigned>(UV_UDP_REUSEADDR | UV_UDP_REUSEPORT | UV_UDP_LINUX_RECVERR)) != 0)
    return UV_EINVAL;
  if (UdpFd(udp) != -1) return UV_EBUSY;
  if (static_cast<unsigned>(sock) < udp->loop->nwatchers && udp->loop->watchers[sock] != nullptr &&
      udp->loop->watchers[sock]->pevents != 0)
    return UV_EEXIST;
  int family = 0;
  socklen_t size = sizeof(family);
  if (getsockopt(sock, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) return -errno;
  int error = SetNonBlocking(sock, true);
  if (error == 0) error = BindFlags(sock, family, flags);
  if (error == 0) error = WatcherReserve(udp->loop, sock);
  if (error != 0) return error;
  udp->io_watcher.fd = sock;
  if (family == AF_INET6) udp->flags |= kIpv6;
  if (HasPeer(udp)) udp->flags |= kUdpConnected;
  return 0;
}

int uv_udp_open(uv_udp_t* udp, uv_os_sock_t sock) { return uv_udp_open_ex(udp, sock, 0); }

int uv_udp_bind(uv_udp_t* udp, const struct sockaddr* addr, unsigned int flags) {
  if (udp->type != UV_UDP || HasFlag(udp, kClosing | kClosed)) return UV_EINVAL;
  if ((flags & ~kBindFlags) != 0 || AddressSize(addr) == 0) return UV_EINVAL;
  if ((flags & UV_UDP_IPV6ONLY) != 0 && addr->sa_family != AF_INET6) return UV_EINVAL;
  int error = NeedSocket(udp, addr->sa_family);
  if (error == 0) error = BindFlags(UdpFd(udp), addr->sa_family, flags);
  if (error != 0) return error;
  if (bind(UdpFd(udp), addr, AddressSize(addr)) != 0) return errno == EAFNOSUPPORT ? UV_EINVAL : -errno;
  if (addr->sa_family == AF_INET6) udp->flags |= kIpv6;
  udp->flags |= kBound;
  return 0;
}

int uv_udp_connect(uv_udp_t* udp, const struct sockaddr* addr) {
  if (udp->type != UV_UDP) return UV_EINVAL;
  if (addr == nullptr) {
    if (!HasFlag(udp, kUdpConnected)) return UV_ENOTCONN;
    const sockaddr none = {AF_UNSPEC, {}};
    const int error = network->Connect(UdpFd(udp), &none, sizeof(none));
    if (error != 0 && error != UV_EAFNOSUPPORT) return error;
    udp->flags &= ~kUdpConnected;
    return 0;
  }
  if (HasFlag(udp, kUdpConnected)) return UV_EISCONN;
  if (AddressSize(addr) == 0) return UV_EINVAL;
  int error = UdpFd(udp) == -1 ? UdpBindAny(udp, addr->sa_family) : 0;
  if (error == 0) error = network->Connect(UdpFd(udp), addr, AddressSize(addr));
  if (error == 0) udp->flags |= kUdpConnected;
  return error;
}

int uv_udp_getpeername(const uv_udp_t* udp, struct sockaddr* name, int* namelen) {
  return SocketName(UdpFd(udp), getpeername, name, namelen);
}

int uv_udp_getsockname(const uv_udp_t* udp, struct sockaddr* name, int* namelen) {
  return SocketName(UdpFd(udp), getsockname, name, namelen);
}

int uv_udp_set_membership(uv_udp_t* udp, const char* multicast_addr, const char* interface_addr,
                          uv_membership membership) {
  if (membership != UV_JOIN_GROUP && membership != UV_LEAVE_GROUP) return UV_EINVAL;
  const bool join = membership == UV_JOIN_GROUP;
  sockaddr_in group4;
  sockaddr_in6 group6;
  if (uv_ip4_addr(multicast_addr, 0, &group4) == 0) {
    const int error = NeedSocket(udp, AF_INET);
    return error != 0 ? error : Membership4(udp, group4, interface_addr, join);
  }
  if (uv_ip6_addr(multicast_addr, 0, &group6) == 0) {
    const int error = NeedSocket(udp, AF_INET6);
    return error != 0 ? error : Membership6(udp, group6, interface_addr, join);
  }
  return UV_EINVAL;
}

int uv_udp_set_source_membership(uv_udp_t* udp, const char* multicast_addr, const char* interface_addr,
                                 const char* source_addr, uv_membership membership) {
  if (membership != UV_JOIN_GROUP && membership != UV_LEAVE_GROUP) return UV_EINVAL;
  const bool join = membership == UV_JOIN_GROUP;
  sockaddr_in group4;
  sockaddr_in6 group6;
  if (uv_ip4_addr(multicast_addr, 0, &group4) == 0) {
    int error = NeedSocket(udp, AF_INET);
    if (error != 0) return error;
    sockaddr_in source;
    ip_mreq_source request{};
    request.imr_multiaddr = group4.sin_addr;
    error = ParseInterface4(interface_addr, &request.imr_interface);
    if (error == 0) error = uv_ip4_addr(source_addr, 0, &source);
    if (error != 0) return error;
    request.imr_sourceaddr = source.sin_addr;
    return SetOption(UdpFd(udp), IPPROTO_IP, join ? IP_ADD_SOURCE_MEMBERSHIP : IP_DROP_SOURCE_MEMBERSHIP, request);
  }
  if (uv_ip6_addr(multicast_addr, 0, &group6) != 0) return UV_EINVAL;
  int error = NeedSocket(udp, AF_INET6);
  if (error != 0) return error;
  sockaddr_in6 source;
  group_source_req request{};
  unsigned index;
  error = ParseInterface6(interface_addr, &index);
  if (error == 0) error = uv_ip6_addr(source_addr, 0, &source);
  if (error != 0) return error;
  request.gsr_interface = index;
  std::memcpy(&request.gsr_group, &group6, sizeof(group6));
  std::memcpy(&request.gsr_source, &source, sizeof(source));
  return SetOption(UdpFd(udp), IPPROTO_IPV6, join ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP, request);
}

int uv_udp_set_broadcast(uv_udp_t* udp, int on) {
  if (UdpFd(udp) == -1) return UV_EBADF;
  return SetOption(UdpFd(udp), SOL_SOCKET, SO_BROADCAST, on);
}

int uv_udp_set_ttl(uv_udp_t* udp, int ttl) {
  if (ttl < 1 || ttl > 255) return UV_EINVAL;
  return SetByFamily(udp, IP_TTL, IPV6_UNICAST_HOPS, ttl);
}

int uv_udp_set_multicast_ttl(uv_udp_t* udp, int ttl) {
  return SetByFamily(udp, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, ttl);
}

int uv_udp_set_multicast_loop(uv_udp_t* udp, int on) {
  return SetByFamily(udp, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, on);
}

int uv_udp_set_multicast_interface(uv_udp_t* udp, const char* interface_addr) {
  if (UdpFd(udp) == -1) return UV_EBADF;
  sockaddr_in address4;
  sockaddr_in6 address6;
  if (interface_addr == nullptr) {
    // Back to the system's choice, in the family of the socket.
    if (HasFlag(udp, kIpv6)) return SetOption(UdpFd(udp), IPPROTO_IPV6, IPV6_MULTICAST_IF, 0);
    return SetOption(UdpFd(udp), IPPROTO_IP, IP_MULTICAST_IF, in_addr{htonl(INADDR_ANY)});
  }
  if (uv_ip4_addr(interface_addr, 0, &address4) == 0)
    return SetOption(UdpFd(udp), IPPROTO_IP, IP_MULTICAST_IF, address4.sin_addr);
  if (uv_ip6_addr(interface_addr, 0, &address6) == 0)
    return SetOption(UdpFd(udp), IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(address6.sin6_scope_id));
  return UV_EINVAL;
}
