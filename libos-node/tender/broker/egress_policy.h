// EgressPolicy: which host address a guest's outbound operation may reach, and which address that is.
//
// The decision is made on the numeric address that is connected, never on a name: a name that resolves to something
// else later (rebinding) changes nothing. What is not known to be public is denied. IPv4 only: the ring carries no IPv6
// address.
#ifndef EBB_TENDER_BROKER_EGRESS_POLICY_H_
#define EBB_TENDER_BROKER_EGRESS_POLICY_H_

#include <cstdint>
#include <optional>
#include <vector>

namespace ebb::tender {

// Host byte order.
struct Endpoint {
  uint32_t address = 0;
  uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
};

struct EgressRules {
  // Ports of the host's 127.0.0.1 that the guest reaches as 10.0.2.2:port.
  std::vector<uint16_t> gateway_ports;
  // Also RFC 1918 and shared (CGNAT) addresses. Loopback, link-local (cloud metadata) and the host's own addresses stay
  // denied.
  bool allow_private = false;
  // The host's resolvers, IPv4; the first one is what 10.0.2.3:53 means. May be private or loopback addresses.
  std::vector<Endpoint> resolvers;
  // Addresses of this host's interfaces: services bound to 0.0.0.0 must not be reached through them. The gateway is the
  // way to the host.
  std::vector<uint32_t> host_addresses;
};

class EgressPolicy {
 public:
  explicit EgressPolicy(EgressRules rules);

  // The host endpoint behind the guest's (address, port), or nothing when it is denied.
  std::optional<Endpoint> Translate(Endpoint guest) const;

  // What a datagram from the host endpoint looks like to the guest; nothing when the guest could not have sent to it.
  std::optional<Endpoint> TranslateSource(Endpoint host) const;

  // May be reached without being a resolver or a gateway port.
  bool AddressAllowed(uint32_t address) const;

 private:
  bool GatewayPort(uint16_t port) const;

  EgressRules rules_;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_BROKER_EGRESS_POLICY_H_
