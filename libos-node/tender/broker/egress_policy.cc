// EgressPolicy: the table of what is not public, and the two virtual hosts of the guest's network.
#include "tender/broker/egress_policy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "abi/ebb_abi.h"

namespace ebb::tender {
namespace {

enum class Kind { kPrivate, kNever };

struct Range {
  uint32_t base;
  int bits;
  Kind kind;
};

constexpr uint32_t Ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) { return a << 24 | b << 16 | c << 8 | d; }

// IANA's special-purpose registry, plus the metadata services of clouds that sit at addresses which look public or
// private.
constexpr std::array kNotPublic = {
    Range{Ip(0, 0, 0, 0), 8, Kind::kNever},           // this network; 0.0.0.0 connects to the host itself
    Range{Ip(10, 0, 2, 0), 24, Kind::kNever},         // the guest's own virtual network
    Range{Ip(10, 0, 0, 0), 8, Kind::kPrivate},        //
    Range{Ip(100, 100, 100, 200), 32, Kind::kNever},  // metadata (Alibaba Cloud)
    Range{Ip(100, 64, 0, 0), 10, Kind::kPrivate},     // shared address space (CGNAT)
    Range{Ip(127, 0, 0, 0), 8, Kind::kNever},         // the host's loopback
    Range{Ip(168, 63, 129, 16), 32, Kind::kNever},    // platform services (Azure)
    Range{Ip(169, 254, 0, 0), 16, Kind::kNever},      // link-local; metadata is 169.254.169.254
    Range{Ip(172, 16, 0, 0), 12, Kind::kPrivate},     //
    Range{Ip(192, 0, 0, 0), 24, Kind::kNever},        // IETF protocol assignments; metadata (Oracle Cloud)
    Range{Ip(192, 0, 2, 0), 24, Kind::kNever},        // documentation
    Range{Ip(192, 88, 99, 0), 24, Kind::kNever},      // 6to4 relays, withdrawn
    Range{Ip(192, 168, 0, 0), 16, Kind::kPrivate},    //
    Range{Ip(198, 18, 0, 0), 15, Kind::kNever},       // benchmarking
    Range{Ip(198, 51, 100, 0), 24, Kind::kNever},     // documentation
    Range{Ip(203, 0, 113, 0), 24, Kind::kNever},      // documentation
    Range{Ip(224, 0, 0, 0), 4, Kind::kNever},         // multicast
    Range{Ip(240, 0, 0, 0), 4, Kind::kNever},         // reserved, and broadcast
};

constexpr bool Contains(const Range& range, uint32_t address) {
  return (address ^ range.base) >> (32 - range.bits) == 0;
}

}  // namespace

EgressPolicy::EgressPolicy(EgressRules rules) : rules_(std::move(rules)) {}

bool EgressPolicy::GatewayPort(uint16_t port) const {
  return std::ranges::find(rules_.gateway_ports, port) != rules_.gateway_ports.end();
}

bool EgressPolicy::AddressAllowed(uint32_t address) const {
  for (const Range& range : kNotPublic) {
    if (Contains(range, address) && (range.kind == Kind::kNever || !rules_.allow_private)) return false;
  }
  return std::ranges::find(rules_.host_addresses, address) == rules_.host_addresses.end();
}

std::optional<Endpoint> EgressPolicy::Translate(Endpoint guest) const {
  if (guest.port == 0) return std::nullopt;
  if (guest.address == EBB_NET_GATEWAY) {
    if (!GatewayPort(guest.port)) return std::nullopt;
    return Endpoint{Ip(127, 0, 0, 1), guest.port};
  }
  if (guest.address == EBB_NET_RESOLVER) {
    if (guest.port != 53 || rules_.resolvers.empty()) return std::nullopt;
    return rules_.resolvers.front();
  }
  if (!AddressAllowed(guest.address)) return std::nullopt;
  return guest;
}

std::optional<Endpoint> EgressPolicy::TranslateSource(Endpoint host) const {
  if (!rules_.resolvers.empty() && host == rules_.resolvers.front()) return Endpoint{EBB_NET_RESOLVER, 53};
  if (host.address == Ip(127, 0, 0, 1) && GatewayPort(host.port)) return Endpoint{EBB_NET_GATEWAY, host.port};
  if (!AddressAllowed(host.address)) return std::nullopt;
  return host;
}

}  // namespace ebb::tender
