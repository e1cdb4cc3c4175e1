// HostedNetwork: listeners, data area accounting, and the making of channels.
#include "linux/net/hosted_network.h"

#include "linux/net/host_channel.h"
#include "linux/net/host_datagram.h"

namespace ebb {

// One LISTEN. It deletes itself with the last completion (-ECANCELED after UNLISTEN, or a refusal).
class HostedNetwork::Listener final : public Completion {
 public:
  Listener(HostedNetwork& network, uint16_t port, IncomingObserver& observer)
      : network_(network), port_(port), observer_(&observer) {}
  virtual ~Listener() = default;

  uint16_t port() const { return port_; }
  void Detach() { observer_ = nullptr; }
  void Announce() {
    ebb_sqe sqe = {};
    sqe.op = EBB_OP_LISTEN;
    sqe.arg0 = port_;
    ring().Submit(sqe, *this);
  }

  void OnComplete(const ebb_cqe& cqe) override {
    if (cqe.result > 0) {
      auto channel = MakeRef<HostChannel>(network_, static_cast<uint32_t>(cqe.result));
      if (observer_ == nullptr) return channel->Close(true);
      channel->StartReceiving();
      observer_->OnIncoming(std::move(channel),
                            {static_cast<uint32_t>(cqe.arg0 >> 16), static_cast<uint16_t>(cqe.arg0)});
    }
    if ((cqe.flags & EBB_CQE_MORE) == 0) {
      std::erase(network_.listeners_, this);
      delete this;
    }
  }

 private:
  HostedNetwork& network_;
  uint16_t port_;
  IncomingObserver* observer_;
};

Result<Ref<StreamChannel>> HostedNetwork::Connect(Ipv4Endpoint to) {
  auto channel = MakeRef<HostChannel>(*this, to);
  return Ref<StreamChannel>(std::move(channel));
}

Result<> HostedNetwork::Listen(uint16_t port, IncomingObserver& observer) {
  for (const Listener* listener : listeners_) {
    if (listener->port() == port) return Errno::kAddrInUse;
  }
  auto* listener = new Listener(*this, port, observer);
  listeners_.push_back(listener);
  listener->Announce();
  return Ok{};
}

void HostedNetwork::StopListening(uint16_t port) {
  for (Listener* listener : listeners_) {
    if (listener->port() != port) continue;
    listener->Detach();
    // Forgotten at once, so that the port can be announced again; it lives until its last completion.
    std::erase(listeners_, listener);
    ebb_sqe sqe = {};
    sqe.op = EBB_OP_UNLISTEN;
    sqe.arg0 = port;
    ring().SubmitDetached(sqe);
    return;
  }
}

Result<Ref<DatagramChannel>> HostedNetwork::OpenDatagram() {
  return Ref<DatagramChannel>(MakeRef<HostDatagram>(*this));
}

void HostedNetwork::OnRestore() {
  for (Listener* listener : listeners_) listener->Announce();
  // An observer may close and free other channels.
  IntrusiveList<HostObject, &HostObject::host_node> now;
  while (HostObject* object = objects_.PopFront()) now.PushBack(*object);
  while (HostObject* object = now.PopFront()) {
    objects_.PushBack(*object);
    object->OnRestore();
  }
}

Result<std::span<std::byte>> HostedNetwork::Allocate(Use use, size_t size) {
  const int index = static_cast<int>(use);
  for (;; size /= 2) {
    if (size < EBB_PAGE_SIZE) size = EBB_PAGE_SIZE;
    if (used_[index] + size <= kShare[index]) {
      auto data = ring().AllocateData(size);
      if (data) {
        used_[index] += data->size();
        return data;
      }
    }
    if (size <= EBB_PAGE_SIZE) return Errno::kNoBufs;
  }
}

void HostedNetwork::Release(Use use, std::span<std::byte> data) {
  used_[static_cast<int>(use)] -= data.size();
  // Waiting may be for our own share, which the ring does not know of.
  if (!waiters_.empty()) event_manager().Spawn(retry_);
  ring().ReleaseData(data);
}

void HostedNetwork::WaitForData(DataWaiter& waiter) {
  if (waiter.node.linked()) return;
  waiters_.PushBack(waiter);
  ring().OnDataAvailable(retry_);
}

void HostedNetwork::RetryWaiters() {
  // Only those that wait now: a waiter that fails again joins the end.
  IntrusiveList<DataWaiter, &DataWaiter::node> now;
  while (DataWaiter* waiter = waiters_.PopFront()) now.PushBack(*waiter);
  while (DataWaiter* waiter = now.PopFront()) waiter->OnDataAvailable();
}

size_t HostedNetwork::ReceiveSize(size_t wanted) const {
  const int index = static_cast<int>(Use::kReceive);
  return used_[index] < kShare[index] / 2 ? wanted : EBB_PAGE_SIZE;
}

NetworkManager* MakeHostedNetwork() { return new HostedNetwork; }

}  // namespace ebb
