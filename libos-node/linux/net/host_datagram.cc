// HostDatagram: opening, sending and receiving.
#include "linux/net/host_datagram.h"

namespace ebb {

namespace {

// The completion of what was in flight when a clone was made.
constexpr int32_t kLost = -static_cast<int32_t>(Errno::kConnReset);

}  // namespace

class HostDatagram::Outgoing final : public Completion {
 public:
  Outgoing(HostDatagram& datagram, std::span<std::byte> data, size_t size, Ipv4Endpoint to)
      : datagram_(&datagram), data_(data), size_(size), to_(to) {}
  virtual ~Outgoing() = default;

  void Submit(uint32_t handle) {
    ebb_sqe sqe = {};
    sqe.op = EBB_OP_UDP_SEND;
    sqe.handle = handle;
    sqe.buffer = RingQueue::DataOffset(data_);
    sqe.length = static_cast<uint32_t>(size_);
    sqe.arg0 = to_.address;
    sqe.arg1 = to_.port;
    ring().Submit(sqe, *this);
  }

  // A datagram that a clone lost is lost like any other.
  void OnComplete(const ebb_cqe& cqe) override {
    Finish(cqe.result < 0 && cqe.result != kLost ? static_cast<Errno>(-cqe.result) : Errno{});
  }

  void Finish(Errno error) {
    const ebb::Ref<HostDatagram> datagram = std::move(datagram_);
    const bool was_writable = datagram->Writable();
    datagram->in_flight_ -= size_;
    datagram->network_.Release(HostedNetwork::Use::kSend, data_);
    delete this;
    if (datagram->observer_ == nullptr) return;
    if (error != Errno{}) datagram->observer_->OnDatagramError(error);
    if (datagram->observer_ != nullptr && !was_writable && datagram->Writable())
      datagram->observer_->OnDatagramWritable();
  }

 private:
  ebb::Ref<HostDatagram> datagram_;
  std::span<std::byte> data_;
  size_t size_;
  Ipv4Endpoint to_;
};

HostDatagram::HostDatagram(HostedNetwork& network) : network_(network) {
  network.Add(*this);
  OpenOnHost();
}

void HostDatagram::OpenOnHost() {
  ebb_sqe sqe = {};
  sqe.op = EBB_OP_UDP_OPEN;
  // The completion holds one reference, also when this takes the place of an attempt that a clone lost.
  if (!opening_) Ref();
  opening_ = true;
  ring().Submit(sqe, open_);
}

void HostDatagram::Open::OnComplete(const ebb_cqe& cqe) {
  datagram_.OnOpened(cqe.result);
  datagram_.Unref();
}

void HostDatagram::Receive::OnComplete(const ebb_cqe& cqe) {
  datagram_.OnReceived(cqe);
  datagram_.Unref();
}

// The socket stays one: the host opens another behind it, with another port.
void HostDatagram::OnRestore() {
  handle_ = 0;
  if (!closed_) OpenOnHost();
}

void HostDatagram::OnOpened(int32_t result) {
  opening_ = false;
  std::vector<Outgoing*> early;
  early.swap(early_);
  if (result <= 0) {
    open_error_ = result < 0 ? static_cast<Errno>(-result) : Errno::kIo;
    for (Outgoing* outgoing : early) outgoing->Finish(open_error_);
    return;
  }
  handle_ = static_cast<uint32_t>(result);
  for (Outgoing* outgoing : early) outgoing->Submit(handle_);
  if (closed_) {
    closed_ = false;
    return Close();
  }
  PostReceive();
}

Result<size_t> HostDatagram::Send(std::span<const linux_abi::IoVec> buffers, Ipv4Endpoint to) {
  if (open_error_ != Errno{}) return open_error_;
  const size_t size = TotalSize(buffers);
  if (size > kMaxDatagram) return Errno::kMsgSize;
  if (in_flight_ > kWindow - size) return Errno::kAgain;
  auto data = network_.Allocate(HostedNetwork::Use::kSend, size);
  if (data && data->size() < size) {
    // Large blocks may never come back once they were split.
    network_.Release(HostedNetwork::Use::kSend, *data);
    return Errno::kNoBufs;
  }
  if (!data) {
    network_.WaitForData(*this);
    return Errno::kAgain;
  }
  GatherCursor(buffers).Copy(data->first(size));
  in_flight_ += size;
  auto* outgoing = new Outgoing(*this, *data, size, to);
  if (handle_ != 0) {
    outgoing->Submit(handle_);
  } else {
    early_.push_back(outgoing);
  }
  return size;
}

void HostDatagram::PostReceive() {
  if (receiving_ || closed_ || handle_ == 0) return;
  auto data = network_.Allocate(HostedNetwork::Use::kReceive, network_.ReceiveSize(64 * 1024));
  if (!data) return network_.WaitForData(*this);
  posted_ = *data;
  receiving_ = true;
  ebb_sqe sqe = {};
  sqe.op = EBB_OP_UDP_RECV;
  sqe.handle = handle_;
  sqe.buffer = RingQueue::DataOffset(posted_);
  sqe.length = static_cast<uint32_t>(posted_.size());
  Ref();
  ring().Submit(sqe, receive_);
}

void HostDatagram::OnReceived(const ebb_cqe& cqe) {
  receiving_ = false;
  if (cqe.result >= 0 && observer_ != nullptr) {
    observer_->OnDatagram(posted_.first(static_cast<size_t>(cqe.result)),
                          {static_cast<uint32_t>(cqe.arg0 >> 16), static_cast<uint16_t>(cqe.arg0)});
  }
  network_.Release(HostedNetwork::Use::kReceive, posted_);
  if (cqe.result >= 0) PostReceive();
}

void HostDatagram::OnDataAvailable() {
  PostReceive();
  if (observer_ != nullptr && Writable()) observer_->OnDatagramWritable();
}

void HostDatagram::Close() {
  if (closed_) return;
  closed_ = true;
  set_observer(nullptr);
  node.Unlink();
  if (handle_ == 0) return;
  ebb_sqe sqe = {};
  sqe.op = EBB_OP_CLOSE;
  sqe.handle = handle_;
  ring().SubmitDetached(sqe);
}

}  // namespace ebb
