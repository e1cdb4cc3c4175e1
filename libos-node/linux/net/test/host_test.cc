// Beyond the VM: the guest's sockets through the rings and a real broker to real peers on loopback.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <thread>

#include "linux/net/test/world.h"
#include "tender/broker/host_network.h"

namespace ebb::test {
namespace {

using namespace linux_abi;
using tender::UniqueFd;

constexpr int kAgain = -11, kAcces = -13, kNetUnreach = -101, kInProgress = -115;

UniqueFd HostClient(World& world) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = tender::ToSockaddr({INADDR_LOOPBACK, world.broker().tcp_port()});
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}
UniqueFd HostUnixClient(World& world) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, world.unix_path().c_str());
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}
std::string HostRead(int fd) {
  char buffer[65536];
  const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
  return size < 0 ? "errno " + std::to_string(errno) : std::string(buffer, static_cast<size_t>(size));
}

// A server on the host's loopback that the guest may reach through the gateway.
struct HostServer {
  HostServer() : listener(std::move(*tender::ListenOn({INADDR_LOOPBACK, 0}))) {}
  tender::EgressRules Rules() const {
    tender::EgressRules rules;
    rules.gateway_ports = {listener.port};
    return rules;
  }
  UniqueFd Accept() const {
    for (int i = 0; i < 1000; ++i) {
      UniqueFd fd(accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (fd) return fd;
      usleep(1000);
    }
    return {};
  }
  tender::TcpListener listener;
};

int HttpListener(uint16_t port = 8080, int domain = kAfInet6) {
  const int fd = Socket(domain, kSockStream | kSockNonblock);
  SetOption(fd, kSolSocket, kSoReuseAddr, 1);
  EXPECT_EQ(Bind(fd, domain == kAfInet6 ? V6(Ip::Kind::kV6Any, port) : V4(0, port)), 0);
  EXPECT_EQ(SysListen(fd, 511), 0);
  return fd;
}

TEST(HostTest, ListenerTakesConnectionsFromHostAndGuest) {
  World world;
  EXPECT_FALSE(world.ready());
  const int listener = HttpListener();
  world.Turn();
  EXPECT_TRUE(world.ready());
  const UniqueFd outside = HostUnixClient(world);
  const int inside = Socket(kAfInet, kSockStream);
  EXPECT_EQ(Connect(inside, V4(kLocalhost, 8080)), 0);
  const int first = Accept(listener, kSockNonblock);
  ASSERT_GE(first, 0);
  ASSERT_TRUE(world.Until([&] { return (Poll(listener) & kEpollIn) != 0; }));
  const int second = Accept(listener, kSockNonblock);
  ASSERT_GE(second, 0);
  EXPECT_EQ(NameOf(second, true).ip.v4, EBB_NET_GATEWAY);
  EXPECT_EQ(NameOf(second).ip.v4, EBB_NET_GUEST);
  EXPECT_EQ(NameOf(second).port, 8080);
  ASSERT_EQ(send(outside.get(), "GET /", 5, 0), 5);
  ASSERT_TRUE(world.Until([&] { return (Poll(second) & kEpollIn) != 0; }));
  EXPECT_EQ(Receive(second), "GET /");
  EXPECT_EQ(Send(second, "200 OK"), 6);
  world.Turn();
  EXPECT_EQ(HostRead(outside.get()), "200 OK");
}

TEST(HostTest, ListenersOnLoopbackStayInside) {
  World world;
  Listener(kLocalhost, 8080);
  world.Turn();
  EXPECT_FALSE(world.ready());
  const int only = Socket(kAfInet6, kSockStream);
  SetOption(only, kIpProtoIpv6, 26, 1);
  EXPECT_EQ(Bind(only, V6(Ip::Kind::kV6Any, 8080)), 0);
  EXPECT_EQ(SysListen(only, 1), 0);
  world.Turn();
  EXPECT_FALSE(world.ready());
}

TEST(HostTest, ListenerCanBeClosedAndOpenedAgain) {
  World world;
  for (int i = 0; i < 3; ++i) {
    const int listener = HttpListener();
    const UniqueFd outside = HostUnixClient(world);
    ASSERT_TRUE(world.Until([&] { return (Poll(listener) & kEpollIn) != 0; }));
    Close(listener);
    world.Turn();
    // It was in the backlog when the listener went.
    EXPECT_NE(HostRead(outside.get()), "x");
  }
  world.Turn();
  EXPECT_EQ(world.broker().stats().handles, 0u);
}

// The promise of the hot path: with one request outstanding at a time, a request costs one RECV, one SEND and one exit,
// the one that waits for the next.
TEST(HostTest, SmallExchangeCostsOneExit) {
  World world;
  const int listener = HttpListener();
  const UniqueFd outside = HostUnixClient(world);
  ASSERT_TRUE(world.Until([&] { return (Poll(listener) & kEpollIn) != 0; }));
  const int server = Accept(listener, kSockNonblock);
  world.Turn();
  const auto before = world.broker().stats();
  const uint64_t enters = world.enters();
  constexpr int kExchanges = 20;
  std::thread client([&] {
    for (int i = 0; i < kExchanges; ++i) {
      if (send(outside.get(), "request", 7, 0) != 7 || HostRead(outside.get()) != "response") return;
    }
  });
  int served = 0;
  for (int turns = 0; served < kExchanges && turns < 10 * kExchanges; ++turns) {
    world.Turn(2000);
    if ((Poll(server) & kEpollIn) == 0) continue;
    EXPECT_EQ(Receive(server), "request");
    EXPECT_EQ(Receive(server), std::to_string(kAgain));
    EXPECT_EQ(Send(server, "response"), 8);
    ++served;
  }
  EXPECT_EQ(served, kExchanges);
  EXPECT_EQ(world.enters() - enters, uint64_t{kExchanges});
  // The last response goes out.
  world.Turn();
  client.join();
  EXPECT_EQ(world.broker().stats().submissions - before.submissions, 2u * kExchanges);
}

TEST(HostTest, MegabytesBothWaysAtOnce) {
  World world;
  const int listener = HttpListener();
  const UniqueFd outside = HostClient(world);
  ASSERT_TRUE(world.Until([&] { return (Poll(listener) & kEpollIn) != 0; }));
  const int server = Accept(listener, kSockNonblock);
  constexpr size_t kTotal = 6'000'000;
  std::string expected(kTotal, '\0');
  for (size_t i = 0; i < kTotal; ++i) expected[i] = static_cast<char>(i * 2654435761u >> 11);
  std::string echoed;
  std::thread peer([&] {
    std::thread writer([&] {
      for (size_t done = 0; done < kTotal;) {
        const ssize_t n = send(outside.get(), expected.data() + done, kTotal - done, 0);
        if (n <= 0) return;
        done += static_cast<size_t>(n);
      }
      shutdown(outside.get(), SHUT_WR);
    });
    for (std::string part; !(part = HostRead(outside.get())).empty();) {
      echoed += part;
      if (echoed.size() % 5 == 0) usleep(200);
    }
    writer.join();
  });
  std::string pending;
  size_t received = 0;
  bool ended = false;
  ASSERT_TRUE(world.Until(
      [&] {
        // A server that reads only what it can pass on.
        if (pending.size() < 100'000 && !ended && (Poll(server) & kEpollIn) != 0) {
          const std::string part = Receive(server, 40'000);
          if (part.empty()) ended = true;
          received += part.size();
          pending += part;
        }
        while (!pending.empty()) {
          const int64_t n = Send(server, pending);
          if (n < 0) {
            EXPECT_EQ(n, kAgain);
            break;
          }
          pending.erase(0, static_cast<size_t>(n));
        }
        return ended && pending.empty();
      },
      20'000));
  EXPECT_EQ(received, kTotal);
  EXPECT_EQ(SysShutdown(server, kShutWr), 0);
  world.Turn();
  // Buffers are bounded by the window, so the rest goes out turn by turn.
  world.Until([&] { return world.broker().stats().bytes_sent >= kTotal; });
  for (int i = 0; i < 50; ++i) world.Turn(1);
  peer.join();
  EXPECT_EQ(echoed.size(), kTotal);
  EXPECT_TRUE(echoed == expected);
}

TEST(HostTest, CloseFlushesWhatWasWritten) {
  World world;
  const int listener = HttpListener();
  const UniqueFd outside = HostClient(world);
  ASSERT_TRUE(world.Until([&] { return (Poll(listener) & kEpollIn) != 0; }));
  const int server = Accept(listener, kSockNonblock);
  std::string body(200'000, 'z');
  EXPECT_EQ(Send(server, body), static_cast<int64_t>(body.size()));
  Close(server);
  std::string got;
  std::thread reader([&] {
    for (std::string part; !(part = HostRead(outside.get())).empty();) got += part;
  });
  world.Until([&] { return world.broker().stats().handles == 0; });
  reader.join();
  EXPECT_TRUE(got == body);
}

TEST(HostTest, CloseWithUnreadDataResetsThePeer) {
  World world;
  const int listener = HttpListener();
  const UniqueFd outside = HostClient(world);
  ASSERT_TRUE(world.Until([&] { return (Poll(listener) & kEpollIn) != 0; }));
  const int server = Accept(listener, kSockNonblock);
  ASSERT_EQ(send(outside.get(), "unread", 6, 0), 6);
  ASSERT_TRUE(world.Until([&] { return (Poll(server) & kEpollIn) != 0; }));
  Close(server);
  world.Turn();
  EXPECT_EQ(HostRead(outside.get()), "errno " + std::to_string(ECONNRESET));
}

TEST(HostTest, PeerResetIsAnError) {
  World world;
  const int listener = HttpListener();
  UniqueFd outside = HostClient(world);
  ASSERT_TRUE(world.Until([&] { return (Poll(listener) & kEpollIn) != 0; }));
  const int server = Accept(listener, kSockNonblock);
  world.Turn();
  const linger abort{1, 0};
  setsockopt(outside.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  outside.Reset();
  ASSERT_TRUE(world.Until([&] { return (Poll(server) & kEpollErr) != 0; }));
  EXPECT_EQ(Receive(server), "-104");
  EXPECT_EQ(Receive(server), "");
  EXPECT_EQ(Send(server, "x"), -32);
}

TEST(HostTest, ConnectsOutThroughTheGateway) {
  const HostServer host;
  World world(host.Rules());
  const int fd = Socket(kAfInet, kSockStream | kSockNonblock);
  EXPECT_EQ(Connect(fd, V4(EBB_NET_GATEWAY, host.listener.port)), kInProgress);
  EXPECT_EQ(Poll(fd), 0u);
  EXPECT_EQ(Send(fd, "early"), kAgain);
  ASSERT_TRUE(world.Until([&] { return (Poll(fd) & kEpollOut) != 0; }));
  EXPECT_EQ(SocketError(fd), 0);
  EXPECT_EQ(NameOf(fd).ip.v4, EBB_NET_GUEST);
  EXPECT_EQ(NameOf(fd, true), (IpName{{Ip::Kind::kV4, EBB_NET_GATEWAY}, host.listener.port}));
  const UniqueFd peer = host.Accept();
  EXPECT_EQ(Send(fd, "ping"), 4);
  world.Turn();
  EXPECT_EQ(HostRead(peer.get()), "ping");
  ASSERT_EQ(send(peer.get(), "pong", 4, 0), 4);
  ASSERT_TRUE(world.Until([&] { return (Poll(fd) & kEpollIn) != 0; }));
  EXPECT_EQ(Receive(fd), "pong");
  // Mapped spelling, blocking.
  const int mapped = Socket(kAfInet6, kSockStream);
  EXPECT_EQ(Connect(mapped, FormatIpName(kAfInet6, {{Ip::Kind::kV4, EBB_NET_GATEWAY}, host.listener.port})), 0);
  EXPECT_TRUE(host.Accept());
}

TEST(HostTest, DeniedAndRefusedConnects) {
  uint16_t refused;
  tender::EgressRules rules;
  {
    const HostServer gone;
    refused = gone.listener.port;
    rules = gone.Rules();
  }
  World world(rules);
  const int blocking = Socket(kAfInet, kSockStream);
  EXPECT_EQ(Connect(blocking, V4(EBB_NET_GATEWAY, refused)), -111);
  EXPECT_EQ(Connect(Socket(kAfInet, kSockStream), V4(0xa9fea9fe, 80)), kAcces);
  EXPECT_EQ(Connect(Socket(kAfInet, kSockStream), V4(0x0a000001, 80)), kAcces);
  const int mapped = Socket(kAfInet6, kSockStream | kSockNonblock);
  EXPECT_EQ(Connect(mapped, FormatIpName(kAfInet6, {{Ip::Kind::kV4, 0xa9fea9fe}, 80})), kInProgress);
  ASSERT_TRUE(world.Until([&] { return Poll(mapped) != 0; }));
  EXPECT_EQ(Poll(mapped), kEpollIn | kEpollOut | kEpollErr | kEpollHup | kEpollRdHup);
  EXPECT_EQ(SocketError(mapped), 13);
  AddressBytes global = V6(Ip::Kind::kV6Loopback, 80);
  global.bytes[8] = std::byte{0x20};
  EXPECT_EQ(Connect(Socket(kAfInet6, kSockStream), global), kNetUnreach);
  const int only = Socket(kAfInet6, kSockStream);
  SetOption(only, kIpProtoIpv6, 26, 1);
  EXPECT_EQ(Connect(only, FormatIpName(kAfInet6, {{Ip::Kind::kV4, 0x08080808}, 80})), kNetUnreach);
}

TEST(HostTest, ClosingWhileConnectingLeavesNothing) {
  const HostServer host;
  World world(host.Rules());
  for (int i = 0; i < 20; ++i) {
    const int fd = Socket(kAfInet, kSockStream | kSockNonblock);
    EXPECT_EQ(Connect(fd, V4(EBB_NET_GATEWAY, host.listener.port)), kInProgress);
    if (i % 2 == 0) world.Turn();
    Close(fd);
  }
  EXPECT_TRUE(
      world.Until([&] { return world.broker().stats().connected == 20 && world.broker().stats().handles == 0; }));
}

TEST(HostTest, ManyConnectionsShareTheDataArea) {
  World world;
  const int listener = HttpListener();
  std::vector<UniqueFd> peers;
  std::vector<int> servers;
  // More than would fit with 16 KiB of receive buffer each.
  constexpr int kConnections = 600;
  for (int i = 0; i < kConnections; ++i) {
    peers.push_back(HostUnixClient(world));
    ASSERT_TRUE(world.Until([&] { return (Poll(listener) & kEpollIn) != 0; }));
    servers.push_back(Accept(listener, kSockNonblock));
    world.Turn();
  }
  for (int i = 0; i < kConnections; ++i)
    ASSERT_EQ(send(peers[static_cast<size_t>(i)].get(), &i, sizeof i, 0), static_cast<ssize_t>(sizeof i));
  int answered = 0;
  std::vector<bool> done(kConnections);
  EXPECT_TRUE(world.Until(
      [&] {
        for (size_t i = 0; i < kConnections; ++i) {
          if (done[i] || (Poll(servers[i]) & kEpollIn) == 0) continue;
          const std::string got = Receive(servers[i]);
          EXPECT_EQ(got.size(), sizeof(int));
          EXPECT_EQ(Send(servers[i], got), static_cast<int64_t>(sizeof(int)));
          done[i] = true;
          ++answered;
          // A connection that ends gives its buffer to one that waits.
          Close(servers[i]);
        }
        return answered == kConnections;
      },
      20'000));
  for (int i = 0; i < kConnections; ++i) {
    int value = -1;
    world.Turn();
    ASSERT_EQ(recv(peers[static_cast<size_t>(i)].get(), &value, sizeof value, 0), static_cast<ssize_t>(sizeof value));
    ASSERT_EQ(value, i);
  }
}

// A clone: what the template had with the outside is gone, what it had inside goes on.
TEST(HostTest, ACloneListensAgainAndItsOldConnectionsAreReset) {
  World world;
  const int listener = HttpListener();
  world.Turn();
  const UniqueFd host = HostClient(world);
  ASSERT_EQ(send(host.get(), "unread", 6, 0), 6);
  ASSERT_TRUE(world.Until([&] { return (Poll(listener) & kEpollIn) != 0; }));
  const int old = Accept(listener, kSockNonblock);
  ASSERT_TRUE(world.Until([&] { return (Poll(old) & kEpollIn) != 0; }));
  const UniqueFd waiting = HostClient(world);  // not accepted yet
  ASSERT_TRUE(world.Until([&] { return (Poll(listener) & kEpollIn) != 0; }));
  const Pair inside = ConnectedPair();
  ASSERT_EQ(Send(inside.client, "kept"), 4);
  ASSERT_EQ(Send(old, "never to arrive"), 15);

  world.Restore();

  EXPECT_NE(Poll(old) & kEpollErr, 0u);
  EXPECT_EQ(Receive(old), std::to_string(-104));
  EXPECT_EQ(Receive(old), "");
  EXPECT_EQ(Send(old, "x"), -32);
  EXPECT_EQ(Receive(inside.server), "kept");
  const int backlog = Accept(listener, kSockNonblock);
  EXPECT_EQ(Receive(backlog), std::to_string(-104));
  EXPECT_EQ(Accept(listener, kSockNonblock), kAgain);
  // Handles of the template mean nothing here: closing them must not hit the first connection of the clone.
  world.Turn();
  const UniqueFd fresh = HostUnixClient(world);
  ASSERT_EQ(send(fresh.get(), "hello", 5, 0), 5);
  ASSERT_TRUE(world.Until([&] { return (Poll(listener) & kEpollIn) != 0; }));
  Close(old);
  Close(backlog);
  world.Turn();
  const int connection = Accept(listener, kSockNonblock);
  ASSERT_GE(connection, 0);
  ASSERT_TRUE(world.Until([&] { return (Poll(connection) & kEpollIn) != 0; }));
  EXPECT_EQ(Receive(connection), "hello");
  EXPECT_EQ(Send(connection, "there"), 5);
  world.Turn();
  EXPECT_EQ(HostRead(fresh.get()), "there");
}

TEST(HostTest, ACloneIsToldOfAnAttemptToConnectThatItLost) {
  const HostServer server;
  World world(server.Rules());
  const int fd = Socket(kAfInet, kSockStream | kSockNonblock);
  ASSERT_EQ(Connect(fd, V4(EBB_NET_GATEWAY, server.listener.port)), kInProgress);
  world.Restore();
  EXPECT_NE(Poll(fd) & kEpollErr, 0u);
  EXPECT_EQ(SocketError(fd), 104);
}

TEST(HostTest, AClonesDatagramSocketsGoOn) {
  const UniqueFd resolver(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = tender::ToSockaddr({INADDR_LOOPBACK, 0});
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(resolver.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(getsockname(resolver.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  tender::EgressRules rules;
  rules.resolvers = {tender::FromSockaddr(address)};
  World world(rules);
  const int fd = Socket(kAfInet, kSockDgram | kSockNonblock);
  ASSERT_EQ(Connect(fd, V4(EBB_NET_RESOLVER, 53)), 0);
  ASSERT_EQ(Send(fd, "before"), 6);
  for (int i = 0; i < 5; ++i) world.Turn();
  EXPECT_EQ(HostRead(resolver.get()), "before");

  world.Restore();

  ASSERT_EQ(Send(fd, "after"), 5);
  for (int i = 0; i < 5; ++i) world.Turn();
  char buffer[16] = {};
  size = sizeof address;
  ASSERT_EQ(recvfrom(resolver.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&address), &size), 5);
  EXPECT_STREQ(buffer, "after");
  ASSERT_EQ(sendto(resolver.get(), "answer", 6, 0, reinterpret_cast<sockaddr*>(&address), size), 6);
  ASSERT_TRUE(world.Until([&] { return (Poll(fd) & kEpollIn) != 0; }));
  EXPECT_EQ(Receive(fd), "answer");
}

TEST(HostTest, LoopbackNetworkReachesNothing) {
  World world({}, true);
  EXPECT_EQ(Connect(Socket(kAfInet, kSockStream), V4(0x08080808, 53)), kNetUnreach);
  const int udp = Socket(kAfInet, kSockDgram);
  const AddressBytes resolver = V4(EBB_NET_RESOLVER, 53);
  EXPECT_EQ(SysSendTo(udp, At("q"), 1, 0, At(resolver.bytes.data()), 16), kNetUnreach);
  const int listener = HttpListener();
  EXPECT_EQ(Connect(Socket(kAfInet, kSockStream), V4(kLocalhost, 8080)), 0);
  EXPECT_GE(Accept(listener), 0);
  world.Turn();
  EXPECT_FALSE(world.ready());
  EXPECT_EQ(world.broker().stats().submissions, 0u);
}

}  // namespace
}  // namespace ebb::test
