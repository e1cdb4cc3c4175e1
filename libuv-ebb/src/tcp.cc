// TCP handles.
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cstring>

#include "os/network.h"
#include "src/close.h"
#include "src/fd.h"
#include "src/socket.h"
#include "src/stream.h"
#include "src/tcp_options.h"

namespace ebb::uv {

int SetNoDelay(int fd, bool on) { return SetOption(fd, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0); }

int SetKeepAlive(int fd, bool on, unsigned idle_s, unsigned interval_s, unsigned count) {
  if (on && (idle_s < 1 || interval_s < 1 || count < 1)) return UV_EINVAL;
  int error = SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0);
  if (!on || error != 0) return error;
  error = SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(idle_s));
  if (error == 0) error = SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(interval_s));
  if (error == 0) error = SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, static_cast<int>(count));
  return error;
}

namespace {

int Fd(const uv_tcp_t* tcp) { return tcp->io_watcher.fd; }

// A socket of this family, unless the handle has one.
int NeedSocket(uv_tcp_t* tcp, int domain, unsigned flags) {
  if (domain == AF_UNSPEC || Fd(tcp) != -1) {
    tcp->flags |= flags;
    return 0;
  }
  const int fd = network->Open(domain, SOCK_STREAM, 0);
  if (fd < 0) return fd;
  const int error = StreamOpen(StreamOf(tcp), fd, flags);
  if (error != 0) network->Close(fd);
  return error;
}

// Link-local addresses mean nothing without an interface; the first one that has such an address itself is taken.
unsigned LinkLocalScope() {
  ifaddrs* list;
  if (getifaddrs(&list) != 0) return 0;
  unsigned scope = 0;
  for (const ifaddrs* entry = list; entry != nullptr && scope == 0; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET6) continue;
    sockaddr_in6 address;
    std::memcpy(&address, entry->ifa_addr, sizeof(address));
    if (IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr)) scope = address.sin6_scope_id;
  }
  freeifaddrs(list);
  return scope;
}

int Connect(int fd, const sockaddr* address) {
  if (address->sa_family != AF_INET6) return network->Connect(fd, address, AddressSize(address));
  sockaddr_in6 target;
  std::memcpy(&target, address, sizeof(target));
  if (target.sin6_scope_id == 0 && IN6_IS_ADDR_LINKLOCAL(&target.sin6_addr)) target.sin6_scope_id = LinkLocalScope();
  return network->Connect(fd, reinterpret_cast<sockaddr*>(&target), sizeof(target));
}

}  // namespace

int TcpListen(uv_tcp_t* tcp, int backlog, uv_connection_cb callback) {
  if (tcp->delayed_error != 0) return tcp->delayed_error;
  const int error = NeedSocket(tcp, AF_INET, 0);
  if (error != 0) return error;
  if (listen(Fd(tcp), backlog) != 0) return -errno;
  tcp->connection_cb = callback;
  tcp->flags |= kBound;
  tcp->io_watcher.bits = reinterpret_cast<uintptr_t>(&OnConnectionReady);
  WatcherStart(tcp->loop, &tcp->io_watcher, kEventIn);
  return 0;
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_tcp_init_ex(uv_loop_t* loop, uv_tcp_t* tcp, unsigned int flags) {
  const unsigned domain = flags & 0xFF;
  if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNSPEC) return UV_EINVAL;
  if ((flags & ~0xFFu) != 0) return UV_EINVAL;
  StreamInit(loop, StreamOf(tcp), UV_TCP);
  const int error = NeedSocket(tcp, static_cast<int>(domain), 0);
  if (error != 0) QueueRemove(&tcp->handle_queue);
  return error;
}

int uv_tcp_init(uv_loop_t* loop, uv_tcp_t* tcp) { return uv_tcp_init_ex(loop, tcp, AF_UNSPEC); }

int uv_tcp_open(uv_tcp_t* tcp, uv_os_sock_t sock) {
  if (static_cast<unsigned>(sock) < tcp->loop->nwatchers && tcp->loop->watchers[sock] != nullptr &&
      tcp->loop->watchers[sock]->pevents != 0)
    return UV_EEXIST;
  const int error = SetNonBlocking(sock, true);
  return error != 0 ? error : StreamOpen(StreamOf(tcp), sock, kReadable | kWritable);
}

int uv_tcp_bind(uv_tcp_t* tcp, const struct sockaddr* addr, unsigned int flags) {
  if (HasFlag(tcp, kClosing | kClosed)) return UV_EINVAL;
  if (addr->sa_family != AF_INET && addr->sa_family != AF_INET6) return UV_EINVAL;
  const bool v6 = addr->sa_family == AF_INET6;
  if ((flags & UV_TCP_IPV6ONLY) != 0 && !v6) return UV_EINVAL;
  int error = NeedSocket(tcp, addr->sa_family, 0);
  if (error != 0) return error;
  error = SetOption(Fd(tcp), SOL_SOCKET, SO_REUSEADDR, 1);
  if (error == 0 && (flags & UV_TCP_REUSEPORT) != 0) error = SetOption(Fd(tcp), SOL_SOCKET, SO_REUSEPORT, 1);
  if (error == 0 && v6) error = SetOption(Fd(tcp), IPPROTO_IPV6, IPV6_V6ONLY, (flags & UV_TCP_IPV6ONLY) != 0 ? 1 : 0);
  if (error != 0) return error;
  tcp->delayed_error = 0;
  if (bind(Fd(tcp), addr, AddressSize(addr)) != 0) {
    // An address of the wrong family counts as an argument error; one in use is reported by listen or connect.
    if (errno == EAFNOSUPPORT) return UV_EINVAL;
    if (errno != EADDRINUSE) return -errno;
    tcp->delayed_error = UV_EADDRINUSE;
  }
  tcp->flags |= kBound;
  if (v6) tcp->flags |= kIpv6;
  return 0;
}

int uv_tcp_connect(uv_connect_t* req, uv_tcp_t* tcp, const struct sockaddr* addr, uv_connect_cb cb) {
  if (HasFlag(tcp, kClosing | kClosed)) return UV_EINVAL;
  if (addr->sa_family != AF_INET && addr->sa_family != AF_INET6) return UV_EINVAL;
  if (tcp->connect_req != nullptr) return UV_EALREADY;
  int result = tcp->delayed_error;
  if (result == 0) {
    const int error = NeedSocket(tcp, addr->sa_family, kReadable | kWritable);
    if (error != 0) return error;
    result = Connect(Fd(tcp), addr);
    // Refused at once happens on loopback only; it comes from the loop like any other refusal.
    if (result != 0 && result != -EINPROGRESS && result != UV_ECONNREFUSED) return result;
    if (result == -EINPROGRESS) result = 0;
  }
  req->cb = cb;
  QueueInit(&req->queue);
  if (result != 0) {
    StreamDelayError(StreamOf(tcp), req, result);
    return 0;
  }
  RequestInit(tcp->loop, req, UV_CONNECT);
  req->handle = StreamOf(tcp);
  tcp->connect_req = req;
  WatcherStart(tcp->loop, &tcp->io_watcher, kEventOut);
  return 0;
}

int uv_tcp_getsockname(const uv_tcp_t* tcp, struct sockaddr* name, int* namelen) {
  return tcp->delayed_error != 0 ? tcp->delayed_error : SocketName(Fd(tcp), getsockname, name, namelen);
}

int uv_tcp_getpeername(const uv_tcp_t* tcp, struct sockaddr* name, int* namelen) {
  return tcp->delayed_error != 0 ? tcp->delayed_error : SocketName(Fd(tcp), getpeername, name, namelen);
}

int uv_tcp_nodelay(uv_tcp_t* tcp, int enable) {
  if (Fd(tcp) != -1) {
    const int error = SetNoDelay(Fd(tcp), enable != 0);
    if (error != 0) return error;
  }
  tcp->flags = enable != 0 ? tcp->flags | kNoDelay : tcp->flags & ~kNoDelay;
  return 0;
}

int uv_tcp_keepalive(uv_tcp_t* tcp, int enable, unsigned int delay) {
  return uv_tcp_keepalive_ex(tcp, enable, delay, 1, 10);
}

int uv_tcp_keepalive_ex(uv_tcp_t* tcp, int on, unsigned int idle, unsigned int intvl, unsigned int cnt) {
  if (Fd(tcp) != -1) {
    const int error = SetKeepAlive(Fd(tcp), on != 0, idle, intvl, cnt);
    if (error != 0) return error;
  }
  tcp->flags = on != 0 ? tcp->flags | kKeepAlive : tcp->flags & ~kKeepAlive;
  return 0;
}

int uv_tcp_simultaneous_accepts(uv_tcp_t*, int) { return 0; }

int uv_tcp_close_reset(uv_tcp_t* tcp, uv_close_cb close_cb) {
  // A shutdown sends FIN after the last byte; a reset would throw both away.
  if (HasFlag(tcp, kShutting)) return UV_EINVAL;
  const int fd = Fd(tcp);
  const int error = SetOption(fd, SOL_SOCKET, SO_LINGER, linger{1, 0});
  if (error != 0) return error == UV_EINVAL ? 0 : error;
  uv_close(AsHandle(tcp), close_cb);
  return 0;
}
