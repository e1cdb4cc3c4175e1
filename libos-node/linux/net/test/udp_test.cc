// UDP inside the VM, and to the resolver outside.
#include <netinet/in.h>
#include <sys/socket.h>

#include "linux/net/test/world.h"
#include "tender/broker/host_network.h"

namespace ebb::test {
namespace {

using namespace linux_abi;
using tender::UniqueFd;

constexpr int64_t kAgain = -11;

int64_t SendTo(int fd, std::string_view text, const AddressBytes& to) {
  return SysSendTo(fd, At(text.data()), text.size(), 0, At(to.bytes.data()), static_cast<uint32_t>(to.size));
}

struct UdpTest : testing::Test {
  World world;
};

TEST_F(UdpTest, LocalDatagramsKeepBordersAndSenders) {
  const int server = Socket(kAfInet, kSockDgram | kSockNonblock), client = Socket(kAfInet, kSockDgram | kSockNonblock);
  EXPECT_EQ(Bind(server, V4(kLocalhost, 5353)), 0);
  EXPECT_EQ(SendTo(client, "one", V4(kLocalhost, 5353)), 3);
  EXPECT_EQ(SendTo(client, "", V4(kLocalhost, 5353)), 0);
  EXPECT_EQ(SendTo(client, "three", V4(kLocalhost, 5353)), 5);
  EXPECT_EQ(Poll(server), kEpollIn | kEpollOut);
  AddressBytes from;
  int32_t size = 16;
  char buffer[64];
  EXPECT_EQ(SysRecvFrom(server, At(buffer), 2, 0, At(from.bytes.data()), At(&size)), 2);  // the rest of "one" is lost
  from.size = static_cast<size_t>(size);
  EXPECT_EQ(ParseIpName(kAfInet, from.view())->port, NameOf(client).port);
  EXPECT_EQ(ParseIpName(kAfInet, from.view())->ip.v4, kLocalhost);
  EXPECT_EQ(Receive(server), "");
  int32_t pending = 0;
  EXPECT_TRUE((*fds().Get(server))->Ioctl(kFionRead, At(&pending)).ok());
  EXPECT_EQ(pending, 5);
  EXPECT_EQ(SysRecvFrom(server, At(buffer), 2, kMsgTrunc | kMsgPeek, 0, 0), 5);
  EXPECT_EQ(Receive(server), "three");
  EXPECT_EQ(Receive(server), std::to_string(kAgain));
  EXPECT_EQ(SendTo(
                server, "back",
                *[&] {
                  static AddressBytes name;
                  name = FormatIpName(kAfInet, {{Ip::Kind::kV4, kLocalhost}, NameOf(client).port});
                  return &name;
                }()),
            4);
  EXPECT_EQ(Receive(client), "back");
  EXPECT_EQ(world.enters(), 0u);
}

TEST_F(UdpTest, ConnectedSocketsFilterAndHearOfRefusal) {
  const int a = Socket(kAfInet, kSockDgram | kSockNonblock), b = Socket(kAfInet, kSockDgram | kSockNonblock),
            c = Socket(kAfInet, kSockDgram);
  EXPECT_EQ(Bind(a, V4(kLocalhost, 5400)), 0);
  EXPECT_EQ(Bind(b, V4(kLocalhost, 5401)), 0);
  EXPECT_EQ(Send(a, "x"), -89);
  EXPECT_EQ(Connect(a, V4(kLocalhost, 5401)), 0);
  EXPECT_EQ(SendTo(c, "stranger", V4(kLocalhost, 5400)), 8);
  EXPECT_EQ(SendTo(b, "peer", V4(kLocalhost, 5400)), 4);
  EXPECT_EQ(Receive(a), "peer");
  EXPECT_EQ(Receive(a), std::to_string(kAgain));
  Close(b);
  EXPECT_EQ(Send(a, "anyone?"), 7);
  EXPECT_EQ(Receive(a), "-111");
  const AddressBytes nobody = [] {
    AddressBytes name;
    name.size = 16;
    return name;
  }();
  EXPECT_EQ(Connect(a, nobody), 0);
  EXPECT_EQ(SysGetPeerName(a, 8, 8), -107);
}

TEST_F(UdpTest, ConnectTellsTheSourceAddress) {
  // What getaddrinfo's sorting does: connect a UDP socket and look at its name. Nothing is sent.
  const int fd = Socket(kAfInet, kSockDgram);
  EXPECT_EQ(Connect(fd, V4(0x08080808, 53)), 0);
  EXPECT_EQ(NameOf(fd).ip.v4, EBB_NET_GUEST);
  const int v6 = Socket(kAfInet6, kSockDgram);
  EXPECT_EQ(Connect(v6, V6(Ip::Kind::kV6Loopback, 53)), 0);
  AddressBytes global = V6(Ip::Kind::kV6Loopback, 53);
  global.bytes[8] = std::byte{0x20};
  EXPECT_EQ(Connect(v6, global), -101);
  world.Turn();
  EXPECT_EQ(world.broker().stats().submissions, 0u);
}

TEST_F(UdpTest, QueueIsBounded) {
  const int server = Socket(kAfInet, kSockDgram | kSockNonblock), client = Socket(kAfInet, kSockDgram);
  EXPECT_EQ(Bind(server, V4(kLocalhost, 5500)), 0);
  const std::string block(10'000, 'd');
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(SendTo(client, block, V4(kLocalhost, 5500)), 10'000);
  int kept = 0;
  while (Receive(server).size() == block.size()) ++kept;
  EXPECT_GT(kept, 10);
  EXPECT_LT(kept, 30);
  EXPECT_EQ(SendTo(client, std::string(70'000, 'x'), V4(kLocalhost, 5500)), -90);
}

struct UserMessages {
  struct Header {
    uint64_t name = 0;
    uint64_t name_size = 0;
    uint64_t buffers = 0;
    uint64_t count = 0;
    uint64_t control = 0;
    uint64_t control_size = 0;
    uint64_t flags = 0;
    uint32_t size = 0;
    uint32_t pad = 0;
  };
};

TEST_F(UdpTest, MultiMessageCalls) {
  const int server = Socket(kAfInet, kSockDgram), client = Socket(kAfInet, kSockDgram);
  EXPECT_EQ(Bind(server, V4(kLocalhost, 5600)), 0);
  EXPECT_EQ(Connect(client, V4(kLocalhost, 5600)), 0);
  UserMessages::Header out[2], in[4];
  IoVec buffers[2] = {{At("A question"), 10}, {At("AAAA question"), 13}};
  for (int i = 0; i < 2; ++i) {
    out[i].buffers = At(&buffers[i]);
    out[i].count = 1;
  }
  EXPECT_EQ(SysSendMMsg(client, At(out), 2, kMsgNoSignal), 2);
  EXPECT_EQ(out[0].size, 10u);
  EXPECT_EQ(out[1].size, 13u);
  char texts[4][32] = {};
  IoVec rooms[4];
  for (int i = 0; i < 4; ++i) {
    rooms[i] = {At(texts[i]), 31};
    in[i].buffers = At(&rooms[i]);
    in[i].count = 1;
  }
  // Blocking socket: the first is there, and WAITFORONE does not wait for more.
  EXPECT_EQ(SysRecvMMsg(server, At(in), 4, kMsgWaitForOne, 0), 2);
  EXPECT_STREQ(texts[1], "AAAA question");
  EXPECT_EQ(in[1].size, 13u);
  EXPECT_EQ(SysRecvMMsg(server, At(in), 4, kMsgDontWait, 0), kAgain);
}

TEST(UdpHostTest, ResolverAnswersThroughTheBroker) {
  UniqueFd resolver(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = tender::ToSockaddr({INADDR_LOOPBACK, 0});
  ASSERT_EQ(bind(resolver.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  getsockname(resolver.get(), reinterpret_cast<sockaddr*>(&address), &size);
  tender::EgressRules rules;
  rules.resolvers = {tender::FromSockaddr(address)};
  World world(rules);
  const int fd = Socket(kAfInet, kSockDgram | kSockNonblock);
  EXPECT_EQ(Connect(fd, V4(EBB_NET_RESOLVER, 53)), 0);
  // Both before the socket is there.
  EXPECT_EQ(Send(fd, "A?"), 2);
  EXPECT_EQ(Send(fd, "AAAA?"), 5);
  world.Turn();
  world.Turn();
  for (const char* question : {"A?", "AAAA?"}) {
    char buffer[64];
    sockaddr_in from{};
    size = sizeof from;
    const ssize_t got = recvfrom(resolver.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
    ASSERT_GT(got, 0);
    EXPECT_EQ(std::string(buffer, static_cast<size_t>(got)), question);
    const std::string answer = std::string(question) + " 192.0.2.1";
    ASSERT_GT(sendto(resolver.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size), 0);
  }
  ASSERT_TRUE(world.Until([&] { return (Poll(fd) & kEpollIn) != 0; }));
  EXPECT_EQ(Receive(fd), "A? 192.0.2.1");
  ASSERT_TRUE(world.Until([&] { return (Poll(fd) & kEpollIn) != 0; }));
  EXPECT_EQ(Receive(fd), "AAAA? 192.0.2.1");
  Close(fd);
  EXPECT_TRUE(world.Until([&] { return world.broker().stats().handles == 0; }));
}

TEST(UdpHostTest, PolicyDenialIsAnError) {
  World world;
  const int fd = Socket(kAfInet, kSockDgram | kSockNonblock);
  EXPECT_EQ(SendTo(fd, "x", V4(0xa9fea9fe, 53)), 1);
  ASSERT_TRUE(world.Until([&] { return (Poll(fd) & kEpollErr) != 0; }));
  EXPECT_EQ(SocketError(fd), 13);
  // Closed before it was open on the other side.
  const int early = Socket(kAfInet, kSockDgram);
  EXPECT_EQ(SendTo(early, "x", V4(0xa9fea9fe, 53)), 1);
  Close(early);
  Close(fd);
  EXPECT_TRUE(world.Until([&] { return world.broker().stats().denied == 2 && world.broker().stats().handles == 0; }));
}

}  // namespace
}  // namespace ebb::test
