// resolv.conf, and the listener's file.
#include "tender/broker/host_network.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tender/broker/broker.h"
#include "tender/broker/test/fake_guest.h"

namespace ebb::tender {
namespace {

TEST(HostNetworkTest, ParsesResolvConf) {
  const auto resolvers = ParseResolvers(
      "# nameserver 9.9.9.9\n"
      "search example.org\n"
      "nameserver 10.255.255.53\n"
      "nameserver\t127.0.0.53  # local\n"
      "nameserver fe80::1%eth0\n"
      "nameserver 1.2.3\n"
      "options edns0");
  ASSERT_EQ(resolvers.size(), 2u);
  EXPECT_EQ(resolvers[0], (Endpoint{0x0affff35, 53}));
  EXPECT_EQ(resolvers[1], (Endpoint{0x7f000035, 53}));
  EXPECT_TRUE(ParseResolvers("").empty());
}

TEST(HostNetworkTest, KnowsTheHostsOwnAddresses) {
  OwnAddresses own;
  ASSERT_TRUE(own.Open());
  BrokerConfig config;
  ReadHostNetwork(config);
  for (int round = 0; round < 2; ++round) {
    for (const uint32_t address : config.egress.host_addresses) EXPECT_TRUE(own.Contains(address)) << address;
    EXPECT_FALSE(own.Contains(0x08080808));
  }
}

TEST(HostNetworkTest, HostNetworkHasAResolverAndItsLoopback) {
  BrokerConfig config;
  ReadHostNetwork(config);
  EXPECT_FALSE(config.egress.resolvers.empty());
  EXPECT_NE(std::find(config.egress.host_addresses.begin(), config.egress.host_addresses.end(), 0x7f000001u),
            config.egress.host_addresses.end());
}

TEST(HostNetworkTest, UnixListenerReplacesAStaleSocketOnly) {
  const TemporaryFolder folder;
  const std::string path = folder.path + "/s";
  {
    auto first = UnixListener::Create(path);
    ASSERT_TRUE(first.ok());
    // Alive: not taken over.
    EXPECT_FALSE(UnixListener::Create(path).ok());
  }
  struct stat info{};
  EXPECT_NE(stat(path.c_str(), &info), 0);  // unlinked

  // Left behind by a process that died.
  {
    UniqueFd dead(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_TRUE(UnixListener::Create(path).ok());

  // A file of somebody else is left alone.
  std::ofstream(path) << "data";
  const auto refused = UnixListener::Create(path);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kSocket);
  EXPECT_EQ(stat(path.c_str(), &info), 0);
  unlink(path.c_str());
  EXPECT_FALSE(UnixListener::Create(folder.path + "/" + std::string(120, 'x')).ok());
}

}  // namespace
}  // namespace ebb::tender
