// In-guest TCP: names and ports, backlog, half-close, resets, flow control, IPv6 spellings. None of it may reach the
// tender.
#include "linux/net/test/world.h"

namespace ebb::test {
namespace {

using namespace linux_abi;

constexpr int64_t kAgain = -11, kPipe = -32, kInval = -22, kAddrInUse = -98, kAddrNotAvail = -99, kConnReset = -104,
                  kIsConn = -106, kNotConn = -107, kConnRefused = -111, kAlready = -114, kInProgress = -115;

struct TcpTest : testing::Test {
  World world;
};

TEST_F(TcpTest, ConnectAcceptNamesAndBytes) {
  const int listener = Listener();
  const IpName server_name = NameOf(listener);
  EXPECT_EQ(server_name.ip.v4, kLocalhost);
  EXPECT_GE(server_name.port, 32768);
  EXPECT_EQ(Poll(listener), 0u);
  const int client = Socket(kAfInet, kSockStream);
  EXPECT_EQ(Connect(client, V4(kLocalhost, server_name.port)), 0);
  EXPECT_EQ(Poll(listener), kEpollIn);
  AddressBytes peer;
  int32_t size = 16;
  const int server = static_cast<int>(SysAccept4(listener, At(peer.bytes.data()), At(&size), kSockNonblock));
  ASSERT_GE(server, 0);
  peer.size = static_cast<size_t>(size);
  EXPECT_EQ(*ParseIpName(kAfInet, peer.view()), NameOf(client));
  EXPECT_EQ(NameOf(server), server_name);
  EXPECT_EQ(NameOf(server, true), NameOf(client));
  EXPECT_EQ(NameOf(client, true), server_name);
  EXPECT_EQ(Connect(client, V4(kLocalhost, server_name.port)), kIsConn);
  EXPECT_EQ(Send(client, "question"), 8);
  EXPECT_EQ(Receive(server), "question");
  EXPECT_EQ(Receive(server), std::to_string(kAgain));
  EXPECT_EQ(Send(server, "answer"), 6);
  EXPECT_EQ(Receive(client, 3), "ans");
  EXPECT_EQ(Receive(client), "wer");
  EXPECT_EQ(world.enters(), 0u);
}

TEST_F(TcpTest, RefusedWithoutListener) {
  const int client = Socket(kAfInet, kSockStream | kSockNonblock);
  EXPECT_EQ(Connect(client, V4(kLocalhost, 4000)), kConnRefused);
  EXPECT_EQ(Send(client, "x"), kPipe);
  // The socket can be used again.
  const int listener = Listener(kLocalhost, 4000);
  EXPECT_EQ(Connect(client, V4(kLocalhost, 4000)), 0);
  EXPECT_GE(Accept(listener), 0);
}

TEST_F(TcpTest, BindRules) {
  const int first = Listener(kLocalhost, 5000);
  const int second = Socket(kAfInet, kSockStream);
  EXPECT_EQ(Bind(second, V4(kLocalhost, 5000)), kAddrInUse);
  EXPECT_EQ(Bind(second, V4(0, 5000)), kAddrInUse);
  EXPECT_EQ(SetOption(second, kSolSocket, kSoReuseAddr, 1), 0);
  // SO_REUSEADDR does not help against a listener.
  EXPECT_EQ(Bind(second, V4(0, 5000)), kAddrInUse);
  EXPECT_EQ(Bind(second, V4(EBB_NET_GUEST, 5000)), 0);
  EXPECT_EQ(Bind(second, V4(EBB_NET_GUEST, 5001)), kInval);
  const int third = Socket(kAfInet, kSockStream);
  EXPECT_EQ(Bind(third, V4(0x08080808, 5002)), kAddrNotAvail);
  EXPECT_EQ(Bind(third, V6(Ip::Kind::kV6Any, 5002)), -97);
  Close(first);
  EXPECT_EQ(Bind(third, V4(kLocalhost, 5000)), 0);
}

TEST_F(TcpTest, ReuseAddressLetsTwoBindButOneListen) {
  const int a = Socket(kAfInet, kSockStream), b = Socket(kAfInet, kSockStream);
  SetOption(a, kSolSocket, kSoReuseAddr, 1);
  SetOption(b, kSolSocket, kSoReuseAddr, 1);
  EXPECT_EQ(Bind(a, V4(0, 5100)), 0);
  EXPECT_EQ(Bind(b, V4(0, 5100)), 0);
  EXPECT_EQ(SysListen(a, 1), 0);
  EXPECT_EQ(SysListen(b, 1), kAddrInUse);
}

TEST_F(TcpTest, BacklogFullKeepsConnectsWaiting) {
  const int listener = Listener(kLocalhost, 5200, 1);
  std::vector<int> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(Socket(kAfInet, kSockStream | kSockNonblock));
  // A backlog of one holds two, as on Linux.
  EXPECT_EQ(Connect(clients[0], V4(kLocalhost, 5200)), 0);
  EXPECT_EQ(Connect(clients[1], V4(kLocalhost, 5200)), 0);
  EXPECT_EQ(Connect(clients[2], V4(kLocalhost, 5200)), kInProgress);
  EXPECT_EQ(Connect(clients[3], V4(kLocalhost, 5200)), kInProgress);
  EXPECT_EQ(Connect(clients[3], V4(kLocalhost, 5200)), kAlready);
  EXPECT_EQ(Poll(clients[2]), 0u);
  EXPECT_EQ(Send(clients[2], "x"), kAgain);
  EXPECT_GE(Accept(listener), 0);
  EXPECT_EQ(Poll(clients[2]), kEpollOut);
  EXPECT_EQ(SocketError(clients[2]), 0);
  EXPECT_EQ(Poll(clients[3]), 0u);
  // The listener goes: the one in its backlog is reset, the one still waiting refused.
  Close(listener);
  EXPECT_EQ(SocketError(clients[3]), 111);
  EXPECT_EQ(Receive(clients[2]), std::to_string(kConnReset));
}

TEST_F(TcpTest, BlockingConnectAndAcceptWaitForEachOther) {
  const int listener = Listener(kLocalhost, 5300, 0);
  const int first = Socket(kAfInet, kSockStream);
  EXPECT_EQ(Connect(first, V4(kLocalhost, 5300)), 0);
  const int second = Socket(kAfInet, kSockStream);
  world.meanwhile = [&] {
    world.meanwhile = nullptr;
    EXPECT_GE(Accept(listener), 0);
  };
  EXPECT_EQ(Connect(second, V4(kLocalhost, 5300)), 0);
  EXPECT_GE(Accept(listener), 0);
  world.meanwhile = [&] {
    world.meanwhile = nullptr;
    EXPECT_EQ(Connect(Socket(kAfInet, kSockStream | kSockNonblock), V4(kLocalhost, 5300)), 0);
  };
  EXPECT_GE(Accept(listener), 0);
}

TEST_F(TcpTest, HalfClose) {
  const auto [client, server] = ConnectedPair();
  EXPECT_EQ(Send(client, "last"), 4);
  EXPECT_EQ(SysShutdown(client, kShutWr), 0);
  EXPECT_EQ(Send(client, "x"), kPipe);
  EXPECT_EQ(Poll(server), kEpollIn | kEpollOut | kEpollRdHup);
  EXPECT_EQ(Receive(server), "last");
  EXPECT_EQ(Receive(server), "");
  // The other direction goes on.
  EXPECT_EQ(Send(server, "reply"), 5);
  EXPECT_EQ(Receive(client), "reply");
  EXPECT_EQ(SysShutdown(server, kShutWr), 0);
  EXPECT_EQ(Receive(client), "");
  EXPECT_EQ(Poll(client), kEpollIn | kEpollOut | kEpollRdHup | kEpollHup);
  EXPECT_EQ(SysShutdown(client, 7), kInval);
}

TEST_F(TcpTest, CloseAfterReadingIsAnEnd) {
  const auto [client, server] = ConnectedPair();
  EXPECT_EQ(Send(client, "bye"), 3);
  Close(client);
  EXPECT_EQ(Receive(server), "bye");
  EXPECT_EQ(Receive(server), "");
  // What is written now is taken, and answered by a reset.
  EXPECT_EQ(Send(server, "late"), 4);
  EXPECT_NE(Poll(server) & kEpollErr, 0u);
  EXPECT_EQ(SocketError(server), 32);
  EXPECT_EQ(SocketError(server), 0);
  EXPECT_EQ(Send(server, "later"), kPipe);
}

TEST_F(TcpTest, CloseWithUnreadDataIsAReset) {
  const auto [client, server] = ConnectedPair();
  EXPECT_EQ(Send(client, "unread"), 6);
  EXPECT_EQ(Send(server, "kept"), 4);
  Close(server);
  // What had arrived can still be read, then comes the error, once.
  EXPECT_EQ(Poll(client), kEpollIn | kEpollOut | kEpollErr | kEpollHup | kEpollRdHup);
  EXPECT_EQ(Receive(client), "kept");
  EXPECT_EQ(Receive(client), std::to_string(kConnReset));
  EXPECT_EQ(Receive(client), "");
  EXPECT_EQ(Send(client, "x"), kPipe);
}

TEST_F(TcpTest, LingerZeroIsAReset) {
  const auto [client, server] = ConnectedPair();
  const int32_t linger[2] = {1, 0};
  EXPECT_EQ(SysSetSockOpt(client, kSolSocket, kSoLinger, At(linger), sizeof linger), 0);
  Close(client);
  EXPECT_EQ(Receive(server), std::to_string(kConnReset));
}

TEST_F(TcpTest, FlowControlIsBoundedAndLossless) {
  const auto [client, server] = ConnectedPair();
  std::string sent, received;
  const std::string block(50'000, 'b');
  for (int i = 0; i < 100; ++i) {
    const int64_t n = Send(client, block);
    if (n < 0) {
      EXPECT_EQ(n, kAgain);
      break;
    }
    sent += block.substr(0, static_cast<size_t>(n));
  }
  EXPECT_EQ(sent.size(), 256u * 1024);
  EXPECT_EQ(Poll(client) & kEpollOut, 0u);
  int32_t pending = 0;
  EXPECT_TRUE((*fds().Get(server))->Ioctl(kFionRead, At(&pending)).ok());
  EXPECT_EQ(static_cast<size_t>(pending), sent.size());
  // Writable again only when a good part is free.
  received += Receive(server, 1000);
  EXPECT_EQ(Poll(client) & kEpollOut, 0u);
  while (received.size() < 100'000) received += Receive(server, 10'000);
  EXPECT_NE(Poll(client) & kEpollOut, 0u);
  while (received.size() < sent.size()) received += Receive(server);
  EXPECT_EQ(received, sent);
}

TEST_F(TcpTest, BlockingSendDeliversEverything) {
  const auto [client, server] = ConnectedPair(0);
  std::string sent(2'000'000, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 4);
  std::string received;
  world.meanwhile = [&, to = server] { received += Receive(to, 30'000); };
  EXPECT_EQ(Send(client, sent), static_cast<int64_t>(sent.size()));
  EXPECT_GT(world.sleeps, 10);
  world.meanwhile = nullptr;
  while (received.size() < sent.size()) received += Receive(server);
  EXPECT_TRUE(received == sent);
}

TEST_F(TcpTest, ReceiveFlags) {
  const auto [client, server] = ConnectedPair(0);
  Send(client, "abcdef");
  EXPECT_EQ(Receive(server, 4, kMsgPeek), "abcd");
  EXPECT_EQ(Receive(server, 100, kMsgPeek), "abcdef");
  EXPECT_EQ(Receive(server, 2), "ab");
  // WAITALL waits for the rest.
  world.meanwhile = [&, from = client] {
    world.meanwhile = nullptr;
    Send(from, "ghij");
  };
  EXPECT_EQ(Receive(server, 8, kMsgWaitAll), "cdefghij");
  EXPECT_EQ(Receive(server, 8, kMsgDontWait), std::to_string(kAgain));
  EXPECT_EQ(Receive(server, 8, kMsgErrQueue), std::to_string(kAgain));
  // A timeout ends a blocking receive.
  const int64_t timeout[2] = {0, 20'000};
  EXPECT_EQ(SysSetSockOpt(server, kSolSocket, kSoRcvTimeo, At(timeout), sizeof timeout), 0);
  EXPECT_EQ(Receive(server, 8), std::to_string(kAgain));
}

TEST_F(TcpTest, MessagesGatherAndScatter) {
  const auto [client, server] = ConnectedPair();
  const std::string_view parts[] = {"one ", "", "two ", "three"};
  IoVec out[4];
  for (int i = 0; i < 4; ++i) out[i] = {At(parts[i].data()), parts[i].size()};
  struct {
    uint64_t name = 0;
    uint64_t name_size = 0;
    uint64_t buffers = 0;
    uint64_t count = 0;
    uint64_t control = 0;
    uint64_t control_size = 0;
    uint64_t flags = 0;
  } message;
  message.buffers = At(out);
  message.count = 4;
  EXPECT_EQ(SysSendMsg(client, At(&message), kMsgNoSignal), 13);
  char a[6] = {}, b[20] = {};
  const IoVec in[2] = {{At(a), 5}, {At(b), 19}};
  message.buffers = At(in);
  message.count = 2;
  message.control_size = 64;
  EXPECT_EQ(SysRecvMsg(server, At(&message), 0), 13);
  EXPECT_STREQ(a, "one t");
  EXPECT_STREQ(b, "wo three");
  EXPECT_EQ(message.control_size, 0u);
  const IoVec bad[1] = {{8, 100}};
  message.buffers = At(bad);
  message.count = 1;
  EXPECT_EQ(SysRecvMsg(server, At(&message), 0), -14);
  message.count = 5000;
  EXPECT_EQ(SysSendMsg(client, At(&message), 0), -90);
  EXPECT_EQ(Send(client, std::string_view(reinterpret_cast<const char*>(8), 10)), -14);
}

TEST_F(TcpTest, DualStackListenerTakesAllSpellings) {
  const int listener = Socket(kAfInet6, kSockStream);
  EXPECT_EQ(Bind(listener, V6(Ip::Kind::kV6Any, 6000)), 0);
  EXPECT_EQ(SysListen(listener, 16), 0);
  EXPECT_TRUE(NameOf(listener).ip.kind == Ip::Kind::kV6Any);
  const int v4 = Socket(kAfInet, kSockStream), v6 = Socket(kAfInet6, kSockStream),
            mapped = Socket(kAfInet6, kSockStream);
  EXPECT_EQ(Connect(v4, V4(kLocalhost, 6000)), 0);
  EXPECT_EQ(Connect(v6, V6(Ip::Kind::kV6Loopback, 6000)), 0);
  EXPECT_EQ(Connect(mapped, FormatIpName(kAfInet6, {{Ip::Kind::kV4, kLocalhost}, 6000})), 0);
  const int first = Accept(listener), second = Accept(listener);
  EXPECT_EQ(NameOf(first, true), NameOf(v4));
  // As ::ffff:127.0.0.1 in an AF_INET6 socket.
  AddressBytes raw;
  int32_t size = 28;
  EXPECT_EQ(SysGetPeerName(first, At(raw.bytes.data()), At(&size)), 0);
  EXPECT_EQ(size, 28);
  EXPECT_EQ(raw.bytes[18], std::byte{0xff});
  EXPECT_TRUE(NameOf(second, true).ip.kind == Ip::Kind::kV6Loopback);
  // The port is taken for IPv4 too, unless it is IPv6 only.
  const int other = Socket(kAfInet, kSockStream);
  EXPECT_EQ(Bind(other, V4(0, 6000)), kAddrInUse);
  const int only = Socket(kAfInet6, kSockStream);
  EXPECT_EQ(SetOption(only, kIpProtoIpv6, 26, 1), 0);
  EXPECT_EQ(Bind(only, V6(Ip::Kind::kV6Any, 6001)), 0);
  EXPECT_EQ(SysListen(only, 1), 0);
  EXPECT_EQ(Bind(other, V4(0, 6001)), 0);
  const int refused = Socket(kAfInet, kSockStream);
  EXPECT_EQ(Connect(refused, V4(kLocalhost, 6001)), kConnRefused);
}

TEST_F(TcpTest, WildcardMeansThisHost) {
  Listener(0, 6100);
  EXPECT_EQ(Connect(Socket(kAfInet, kSockStream), V4(0, 6100)), 0);
  EXPECT_EQ(Connect(Socket(kAfInet, kSockStream), V4(0x7f010203, 6100)), 0);
  const int own = Socket(kAfInet, kSockStream);
  EXPECT_EQ(Connect(own, V4(EBB_NET_GUEST, 6100)), 0);
  EXPECT_EQ(NameOf(own).ip.v4, EBB_NET_GUEST);
}

TEST_F(TcpTest, NotConnected) {
  const int fd = Socket(kAfInet, kSockStream | kSockNonblock);
  EXPECT_EQ(Receive(fd), std::to_string(kNotConn));
  EXPECT_EQ(Send(fd, "x"), kPipe);
  EXPECT_EQ(SysShutdown(fd, kShutRdWr), kNotConn);
  EXPECT_EQ(Accept(fd), kInval);
  EXPECT_EQ(Poll(fd), kEpollOut | kEpollHup);
  EXPECT_EQ(SysGetPeerName(fd, 8, 8), kNotConn);
  EXPECT_EQ(Accept(fd, 1), kInval);
  EXPECT_EQ(SysListen(77, 1), -9);
}

TEST_F(TcpTest, AcceptedSocketInheritsOptions) {
  const int listener = Listener(kLocalhost, 6200);
  EXPECT_EQ(SetOption(listener, kIpProtoTcp, 1, 1), 0);
  Connect(Socket(kAfInet, kSockStream), V4(kLocalhost, 6200));
  EXPECT_EQ(GetOption(Accept(listener), kIpProtoTcp, 1), 1);
}

TEST_F(TcpTest, ObserversHearOfReadiness) {
  struct Observer final : FileObserver {
    void OnReady(File&, uint32_t events) override { seen |= events; }
    uint32_t seen = 0;
  } observer;
  const auto [client, server] = ConnectedPair();
  (*fds().Get(server))->AddObserver(observer);
  Send(client, "x");
  EXPECT_NE(observer.seen & kEpollIn, 0u);
  observer.seen = 0;
  Close(client);
  EXPECT_NE(observer.seen & kEpollRdHup, 0u);
  observer.node.Unlink();
}

}  // namespace
}  // namespace ebb::test
