// Listeners, resolv.conf and interface addresses.
#include "tender/broker/host_network.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tender/broker/broker.h"

namespace ebb::tender {
namespace {

constexpr int kBacklog = 1024;

Error SocketError(const std::string& what) { return ErrnoError(ErrorCode::kSocket, what, errno); }

}  // namespace

std::string EndpointText(Endpoint endpoint) {
  const in_addr address{htonl(endpoint.address)};
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address, text, sizeof text);
  return text + (":" + std::to_string(endpoint.port));
}

sockaddr_in ToSockaddr(Endpoint endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(endpoint.address);
  address.sin_port = htons(endpoint.port);
  return address;
}

Endpoint FromSockaddr(const sockaddr_in& address) { return {ntohl(address.sin_addr.s_addr), ntohs(address.sin_port)}; }

Result<UnixListener> UnixListener::Create(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{ErrorCode::kSocket, path + ": longer than " + std::to_string(sizeof address.sun_path - 1) + " bytes"};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);

  struct stat before{};
  if (lstat(path.c_str(), &before) == 0) {
    if (!S_ISSOCK(before.st_mode)) return Error{ErrorCode::kSocket, path + ": exists and is not a socket"};
    UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (connect(probe.get(), generic, sizeof address) == 0 || errno != ECONNREFUSED) {
      return Error{ErrorCode::kSocket, path + ": in use"};
    }
    unlink(path.c_str());
  }

  UnixListener listener;
  listener.fd_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.fd_) return SocketError("socket");
  // The mode of the socket's inode becomes that of the file, so that there is no moment in which others may connect.
  if (fchmod(listener.fd(), 0600) != 0) return SocketError("fchmod");
  if (bind(listener.fd(), generic, sizeof address) != 0) return SocketError(path);
  listener.path_ = path;
  struct stat after{};
  if (lstat(path.c_str(), &after) != 0) return SocketError(path);
  listener.device_ = after.st_dev;
  listener.inode_ = after.st_ino;
  if (chmod(path.c_str(), 0600) != 0) return SocketError(path);
  if (listen(listener.fd(), kBacklog) != 0) return SocketError(path);
  return listener;
}

UnixListener::~UnixListener() {
  if (!fd_) return;
  struct stat now{};
  if (lstat(path_.c_str(), &now) == 0 && now.st_dev == device_ && now.st_ino == inode_) unlink(path_.c_str());
}

Result<TcpListener> ListenOn(Endpoint endpoint) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return SocketError("socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = ToSockaddr(endpoint);
  const std::string what = EndpointText(endpoint);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return SocketError(what);
  if (listen(fd.get(), kBacklog) != 0) return SocketError(what);
  socklen_t size = sizeof address;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return SocketError(what);
  return TcpListener{std::move(fd), FromSockaddr(address).port};
}

bool OwnAddresses::Open() {
  probe_ = UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return static_cast<bool>(probe_);
}

bool OwnAddresses::Contains(uint32_t address) {
  // A guest that sends many datagrams to one place is not asked about each.
  constexpr uint64_t kGoodForNs = 100'000'000;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const uint64_t now_ns = static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  if (address == last_ && now_ns < last_until_ns_) return false;
  // Its address stays that of the first connection until it is connected to nothing.
  const sockaddr nowhere{.sa_family = AF_UNSPEC, .sa_data = {}};
  if (probe_) connect(probe_.get(), &nowhere, sizeof nowhere);
  const sockaddr_in there = ToSockaddr({address, 9});
  sockaddr_in here{};
  socklen_t size = sizeof here;
  if (!probe_ || connect(probe_.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0 ||
      getsockname(probe_.get(), reinterpret_cast<sockaddr*>(&here), &size) != 0) {
    return false;  // no way there at all, which the operation itself will say
  }
  if (FromSockaddr(here).address == address) return true;
  last_ = address;
  last_until_ns_ = now_ns + kGoodForNs;
  return false;
}

uint32_t ReserveFiles(uint32_t sockets) {
  // Standard streams, listeners, epoll, channel, image, memory files, VM descriptors.
  constexpr rlim_t kOthers = 64;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::min<uint32_t>(sockets, 128);
  const rlim_t wanted = std::min<rlim_t>(sockets + kOthers, limit.rlim_max);
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  }
  const rlim_t usable = limit.rlim_cur > kOthers ? limit.rlim_cur - kOthers : 1;
  return static_cast<uint32_t>(std::min<rlim_t>(sockets, usable));
}

std::vector<Endpoint> ParseResolvers(std::string_view resolv_conf) {
  std::vector<Endpoint> resolvers;
  std::istringstream lines{std::string(resolv_conf)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key, value;
    in_addr address{};
    if (words >> key >> value && key == "nameserver" && inet_pton(AF_INET, value.c_str(), &address) == 1) {
      resolvers.push_back({ntohl(address.s_addr), 53});
    }
  }
  return resolvers;
}

void ReadHostNetwork(BrokerConfig& config) {
  std::ifstream file("/etc/resolv.conf");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  config.egress.resolvers = ParseResolvers(text);
  // resolv.conf(5): without any nameserver the local host is asked.
  if (config.egress.resolvers.empty()) config.egress.resolvers.push_back({INADDR_LOOPBACK, 53});

  ifaddrs* interfaces = nullptr;
  if (getifaddrs(&interfaces) != 0) return;
  for (const ifaddrs* at = interfaces; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET) continue;
    config.egress.host_addresses.push_back(FromSockaddr(*reinterpret_cast<const sockaddr_in*>(at->ifa_addr)).address);
  }
  freeifaddrs(interfaces);
}

}  // namespace ebb::tender
