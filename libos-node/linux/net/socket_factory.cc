// The table of socket kinds.
#include "linux/net/socket_factory.h"

#include "linux/net/netlink_socket.h"
#include "linux/net/tcp_socket.h"
#include "linux/net/udp_socket.h"
#include "linux/net/unix_socket.h"

namespace ebb::linux_abi {
namespace {

constexpr Errno kSocketTypeNotSupported = static_cast<Errno>(94);

Result<ebb::Ref<Socket>> MakeInternetSocket(int domain, int type, int protocol, uint32_t file_flags) {
  if (type == kSockStream) {
    if (protocol != 0 && protocol != kIpProtoTcp) return Errno::kProtoNoSupport;
    return ebb::Ref<Socket>(MakeRef<TcpSocket>(domain, file_flags));
  }
  if (type == kSockDgram) {
    if (protocol != 0 && protocol != kIpProtoUdp) return Errno::kProtoNoSupport;
    return ebb::Ref<Socket>(MakeRef<UdpSocket>(domain, file_flags));
  }
  // What an unprivileged program is told.
  if (type == kSockRaw) return Errno::kPerm;
  return kSocketTypeNotSupported;
}

}  // namespace

Result<ebb::Ref<Socket>> MakeSocket(int domain, int type, int protocol, uint32_t file_flags) {
  switch (domain) {
    case kAfInet:
    case kAfInet6:
      return MakeInternetSocket(domain, type, protocol, file_flags);
    case kAfUnix:
      if (protocol != 0 && protocol != kAfUnix) return Errno::kProtoNoSupport;
      if (type != kSockStream && type != kSockDgram) return kSocketTypeNotSupported;
      return ebb::Ref<Socket>(MakeRef<UnixSocket>(type, file_flags));
    case kAfNetlink:
      // NETLINK_ROUTE only.
      if (type != kSockRaw && type != kSockDgram) return kSocketTypeNotSupported;
      if (protocol != 0) return Errno::kProtoNoSupport;
      return ebb::Ref<Socket>(MakeRef<NetlinkSocket>(type, file_flags));
    default:
      return Errno::kAfNoSupport;
  }
}

Result<std::pair<ebb::Ref<Socket>, ebb::Ref<Socket>>> MakeSocketPair(int domain, int type, int protocol,
                                                                     uint32_t file_flags) {
  if (domain != kAfUnix) return domain == kAfInet || domain == kAfInet6 ? Errno::kOpNotSupp : Errno::kAfNoSupport;
  auto first = MakeSocket(domain, type, protocol, file_flags);
  if (!first) return first.error();
  auto second = MakeSocket(domain, type, protocol, file_flags);
  if (!second) return second.error();
  UnixSocket::Pair(static_cast<UnixSocket&>(**first), static_cast<UnixSocket&>(**second));
  return std::pair(std::move(*first), std::move(*second));
}

}  // namespace ebb::linux_abi
