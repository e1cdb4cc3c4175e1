// PortTable: overlap rules, ephemeral ports, lookup.
#include "linux/net/port_table.h"

#include "kernel/random.h"

namespace ebb::linux_abi {
namespace {

// Both could receive the same traffic.
bool Overlap(const PortBinding& a, Ip b, bool b_v6_only) {
  const Ip ip = a.name.ip;
  if (ip.v6() && b.v6()) return ip == b || ip.any() || b.any();
  if (!ip.v6() && !b.v6()) return ip == b || ip.any() || b.any();
  // One of each: only a dual-stack wildcard reaches over.
  return ip.v6() ? ip.any() && !a.v6_only : b.any() && !b_v6_only;
}

// How well a binding fits a destination: 0 not at all.
int Score(const PortBinding& binding, IpName to) {
  const Ip ip = binding.name.ip;
  if (binding.name.port != to.port) return 0;
  if (ip == to.ip) return 3;
  if (!ip.any()) return 0;
  if (ip.v6() == to.ip.v6()) return 2;
  return ip.v6() && !binding.v6_only ? 1 : 0;
}

}  // namespace

bool PortTable::Conflict(const PortBinding& binding, IpName name) const {
  bool conflict = false;
  ForEach(name.port, [&](PortBinding& other) {
    if (&other == &binding || !Overlap(other, name.ip, binding.v6_only)) return;
    if (binding.reuse_address && other.reuse_address && !other.listening) return;
    if (binding.reuse_port && other.reuse_port) return;
    conflict = true;
  });
  return conflict;
}

Result<> PortTable::Bind(PortBinding& binding, IpName name) {
  if (name.port != 0) {
    if (Conflict(binding, name)) return Errno::kAddrInUse;
  } else {
    constexpr uint32_t kCount = kLastEphemeral - kFirstEphemeral + 1;
    if (next_ephemeral_ == 0) random().Fill(std::as_writable_bytes(std::span(&next_ephemeral_, 1)));
    for (uint32_t tries = 0; name.port == 0; ++tries) {
      if (tries == kCount) return Errno::kAddrInUse;
      const auto port = static_cast<uint16_t>(kFirstEphemeral + next_ephemeral_++ % kCount);
      // An ephemeral port is nobody else's, whatever the reuse options.
      bool taken = false;
      ForEach(port, [&](PortBinding&) { taken = true; });
      if (!taken) name.port = port;
    }
  }
  binding.name = name;
  buckets_[name.port % kBuckets].PushFront(binding);
  return Ok{};
}

void PortTable::Release(PortBinding& binding) {
  binding.node.Unlink();
  binding.name = {};
  binding.listening = false;
}

bool PortTable::ListenConflict(const PortBinding& binding) const {
  bool conflict = false;
  ForEach(binding.name.port, [&](PortBinding& other) {
    if (&other == &binding || !other.listening || !Overlap(other, binding.name.ip, binding.v6_only)) return;
    if (!(binding.reuse_port && other.reuse_port)) conflict = true;
  });
  return conflict;
}

PortBinding* PortTable::Find(IpName to, bool listening) const {
  PortBinding* best = nullptr;
  int best_score = 0;
  ForEach(to.port, [&](PortBinding& binding) {
    if (listening && !binding.listening) return;
    const int score = Score(binding, to);
    if (score > best_score) {
      best = &binding;
      best_score = score;
    }
  });
  return best;
}

// Never destroyed: the kernel has no exit handlers.
PortTable& tcp_ports() {
  static auto* table = new PortTable;
  return *table;
}

PortTable& udp_ports() {
  static auto* table = new PortTable;
  return *table;
}

}  // namespace ebb::linux_abi
