// PortTable and address parsing on their own.
#include <memory>

#include "linux/net/port_table.h"
#include "linux/net/test/world.h"

namespace ebb::test {
namespace {

using namespace linux_abi;

struct PortTableTest : testing::Test {
  World world;
  const int fd = Socket(kAfInet, kSockStream);
  linux_abi::Socket& owner = static_cast<linux_abi::Socket&>(*fds().Get(fd)->get());
  PortTable table;
};

TEST_F(PortTableTest, EphemeralPortsAreDistinctAndRunOut) {
  std::vector<std::unique_ptr<PortBinding>> bindings;
  std::vector<bool> seen(65536);
  for (int i = 0; i < 60999 - 32768 + 1; ++i) {
    bindings.push_back(std::make_unique<PortBinding>(owner));
    ASSERT_TRUE(table.Bind(*bindings.back(), {{Ip::Kind::kV4, kLocalhost}, 0}).ok());
    const uint16_t port = bindings.back()->name.port;
    ASSERT_GE(port, 32768);
    ASSERT_LE(port, 60999);
    ASSERT_FALSE(seen[port]);
    seen[port] = true;
  }
  PortBinding none(owner);
  EXPECT_EQ(table.Bind(none, {{Ip::Kind::kV4, kLocalhost}, 0}).error(), Errno::kAddrInUse);
  table.Release(*bindings[100]);
  EXPECT_TRUE(table.Bind(none, {{Ip::Kind::kV4, kLocalhost}, 0}).ok());
}

TEST_F(PortTableTest, TheMostSpecificBindingWins) {
  PortBinding any(owner), exact(owner), v6(owner);
  for (PortBinding* binding : {&any, &exact, &v6}) {
    binding->reuse_address = true;
  }
  ASSERT_TRUE(table.Bind(v6, {{Ip::Kind::kV6Any, 0}, 80}).ok());
  ASSERT_TRUE(table.Bind(any, {{}, 80}).ok());
  ASSERT_TRUE(table.Bind(exact, {{Ip::Kind::kV4, kLocalhost}, 80}).ok());
  EXPECT_EQ(table.Find({{Ip::Kind::kV4, kLocalhost}, 80}, false), &exact);
  EXPECT_EQ(table.Find({{Ip::Kind::kV4, 0x7f000002}, 80}, false), &any);
  EXPECT_EQ(table.Find({{Ip::Kind::kV6Loopback, 0}, 80}, false), &v6);
  EXPECT_EQ(table.Find({{Ip::Kind::kV4, kLocalhost}, 80}, true), nullptr);
  EXPECT_EQ(table.Find({{Ip::Kind::kV4, kLocalhost}, 81}, false), nullptr);
  table.Release(exact);
  table.Release(any);
  EXPECT_EQ(table.Find({{Ip::Kind::kV4, kLocalhost}, 80}, false), &v6);
}

TEST(AddressTest, ParsesAndFormats) {
  const AddressBytes v4 = FormatIpName(kAfInet, {{Ip::Kind::kV4, 0x01020304}, 0x1f90});
  const unsigned char expected[] = {2, 0, 0x1f, 0x90, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0};
  ASSERT_EQ(v4.size, sizeof expected);
  EXPECT_EQ(std::memcmp(v4.bytes.data(), expected, sizeof expected), 0);
  EXPECT_EQ(ParseIpName(kAfInet, v4.view().first(15)).error(), Errno::kInval);
  EXPECT_EQ(ParseIpName(kAfInet6, v4.view()).error(), Errno::kInval);
  EXPECT_EQ(AddressFamily({}).error(), Errno::kInval);
  // v4-mapped is IPv4, v4-compatible (::1.2.3.4) is not.
  const AddressBytes mapped = FormatIpName(kAfInet6, {{Ip::Kind::kV4, 0x01020304}, 80});
  EXPECT_EQ(*ParseIpName(kAfInet6, mapped.view()), (IpName{{Ip::Kind::kV4, 0x01020304}, 80}));
  AddressBytes compatible = mapped;
  compatible.bytes[18] = compatible.bytes[19] = std::byte{0};
  EXPECT_TRUE(ParseIpName(kAfInet6, compatible.view())->ip.kind == Ip::Kind::kV6Other);
  EXPECT_FALSE(IsLocal({Ip::Kind::kV6Other, 0}));
  EXPECT_TRUE(IsLocal({Ip::Kind::kV4, 0x7fffffff}));
  EXPECT_TRUE(IsLocal({Ip::Kind::kV4, EBB_NET_GUEST}));
  EXPECT_FALSE(IsLocal({Ip::Kind::kV4, EBB_NET_GATEWAY}));
}

}  // namespace
}  // namespace ebb::test
