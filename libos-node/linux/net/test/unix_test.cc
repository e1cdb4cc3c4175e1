// AF_UNIX: pairs, names, datagrams.
#include "linux/net/test/world.h"

namespace ebb::test {
namespace {

using namespace linux_abi;

AddressBytes UnixName(std::string_view path) {
  AddressBytes name;
  name.bytes[0] = std::byte{1};
  std::memcpy(name.bytes.data() + 2, path.data(), path.size());
  name.size = 2 + path.size();
  return name;
}

struct UnixTest : testing::Test {
  World world;

  Pair MakePair(int type) {
    int32_t out[2] = {-1, -1};
    EXPECT_EQ(SysSocketPair(kAfUnix, type, 0, At(out)), 0);
    return {out[0], out[1]};
  }
};

TEST_F(UnixTest, StreamPair) {
  const auto [a, b] = MakePair(kSockStream | kSockNonblock);
  EXPECT_EQ(Send(a, "one"), 3);
  EXPECT_EQ(Send(a, "two"), 3);
  EXPECT_EQ(Receive(b), "onetwo");
  EXPECT_EQ(Receive(b), "-11");
  EXPECT_EQ(Send(b, "unread"), 6);
  Close(a);
  // The other end left bytes unread.
  EXPECT_EQ(Receive(b), "-104");
  EXPECT_EQ(Receive(b), "");
  EXPECT_EQ(Send(b, "x"), -32);
  EXPECT_EQ(SysSocketPair(kAfInet, kSockStream, 0, At(&world)), -95);
}

TEST_F(UnixTest, NamesArePathsOrAbstract) {
  const int path = Socket(kAfUnix, kSockStream), abstract = Socket(kAfUnix, kSockStream);
  EXPECT_EQ(Bind(path, UnixName("/run/app.sock")), 0);
  EXPECT_EQ(Bind(abstract, UnixName(std::string_view("\0app", 4))), 0);
  EXPECT_EQ(Bind(abstract, UnixName("/other")), -22);
  const int other = Socket(kAfUnix, kSockStream);
  // With or without the terminating NUL.
  EXPECT_EQ(Bind(other, UnixName(std::string_view("/run/app.sock\0junk", 18))), -98);
  EXPECT_EQ(Connect(other, UnixName("/run/app.sock")), -111);
  EXPECT_EQ(SysListen(path, 1), 0);
  EXPECT_EQ(SysListen(abstract, 1), 0);
  EXPECT_EQ(Connect(other, UnixName("/nowhere")), -2);
  EXPECT_EQ(Connect(other, UnixName(std::string_view("\0nowhere", 8))), -111);
  EXPECT_EQ(Connect(other, UnixName("/run/app.sock")), 0);
  EXPECT_EQ(Connect(Socket(kAfUnix, kSockStream), UnixName(std::string_view("\0app", 4))), 0);
  const int server = Accept(path);
  EXPECT_EQ(Send(other, "hi"), 2);
  EXPECT_EQ(Receive(server), "hi");
  char name[128];
  int32_t size = sizeof name;
  EXPECT_EQ(SysGetPeerName(other, At(name), At(&size)), 0);
  EXPECT_STREQ(name + 2, "/run/app.sock");
  EXPECT_EQ(size, 2 + 14);
  size = sizeof name;
  EXPECT_EQ(SysGetPeerName(server, At(name), At(&size)), 0);
  EXPECT_EQ(size, 2);
  // Closing frees an abstract name; a path stays, and refuses.
  Close(path);
  Close(abstract);
  EXPECT_EQ(Bind(Socket(kAfUnix, kSockStream), UnixName("/run/app.sock")), -98);
  EXPECT_EQ(Connect(Socket(kAfUnix, kSockStream), UnixName("/run/app.sock")), -111);
  EXPECT_EQ(Bind(Socket(kAfUnix, kSockStream), UnixName(std::string_view("\0app", 4))), 0);
}

TEST_F(UnixTest, AutobindGivesAnAbstractName) {
  const int fd = Socket(kAfUnix, kSockDgram);
  EXPECT_EQ(Bind(fd, UnixName("")), 0);
  char name[128];
  int32_t size = sizeof name;
  EXPECT_EQ(SysGetSockName(fd, At(name), At(&size)), 0);
  EXPECT_EQ(size, 8);
  EXPECT_EQ(name[2], '\0');
}

TEST_F(UnixTest, FullBacklogIsEagainOrWaits) {
  const int listener = Socket(kAfUnix, kSockStream);
  EXPECT_EQ(Bind(listener, UnixName("/full")), 0);
  EXPECT_EQ(SysListen(listener, 0), 0);
  EXPECT_EQ(Connect(Socket(kAfUnix, kSockStream), UnixName("/full")), 0);
  EXPECT_EQ(Connect(Socket(kAfUnix, kSockStream | kSockNonblock), UnixName("/full")), -11);
  world.meanwhile = [&] {
    world.meanwhile = nullptr;
    EXPECT_GE(Accept(listener), 0);
  };
  EXPECT_EQ(Connect(Socket(kAfUnix, kSockStream), UnixName("/full")), 0);
}

TEST_F(UnixTest, DatagramPairKeepsBordersAndIsReliable) {
  const auto [a, b] = MakePair(kSockDgram | kSockNonblock);
  EXPECT_EQ(Send(a, "one"), 3);
  EXPECT_EQ(Send(a, "two"), 3);
  EXPECT_EQ(Receive(b), "one");
  EXPECT_EQ(Receive(b), "two");
  const std::string block(10'000, 'd');
  int sent = 0;
  while (Send(a, block) == 10'000) ++sent;
  EXPECT_EQ(Send(a, block), -11);
  EXPECT_EQ(Poll(a) & kEpollOut, kEpollOut);  // a small one would fit
  struct Observer final : FileObserver {
    void OnReady(File&, uint32_t events) override { seen |= events; }
    uint32_t seen = 0;
  } observer;
  (*fds().Get(a))->AddObserver(observer);
  EXPECT_EQ(Receive(b).size(), block.size());
  EXPECT_NE(observer.seen & kEpollOut, 0u);
  observer.node.Unlink();
  EXPECT_EQ(Send(a, block), 10'000);
  int received = 0;
  while (Receive(b).size() == block.size()) ++received;
  EXPECT_EQ(received, sent);
  EXPECT_EQ(Send(a, std::string(1'000'000, 'x')), -90);
  Close(b);
  EXPECT_EQ(Send(a, "x"), -111);
  EXPECT_EQ(Send(a, "x"), -107);
}

TEST_F(UnixTest, DatagramByName) {
  const int server = Socket(kAfUnix, kSockDgram | kSockNonblock), client = Socket(kAfUnix, kSockDgram | kSockNonblock);
  EXPECT_EQ(Bind(server, UnixName("/dev/log")), 0);
  EXPECT_EQ(Send(client, "x"), -107);
  EXPECT_EQ(Connect(client, UnixName("/dev/log")), 0);
  EXPECT_EQ(Send(client, "logged"), 6);
  EXPECT_EQ(Receive(server), "logged");
  EXPECT_EQ(Connect(Socket(kAfUnix, kSockStream), UnixName("/dev/log")), -91);
}

}  // namespace
}  // namespace ebb::test
