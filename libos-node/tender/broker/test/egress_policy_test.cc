// The policy's table: edges of every range, the two virtual hosts, and what a private network may open.
#include "tender/broker/egress_policy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include "abi/ebb_abi.h"

namespace ebb::tender {
namespace {

uint32_t Ip(const char* text) {
  in_addr address{};
  EXPECT_EQ(inet_pton(AF_INET, text, &address), 1) << text;
  return ntohl(address.s_addr);
}

struct Case {
  const char* address;
  bool allowed;
  bool allowed_with_private;
};

// Neighbours of each range stand beside its edges.
constexpr Case kCases[] = {
    {"0.0.0.0", false, false},         {"0.255.255.255", false, false},   {"1.0.0.0", true, true},
    {"9.255.255.255", true, true},     {"10.0.0.0", false, true},         {"10.255.255.255", false, true},
    {"11.0.0.0", true, true},          {"10.0.1.255", false, true},       {"10.0.2.0", false, false},
    {"10.0.2.15", false, false},       {"10.0.2.255", false, false},      {"10.0.3.0", false, true},
    {"100.63.255.255", true, true},    {"100.64.0.0", false, true},       {"100.127.255.255", false, true},
    {"100.128.0.0", true, true},       {"100.100.100.200", false, false}, {"126.255.255.255", true, true},
    {"127.0.0.0", false, false},       {"127.0.0.1", false, false},       {"127.255.255.255", false, false},
    {"128.0.0.0", true, true},         {"168.63.129.16", false, false},   {"168.63.129.17", true, true},
    {"169.253.255.255", true, true},   {"169.254.0.0", false, false},     {"169.254.169.254", false, false},
    {"169.254.255.255", false, false}, {"169.255.0.0", true, true},       {"172.15.255.255", true, true},
    {"172.16.0.0", false, true},       {"172.31.255.255", false, true},   {"172.32.0.0", true, true},
    {"191.255.255.255", true, true},   {"192.0.0.0", false, false},       {"192.0.0.192", false, false},
    {"192.0.0.255", false, false},     {"192.0.1.0", true, true},         {"192.0.2.1", false, false},
    {"192.0.3.0", true, true},         {"192.88.99.1", false, false},     {"192.88.100.0", true, true},
    {"192.167.255.255", true, true},   {"192.168.0.0", false, true},      {"192.168.255.255", false, true},
    {"192.169.0.0", true, true},       {"198.17.255.255", true, true},    {"198.18.0.0", false, false},
    {"198.19.255.255", false, false},  {"198.20.0.0", true, true},        {"198.51.100.7", false, false},
    {"203.0.113.7", false, false},     {"203.0.114.0", true, true},       {"223.255.255.255", true, true},
    {"224.0.0.0", false, false},       {"239.255.255.255", false, false}, {"240.0.0.0", false, false},
    {"255.255.255.255", false, false}, {"8.8.8.8", true, true},
};

TEST(EgressPolicyTest, AddressTable) {
  const EgressPolicy strict({});
  EgressRules rules;
  rules.allow_private = true;
  const EgressPolicy open(rules);
  for (const Case& c : kCases) {
    EXPECT_EQ(strict.AddressAllowed(Ip(c.address)), c.allowed) << c.address;
    EXPECT_EQ(open.AddressAllowed(Ip(c.address)), c.allowed_with_private) << c.address;
    EXPECT_EQ(strict.Translate({Ip(c.address), 443}).has_value(), c.allowed) << c.address;
  }
}

TEST(EgressPolicyTest, HostsOwnAddressesAreDeniedEvenWhenPublicOrOpened) {
  EgressRules rules;
  rules.allow_private = true;
  rules.host_addresses = {Ip("8.8.4.4"), Ip("192.168.1.5")};
  const EgressPolicy policy(rules);
  EXPECT_FALSE(policy.Translate({Ip("8.8.4.4"), 80}));
  EXPECT_FALSE(policy.Translate({Ip("192.168.1.5"), 80}));
  EXPECT_TRUE(policy.Translate({Ip("192.168.1.6"), 80}));
}

TEST(EgressPolicyTest, GatewayIsTheHostsLoopbackForItsPorts) {
  EgressRules rules;
  rules.gateway_ports = {3233, 5984};
  const EgressPolicy policy(rules);
  EXPECT_EQ(policy.Translate({EBB_NET_GATEWAY, 3233}), (Endpoint{Ip("127.0.0.1"), 3233}));
  EXPECT_EQ(policy.Translate({EBB_NET_GATEWAY, 5984}), (Endpoint{Ip("127.0.0.1"), 5984}));
  EXPECT_FALSE(policy.Translate({EBB_NET_GATEWAY, 22}));
  EXPECT_FALSE(policy.Translate({EBB_NET_GATEWAY, 0}));
  EXPECT_FALSE(policy.Translate({Ip("127.0.0.1"), 3233}));
  EXPECT_EQ(policy.TranslateSource({Ip("127.0.0.1"), 3233}), (Endpoint{EBB_NET_GATEWAY, 3233}));
  EXPECT_FALSE(policy.TranslateSource({Ip("127.0.0.1"), 3234}));
}

TEST(EgressPolicyTest, ResolverIsReachedAtPort53Only) {
  EgressRules rules;
  rules.resolvers = {{Ip("127.0.0.53"), 53}, {Ip("192.168.1.1"), 53}};
  const EgressPolicy policy(rules);
  EXPECT_EQ(policy.Translate({EBB_NET_RESOLVER, 53}), (Endpoint{Ip("127.0.0.53"), 53}));
  EXPECT_FALSE(policy.Translate({EBB_NET_RESOLVER, 80}));
  EXPECT_FALSE(policy.Translate({Ip("127.0.0.53"), 53}));
  EXPECT_FALSE(policy.Translate({Ip("192.168.1.1"), 53}));
  EXPECT_EQ(policy.TranslateSource({Ip("127.0.0.53"), 53}), (Endpoint{EBB_NET_RESOLVER, 53}));
  EXPECT_FALSE(policy.TranslateSource({Ip("127.0.0.53"), 54}));
  EXPECT_FALSE(EgressPolicy({}).Translate({EBB_NET_RESOLVER, 53}));
}

}  // namespace
}  // namespace ebb::tender
