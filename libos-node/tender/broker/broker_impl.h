// Broker::Impl: the operations of the ring on top of sockets and one epoll instance. Internal to the broker.
#ifndef EBB_TENDER_BROKER_BROKER_IMPL_H_
#define EBB_TENDER_BROKER_BROKER_IMPL_H_

#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tender/broker/broker.h"
#include "tender/broker/core_ring.h"
#include "tender/broker/datagram.h"
#include "tender/broker/host_network.h"
#include "tender/broker/stream.h"

namespace ebb::tender {

class Broker::Impl final : public BrokerContext {
 public:
  Impl(const BrokerConfig& config, ebb_core_shared* rings, uint32_t cores, std::span<std::byte> data, Report& report);
  Result<void> Open(const BrokerConfig& config);

  bool Submit(uint32_t core);
  bool Poll(int64_t timeout_ns);
  int fd() const { return epoll_.get(); }
  Result<void> Watch(int fd, std::function<void()> ready);
  void Unwatch(int fd);
  bool broken() const;
  uint16_t tcp_port() const { return tcp_port_; }
  const std::vector<ExposedPort>& exposed() const { return exposed_; }
  const BrokerStats& CollectStats();

  void Complete(Operation operation, int32_t result, uint64_t arg0 = 0) override { Emit(operation, result, 0, arg0); }
  void CompleteLazily(Operation operation, int32_t result) override;
  bool ReserveQueuedSend() override;
  void ReleaseQueuedSend() override { --queued_sends_; }
  const EgressPolicy& policy() const override { return policy_; }
  BrokerStats& stats() override { return stats_; }

 private:
  // What an epoll event belongs to: the tag in the upper half, a handle or fd in the lower.
  enum class Tag : uint32_t { kSocket, kListener, kTimer, kWatch };
  struct Listener {
    int fd = -1;
    uint16_t guest_port = 0;
    bool tcp = false;
    bool armed = false;
  };

  Result<void> OpenTcp(uint16_t guest_port, Endpoint host);
  void Emit(Operation operation, int32_t result, uint32_t flags, uint64_t arg0);
  void Consume(uint32_t core);
  void Execute(uint32_t core, const ebb_sqe& sqe);
  void Reject(Operation operation, int32_t error);
  std::optional<std::span<std::byte>> Buffer(const ebb_sqe& sqe) const;
  Stream* FindStream(uint32_t handle);
  Datagram* FindDatagram(uint32_t handle);

  std::optional<Endpoint> Allowed(Endpoint guest);
  bool LogsThrottled();
  void Log(Operation operation, const ebb_sqe& sqe);
  void Listen(Operation operation, const ebb_sqe& sqe);
  void Unlisten(Operation operation, const ebb_sqe& sqe);
  void Connect(Operation operation, const ebb_sqe& sqe);
  void Send(Operation operation, const ebb_sqe& sqe);
  void Receive(Operation operation, const ebb_sqe& sqe);
  void Shutdown(Operation operation, const ebb_sqe& sqe);
  void Close(Operation operation, const ebb_sqe& sqe);
  void OpenDatagram(Operation operation);
  void SendDatagram(Operation operation, const ebb_sqe& sqe);
  void ReceiveDatagram(Operation operation, const ebb_sqe& sqe);

  bool HandlesLeft() const { return sockets_.size() < max_handles_ && next_handle_ < INT32_MAX; }
  bool Register(Socket& socket);
  void Settle(uint32_t handle);
  void Accept(Listener& listener);
  void ArmListeners();
  bool Arm(int fd, Tag tag, uint32_t id, uint32_t events, int operation);

  uint64_t Published() const;
  bool Holding() const;
  void Resume();
  void UpdateTimer();
  void SweepLingering();
  bool HandleEvents(int64_t timeout_ns);
  int Wait(struct epoll_event* events, int count, int64_t timeout_ns);

  std::vector<CoreRing> rings_;
  std::span<std::byte> data_;
  Report& report_;
  EgressPolicy policy_;
  BrokerStats stats_;

  UniqueFd epoll_;
  UniqueFd timer_;
  UnixListener unix_;
  std::vector<TcpListener> tcp_;
  uint16_t tcp_port_ = 0;
  std::vector<ExposedPort> exposed_;
  std::vector<Listener> listeners_;
  std::unordered_map<int, std::shared_ptr<std::function<void()>>> watches_;

  OwnAddresses own_addresses_;
  // Log bytes: what may still be taken (negative: more was), refilled with time.
  uint64_t log_rate_;
  int64_t log_budget_;
  uint64_t log_refilled_ns_ = 0;

  uint32_t max_handles_;
  uint32_t next_handle_ = 1;
  std::unordered_map<uint32_t, std::unique_ptr<Socket>> sockets_;
  uint32_t queued_sends_ = 0;
  std::unordered_set<uint32_t> lingering_;
  // Guest ports listened on, and which operation gets their connections.
  std::unordered_map<uint16_t, Operation> listens_;
  uint16_t unix_peer_port_ = 0;
  // Accepting failed for want of descriptors or memory: not again before the timer.
  bool accept_paused_ = false;
  uint64_t hold_retry_ns_ = 0;
  uint64_t timer_due_ = 0;  // 0: not armed
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_BROKER_BROKER_IMPL_H_
