// PortTable: who holds which local address and port of one protocol. It gives out ephemeral ports and finds the socket
// that a connection or datagram is for.
#pragma once

#include <cstdint>

#include "kernel/intrusive_list.h"
#include "kernel/result.h"
#include "linux/net/address.h"

namespace ebb::linux_abi {

class Socket;

// Member of a socket that can be bound. The flags are kept up to date by their owner.
struct PortBinding {
  explicit PortBinding(Socket& socket) : owner(socket) {}

  bool bound() const { return name.port != 0; }

  Socket& owner;
  IpName name;
  bool v6_only = false;
  bool reuse_address = false;
  bool reuse_port = false;
  bool listening = false;
  ListNode node;
};

class PortTable {
 public:
  // Port 0 takes an ephemeral one. EADDRINUSE on a conflict (Linux's rules of SO_REUSEADDR and SO_REUSEPORT).
  Result<> Bind(PortBinding& binding, IpName name);
  void Release(PortBinding& binding);
  // Another socket that listens on an overlapping address: EADDRINUSE at listen().
  bool ListenConflict(const PortBinding& binding) const;
  // The best match for traffic to `to`; among equals the one bound last. `listening`: only those.
  PortBinding* Find(IpName to, bool listening) const;
  // Calls f(binding) for each one on the port.
  template <class F>
  void ForEach(uint16_t port, F f) const {
    Bucket(port).ForEach([&](PortBinding& binding) {
      if (binding.name.port == port) f(binding);
    });
  }

 private:
  static constexpr uint32_t kBuckets = 256;
  static constexpr uint32_t kFirstEphemeral = 32768, kLastEphemeral = 60999;
  using List = IntrusiveList<PortBinding, &PortBinding::node>;

  const List& Bucket(uint16_t port) const { return buckets_[port % kBuckets]; }
  bool Conflict(const PortBinding& binding, IpName name) const;

  List buckets_[kBuckets];
  uint32_t next_ephemeral_ = 0;
};

PortTable& tcp_ports();
PortTable& udp_ports();

}  // namespace ebb::linux_abi
