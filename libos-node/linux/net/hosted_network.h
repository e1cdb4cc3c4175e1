// HostedNetwork: NetworkManager over the tender's rings. It keeps what its channels take of the shared data area within
// a share, so that receive buffers cannot starve sends, nor both the console.
#pragma once

#include <vector>

#include "kernel/event_manager.h"
#include "kernel/intrusive_list.h"
#include "kernel/ring.h"
#include "linux/net/network_manager.h"

namespace ebb {

// Waits for a data buffer.
class DataWaiter {
 public:
  virtual void OnDataAvailable() = 0;
  ListNode node;

 protected:
  ~DataWaiter() = default;
};

// Holds, or will hold, a handle of the host's.
class HostObject {
 public:
  // As NetworkManager::OnRestore.
  virtual void OnRestore() = 0;
  ListNode host_node;

 protected:
  ~HostObject() = default;
};

class HostedNetwork final : public NetworkManager {
 public:
  enum class Use { kReceive, kSend };

  bool reaches_outside() const override { return true; }
  Result<Ref<StreamChannel>> Connect(Ipv4Endpoint to) override;
  Result<> Listen(uint16_t port, IncomingObserver& observer) override;
  void StopListening(uint16_t port) override;
  Result<Ref<DatagramChannel>> OpenDatagram() override;
  void OnRestore() override;

  void Add(HostObject& object) { objects_.PushBack(object); }

  // A buffer of `size` bytes, or a smaller one when there is no such (at least 4 KiB). ENOBUFS: none; WaitForData tells
  // when to try again.
  Result<std::span<std::byte>> Allocate(Use use, size_t size);
  void Release(Use use, std::span<std::byte> data);
  void WaitForData(DataWaiter& waiter);
  // Enough is free that a send may complete late (EBB_SEND_LAZY) without anybody waiting for its buffer.
  bool SendsRelaxed() const { return used_[static_cast<int>(Use::kSend)] <= kShare[static_cast<int>(Use::kSend)] / 2; }
  // How much a receive should ask for: less when many connections share the area.
  size_t ReceiveSize(size_t wanted) const;

 private:
  static constexpr size_t kShare[] = {EBB_DATA_SIZE / 8 * 5, EBB_DATA_SIZE / 4};

  class Listener;
  // Tells the waiters from the event loop: not inside ReleaseData, where asking again would never end.
  class Retry final : public Event, public Completion {
   public:
    explicit Retry(HostedNetwork& network) : network_(network) {}
    void OnComplete(const ebb_cqe&) override { event_manager().Spawn(*this); }
    void Run() override { network_.RetryWaiters(); }

   private:
    HostedNetwork& network_;
  };

  void RetryWaiters();

  size_t used_[2] = {};
  IntrusiveList<DataWaiter, &DataWaiter::node> waiters_;
  Retry retry_{*this};
  std::vector<Listener*> listeners_;
  IntrusiveList<HostObject, &HostObject::host_node> objects_;
};

}  // namespace ebb
