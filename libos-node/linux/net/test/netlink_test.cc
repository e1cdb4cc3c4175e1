// The dumps that getifaddrs and getaddrinfo read.
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <map>

#include "linux/net/test/world.h"

namespace ebb::test {
namespace {

struct Dump {
  // Interface or address text by index, as the host's own headers decode it.
  std::multimap<int, std::string> entries;
  bool done = false;
  int error = 0;
};

Dump Ask(int fd, uint16_t type, uint8_t family = 0, uint16_t flags = NLM_F_REQUEST | NLM_F_DUMP) {
  struct {
    nlmsghdr header;
    rtgenmsg message;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.message);
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = flags;
  request.header.nlmsg_seq = 42;
  request.message.rtgen_family = family;
  EXPECT_EQ(linux_abi::SysSendTo(fd, At(&request), request.header.nlmsg_len, 0, 0, 0),
            static_cast<int64_t>(request.header.nlmsg_len));
  Dump dump;
  alignas(nlmsghdr) char buffer[8192];
  for (int i = 0; i < 10 && !dump.done && dump.error == 0; ++i) {
    const int64_t got = linux_abi::SysRecvFrom(fd, At(buffer), sizeof buffer, linux_abi::kMsgDontWait, 0, 0);
    if (got < 0) break;
    auto left = static_cast<unsigned>(got);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      EXPECT_EQ(header->nlmsg_seq, 42u);
      if (header->nlmsg_type == NLMSG_DONE) dump.done = true;
      if (header->nlmsg_type == NLMSG_ERROR) dump.error = static_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
      if (header->nlmsg_type == RTM_NEWLINK) {
        auto* link = static_cast<ifinfomsg*>(NLMSG_DATA(header));
        unsigned size = static_cast<unsigned>(IFLA_PAYLOAD(header));
        for (rtattr* at = IFLA_RTA(link); RTA_OK(at, size); at = RTA_NEXT(at, size)) {
          if (at->rta_type == IFLA_IFNAME) dump.entries.emplace(link->ifi_index, static_cast<char*>(RTA_DATA(at)));
          if (at->rta_type == IFLA_ADDRESS) {
            EXPECT_EQ(RTA_PAYLOAD(at), 6u);
          }
        }
        EXPECT_EQ(size, 0u);
      }
      if (header->nlmsg_type == RTM_NEWADDR) {
        auto* address = static_cast<ifaddrmsg*>(NLMSG_DATA(header));
        unsigned size = static_cast<unsigned>(IFA_PAYLOAD(header));
        for (rtattr* at = IFA_RTA(address); RTA_OK(at, size); at = RTA_NEXT(at, size)) {
          if (at->rta_type != IFA_ADDRESS) continue;
          std::string text;
          for (size_t b = 0; b < RTA_PAYLOAD(at); ++b)
            text += (b != 0 ? "." : "") + std::to_string(static_cast<unsigned char*>(RTA_DATA(at))[b]);
          dump.entries.emplace(static_cast<int>(address->ifa_index),
                               text + "/" + std::to_string(address->ifa_prefixlen));
        }
        EXPECT_EQ(size, 0u);
      }
    }
  }
  return dump;
}

int Open() {
  const int fd = static_cast<int>(linux_abi::SysSocket(linux_abi::kAfNetlink, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  sockaddr_nl name{};
  name.nl_family = AF_NETLINK;
  EXPECT_EQ(linux_abi::SysBind(fd, At(&name), sizeof name), 0);
  uint32_t size = sizeof name;
  EXPECT_EQ(linux_abi::SysGetSockName(fd, At(&name), At(&size)), 0);
  EXPECT_NE(name.nl_pid, 0u);
  return fd;
}

TEST(NetlinkTest, DumpsLinksAndAddresses) {
  World world;
  const int fd = Open();
  const Dump links = Ask(fd, RTM_GETLINK);
  EXPECT_TRUE(links.done);
  EXPECT_EQ(links.entries, (std::multimap<int, std::string>{{1, "lo"}, {2, "eth0"}}));
  const Dump all = Ask(fd, RTM_GETADDR);
  EXPECT_TRUE(all.done);
  EXPECT_EQ(all.entries.size(), 3u);
  EXPECT_EQ(Ask(fd, RTM_GETADDR, AF_INET).entries,
            (std::multimap<int, std::string>{{1, "127.0.0.1/8"}, {2, "10.0.2.15/24"}}));
  EXPECT_EQ(Ask(fd, RTM_GETADDR, AF_INET6).entries,
            (std::multimap<int, std::string>{{1, "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1/128"}}));
}

TEST(NetlinkTest, WithoutANetworkThereIsLoOnly) {
  World world({}, true);
  const int fd = Open();
  EXPECT_EQ(Ask(fd, RTM_GETLINK).entries, (std::multimap<int, std::string>{{1, "lo"}}));
  EXPECT_EQ(Ask(fd, RTM_GETADDR, AF_INET).entries.size(), 1u);
}

TEST(NetlinkTest, EverythingElseIsRefused) {
  World world;
  const int fd = Open();
  EXPECT_EQ(Ask(fd, RTM_GETROUTE).error, -EOPNOTSUPP);
  EXPECT_EQ(Ask(fd, RTM_DELLINK, 0, NLM_F_REQUEST).error, -EOPNOTSUPP);
  EXPECT_EQ(linux_abi::SysSocket(linux_abi::kAfNetlink, SOCK_RAW, 15), -EPROTONOSUPPORT);
  const char junk[40] = {4, 0, 0, 0};
  EXPECT_EQ(linux_abi::SysSendTo(fd, At(junk), sizeof junk, 0, 0, 0), 40);
  EXPECT_EQ(Receive(fd, 100, linux_abi::kMsgDontWait), "-11");
}

}  // namespace
}  // namespace ebb::test
