// Broker: the host side of a VM's rings (abi/ebb_abi.h). It holds the VM's sockets, applies the egress policy and hands
// log records on.
//
// One per VM, single-threaded: all calls come from one thread at a time (the tender's own thread under KVM, the broker
// process under the process tender). Every ring entry is hostile: it is fetched once, then checked, then used. Nothing
// that the guest does makes a queue grow without bound: submissions are left in the ring while completions are held
// back or too much is in flight. Waking a guest that sleeps is the backend's job: when Submit or Poll returns true it
// looks at ebb_core_shared.waiting.
//
// System calls made after Create (for a seccomp filter): epoll_pwait2 (or epoll_wait), epoll_ctl, socket(AF_INET,
// STREAM|DGRAM), connect, accept4, sendto, recvfrom, shutdown, setsockopt, getsockopt, close, read, timerfd_settime,
// clock_gettime, and unlink when it is destroyed.
//
// Leaves out: IPv6 (the ring carries IPv4 only).
#ifndef EBB_TENDER_BROKER_BROKER_H_
#define EBB_TENDER_BROKER_BROKER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "abi/ebb_abi.h"
#include "tender/broker/egress_policy.h"
#include "tender/report.h"
#include "tender/result.h"

namespace ebb::tender {

// The guest port of the action contract: the VM is ready when the guest listens there.
inline constexpr uint16_t kServicePort = 8080;

// A TCP port of the guest that the host can reach: who connects to `host` is accepted by the guest's listener.
struct ExposedPort {
  uint16_t guest_port = 0;
  Endpoint host;  // port 0 takes a free one
};

inline constexpr uint32_t kMostSockets = 384;

struct BrokerConfig {
  // Unix socket (mode 0600) for the guest's port 8080; empty: none. It is bound by Create: connections that come before
  // the guest listens wait in its backlog. Unlinked by the destructor, when it is still the same file.
  std::string unix_path;
  // TCP port on 127.0.0.1 for the same; 0 takes a free one (see Broker::tcp_port()).
  std::optional<uint16_t> tcp_port;
  // Further ports of the guest. Whether the address may be one that other machines reach is the caller's to decide.
  std::vector<ExposedPort> exposed;

  EgressRules egress;

  // Sockets at once: so many that each can have a receive buffer in the data area. Each may hold some megabytes of the
  // host's kernel memory, too.
  uint32_t max_handles = kMostSockets;

  // Log bytes per second in the long run; twice as much at once. Whoever writes more is held back, not cut.
  uint64_t log_rate = 32ull << 20;
};

// Fills egress.resolvers from the text of a resolv.conf (IPv4 nameservers in order); other lines are ignored.
std::vector<Endpoint> ParseResolvers(std::string_view resolv_conf);
// config.egress.resolvers from /etc/resolv.conf and .host_addresses from the interfaces. To be called before
// confinement.
void ReadHostNetwork(BrokerConfig& config);

struct BrokerStats {
  uint64_t submissions = 0;
  uint64_t completions = 0;
  uint64_t rejected = 0;   // entries that failed a check (unknown op, bad buffer, foreign handle...)
  uint64_t denied = 0;     // by the egress policy
  uint64_t accepted = 0;   // connections from the host
  uint64_t connected = 0;  // outbound connections established
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t log_records = 0;
  uint64_t held_back = 0;  // completions that had to wait for the guest to advance cq_head
  uint32_t handles = 0;    // open now
};

class Broker {
 public:
  // `rings`: `cores` instances of ebb_core_shared, EBB_RING_STRIDE bytes apart, zeroed. `data`: the data area. Both,
  // and `report`, outlive the broker.
  static Result<std::unique_ptr<Broker>> Create(const BrokerConfig& config, ebb_core_shared* rings, uint32_t cores,
                                                std::span<std::byte> data, Report& report);
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  ~Broker();

  // Consumes the new submissions of one core. True when completions were published (on any core).
  bool Submit(uint32_t core);

  // Handles what the host has for the guest, waiting for it for at most timeout_ns (0: just look; negative: no limit).
  // Returns true as soon as completions were published; false at the timeout, on a signal, and after a Watch callback
  // ran.
  bool Poll(int64_t timeout_ns);

  // Readable (poll, epoll) when Poll(0) has work.
  int fd() const;

  // Calls `ready` from Poll whenever fd is readable or at its end (level-triggered). The fd stays the caller's; Unwatch
  // before closing it.
  Result<void> Watch(int fd, std::function<void()> ready);
  void Unwatch(int fd);

  // A guest's indices contradicted each other; that core is not served any more. The backend should end the VM.
  bool broken() const;

  // The port bound on 127.0.0.1, 0 when there is none.
  uint16_t tcp_port() const;
  // BrokerConfig::exposed with the ports that were bound.
  const std::vector<ExposedPort>& exposed() const;
  const BrokerStats& stats() const;

 private:
  class Impl;
  explicit Broker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_BROKER_BROKER_H_
