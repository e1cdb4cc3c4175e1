// World: a VM's network in one test process. Real: the socket calls, RingQueue, and a Broker on real sockets.
// Stand-ins: user memory (this process's own), the clock, the event list, and sleeping, which runs the rest of the
// world instead.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/core.h"
#include "kernel/ring.h"
#include "linux/fd_table.h"
#include "linux/net/address.h"
#include "linux/net/network_manager.h"
#include "linux/net/socket_factory.h"
#include "linux/net/syscalls.h"
#include "tender/broker/broker.h"

namespace ebb::test {

struct NullReport : tender::Report {
  void Log(uint32_t, uint64_t, std::span<const std::byte>) override {}
  void Ready() override { ready = true; }
  bool ready = false;
};

class World {
 public:
  explicit World(tender::EgressRules egress = {}, bool loopback_only = false);
  ~World();
  static World& Current();

  // One turn of the event loop, with one exit: submissions to the broker, completions and events to the guest. Waits at
  // most wait_ms.
  void Turn(int wait_ms = 0);
  bool Until(const std::function<bool()>& condition, int milliseconds = 5000);
  // The guest goes on as a clone of itself: another broker, other rings, another data area.
  void Restore();
  // Run in every turn of a blocked call: what other threads of the guest do meanwhile.
  std::function<void()> meanwhile;
  // Turns run by blocked calls.
  int sleeps = 0;
  // Exits so far.
  uint64_t enters() const { return enters_; }

  tender::Broker& broker() { return *broker_; }
  const std::string& unix_path() const { return config_.unix_path; }
  bool ready() const { return report_.ready; }
  size_t open_descriptors() const;

  RingQueue ring_queue;
  Core core{};
  std::unique_ptr<NetworkManager> manager;

 private:
  void StartBroker();
  void RunReady();
  static long Enter(uint64_t flags, uint64_t seen, int64_t seconds, int64_t nanoseconds);

  std::string folder_;
  tender::BrokerConfig config_;
  NullReport report_;
  std::unique_ptr<tender::Broker> broker_;
  uint64_t enters_ = 0;
};

// ---- The program's side: plain calls. Results as of the syscalls (-errno).

using linux_abi::kAfInet;
using linux_abi::kAfInet6;
using linux_abi::kAfUnix;
using linux_abi::kSockDgram;
using linux_abi::kSockNonblock;
using linux_abi::kSockStream;

inline uint64_t At(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

inline int Socket(int domain, int type) { return static_cast<int>(linux_abi::SysSocket(domain, type, 0)); }

inline linux_abi::AddressBytes V4(uint32_t ip, uint16_t port) {
  return linux_abi::FormatIpName(kAfInet, {{linux_abi::Ip::Kind::kV4, ip}, port});
}
inline linux_abi::AddressBytes V6(linux_abi::Ip::Kind kind, uint16_t port) {
  return linux_abi::FormatIpName(kAfInet6, {{kind, 0}, port});
}
constexpr uint32_t kLocalhost = 0x7f000001;

inline int64_t Bind(int fd, const linux_abi::AddressBytes& name) {
  return linux_abi::SysBind(fd, At(name.bytes.data()), static_cast<uint32_t>(name.size));
}
inline int64_t Connect(int fd, const linux_abi::AddressBytes& name) {
  return linux_abi::SysConnect(fd, At(name.bytes.data()), static_cast<uint32_t>(name.size));
}
inline int64_t Send(int fd, std::string_view text, uint32_t flags = 0) {
  return linux_abi::SysSendTo(fd, At(text.data()), text.size(), flags, 0, 0);
}
// The text, or "-errno".
inline std::string Receive(int fd, size_t size = 65536, uint32_t flags = 0) {
  std::string buffer(size, '\0');
  const int64_t got = linux_abi::SysRecvFrom(fd, At(buffer.data()), size, flags, 0, 0);
  if (got < 0) return std::to_string(got);
  buffer.resize(static_cast<size_t>(got));
  return buffer;
}
inline int64_t Close(int fd) { return linux_abi::fds().Close(fd) ? 0 : -9; }
inline int64_t SetOption(int fd, int level, int name, int32_t value) {
  return linux_abi::SysSetSockOpt(fd, level, name, At(&value), sizeof value);
}
inline int64_t GetOption(int fd, int level, int name) {
  int32_t value = -1;
  int32_t size = sizeof value;
  const int64_t result = linux_abi::SysGetSockOpt(fd, level, name, At(&value), At(&size));
  return result < 0 ? result : value;
}
inline int64_t SocketError(int fd) { return GetOption(fd, linux_abi::kSolSocket, linux_abi::kSoError); }
inline uint32_t Poll(int fd) { return (*linux_abi::fds().Get(fd))->PollEvents(); }
// getsockname or getpeername of an internet socket.
inline linux_abi::IpName NameOf(int fd, bool peer = false) {
  linux_abi::AddressBytes name;
  int32_t size = static_cast<int32_t>(name.bytes.size());
  const int64_t result = peer ? linux_abi::SysGetPeerName(fd, At(name.bytes.data()), At(&size))
                              : linux_abi::SysGetSockName(fd, At(name.bytes.data()), At(&size));
  if (result < 0) return {};
  name.size = static_cast<size_t>(size);
  return *linux_abi::ParseIpName(*linux_abi::AddressFamily(name.view()), name.view());
}
// A listener on 127.0.0.1 (or another address); its port by NameOf.
inline int Listener(uint32_t ip = kLocalhost, uint16_t port = 0, int backlog = 16, int type_flags = 0) {
  const int fd = Socket(kAfInet, kSockStream | type_flags);
  EXPECT_EQ(Bind(fd, V4(ip, port)), 0);
  EXPECT_EQ(linux_abi::SysListen(fd, backlog), 0);
  return fd;
}
inline int Accept(int fd, int flags = 0) { return static_cast<int>(linux_abi::SysAccept4(fd, 0, 0, flags)); }

struct Pair {
  int client;
  int server;
};
// Connected in the guest.
inline Pair ConnectedPair(int flags = kSockNonblock) {
  const int listener = Listener();
  const int client = Socket(kAfInet, kSockStream | flags);
  EXPECT_EQ(Connect(client, V4(kLocalhost, NameOf(listener).port)), 0);
  const int server = Accept(listener, flags);
  EXPECT_GE(server, 0);
  Close(listener);
  return {client, server};
}

}  // namespace ebb::test
