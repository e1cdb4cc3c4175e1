// setsockopt and getsockopt.
#include "linux/net/test/world.h"

namespace ebb::test {
namespace {

using namespace linux_abi;

struct OptionsTest : testing::Test {
  World world;
};

TEST_F(OptionsTest, KindAndState) {
  const int tcp = Socket(kAfInet6, kSockStream), udp = Socket(kAfInet, kSockDgram),
            unix_stream = Socket(kAfUnix, kSockStream);
  EXPECT_EQ(GetOption(tcp, kSolSocket, kSoType), kSockStream);
  EXPECT_EQ(GetOption(tcp, kSolSocket, kSoDomain), kAfInet6);
  EXPECT_EQ(GetOption(tcp, kSolSocket, kSoProtocol), 6);
  EXPECT_EQ(GetOption(udp, kSolSocket, kSoProtocol), 17);
  EXPECT_EQ(GetOption(unix_stream, kSolSocket, kSoDomain), kAfUnix);
  EXPECT_EQ(GetOption(tcp, kSolSocket, kSoAcceptConn), 0);
  EXPECT_EQ(SysListen(tcp, 1), 0);
  EXPECT_EQ(GetOption(tcp, kSolSocket, kSoAcceptConn), 1);
}

TEST_F(OptionsTest, RememberedAndChecked) {
  const int fd = Socket(kAfInet, kSockStream);
  EXPECT_EQ(GetOption(fd, kIpProtoTcp, 1), 0);
  EXPECT_EQ(SetOption(fd, kIpProtoTcp, 1, 7), 0);
  EXPECT_EQ(GetOption(fd, kIpProtoTcp, 1), 1);
  EXPECT_EQ(SetOption(fd, kIpProtoTcp, 4, 60), 0);
  EXPECT_EQ(GetOption(fd, kIpProtoTcp, 4), 60);
  EXPECT_EQ(SetOption(fd, kIpProtoTcp, 4, 0), -22);
  EXPECT_EQ(SetOption(fd, kSolSocket, kSoRcvBuf, 100'000), 0);
  EXPECT_EQ(GetOption(fd, kSolSocket, kSoRcvBuf), 200'000);
  EXPECT_EQ(GetOption(fd, kSolSocket, kSoSndBuf), 212'992);
  EXPECT_EQ(SetOption(fd, kIpProtoTcp, 999, 1), -92);
  EXPECT_EQ(GetOption(fd, kSolSocket, 12345), -92);
  EXPECT_EQ(SetOption(fd, kIpProtoIpv6, 26, 1), -92);
  EXPECT_EQ(SetOption(Socket(kAfInet, kSockDgram), kIpProtoTcp, 1, 1), -92);
  EXPECT_EQ(SetOption(Socket(kAfUnix, kSockStream), kIpProtoTcp, 1, 1), -92);
}

TEST_F(OptionsTest, SizesAndPointers) {
  const int fd = Socket(kAfInet, kSockDgram);
  int32_t value = 1;
  EXPECT_EQ(SysSetSockOpt(fd, kSolSocket, kSoReuseAddr, At(&value), 2), -22);
  EXPECT_EQ(SysSetSockOpt(fd, kSolSocket, kSoReuseAddr, 16, 4), -14);
  EXPECT_EQ(SysSetSockOpt(fd, kSolSocket, kSoReuseAddr, At(&value), UINT32_MAX), -22);
  // IP options come as one byte, too.
  const uint8_t ttl = 9;
  EXPECT_EQ(SysSetSockOpt(fd, kIpProtoIp, 33, At(&ttl), 1), 0);
  EXPECT_EQ(GetOption(fd, kIpProtoIp, 33), 9);
  char small[2] = {0x55, 0x55};
  int32_t size = 1;
  EXPECT_EQ(SysGetSockOpt(fd, kSolSocket, kSoType, At(small), At(&size)), 0);
  EXPECT_EQ(size, 1);
  EXPECT_EQ(small[0], kSockDgram);
  EXPECT_EQ(small[1], 0x55);
  size = -1;
  EXPECT_EQ(SysGetSockOpt(fd, kSolSocket, kSoType, At(small), At(&size)), -22);
  EXPECT_EQ(SysGetSockOpt(fd, kSolSocket, kSoType, At(small), 8), -14);
}

TEST_F(OptionsTest, SocketKinds) {
  EXPECT_EQ(Socket(99, kSockStream), -97);
  EXPECT_EQ(Socket(kAfInet, kSockRaw), -1);
  EXPECT_EQ(Socket(kAfInet, 9), -94);
  EXPECT_EQ(SysSocket(kAfInet, kSockStream, 17), -93);
  EXPECT_EQ(SysSocket(kAfInet, kSockStream | 0x100000, 0), -22);
  EXPECT_EQ(Socket(kAfUnix, kSockSeqPacket), -94);
  EXPECT_EQ(world.open_descriptors(), 0u);
}

TEST_F(OptionsTest, FileFace) {
  const auto [client, server] = ConnectedPair();
  auto file = *fds().Get(client);
  LinuxStat stat;
  EXPECT_TRUE(file->Stat(stat).ok());
  EXPECT_EQ(stat.mode & kSIfMt, kSIfSock);
  int32_t on = 0;
  EXPECT_TRUE(file->nonblocking());
  EXPECT_TRUE(file->Ioctl(kFionBio, At(&on)).ok());
  EXPECT_FALSE(file->nonblocking());
  EXPECT_EQ(file->Ioctl(0x5401, 0).error(), Errno::kNotTty);
  EXPECT_EQ(file->Seek(0, 0).error(), Errno::kSPipe);
  EXPECT_TRUE(file->Pollable());
  const std::string text = "written";
  EXPECT_EQ(*file->Write(std::as_bytes(std::span(text))), 7u);
  std::byte buffer[16];
  EXPECT_EQ(*(*fds().Get(server))->Read(buffer), 7u);
}

}  // namespace
}  // namespace ebb::test
