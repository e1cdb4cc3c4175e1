// HostChannel: RECV posting, SEND chunks, CONNECT and CLOSE.
#include "linux/net/host_channel.h"

namespace ebb {

using linux_abi::kEpollIn;
using linux_abi::kEpollOut;
using linux_abi::kEpollRdHup;

// A SEND in flight.
class HostChannel::Send final : public Completion {
 public:
  Send(HostChannel& channel, std::span<std::byte> data, size_t size) : channel_(&channel), data_(data), size_(size) {}
  virtual ~Send() = default;
  void OnComplete(const ebb_cqe& cqe) override {
    channel_->network_.Release(HostedNetwork::Use::kSend, data_);
    channel_->OnSent(size_, cqe.result);
    delete this;
  }

 private:
  ebb::Ref<HostChannel> channel_;
  std::span<std::byte> data_;
  size_t size_;
};

HostChannel::HostChannel(HostedNetwork& network, Ipv4Endpoint to) : network_(network), connecting_(true) {
  network.Add(*this);
  ebb_sqe sqe = {};
  sqe.op = EBB_OP_CONNECT;
  sqe.arg0 = to.address;
  sqe.arg1 = to.port;
  Ref();
  ring().Submit(sqe, connect_);
}

HostChannel::~HostChannel() {
  for (size_t i = 0; i < unread_count_; ++i) network_.Release(HostedNetwork::Use::kReceive, unread_[i].data);
}

void HostChannel::Connect::OnComplete(const ebb_cqe& cqe) {
  channel_.OnConnected(cqe.result);
  channel_.Unref();
}

void HostChannel::Receive::OnComplete(const ebb_cqe& cqe) {
  channel_.OnReceived(cqe.result);
  channel_.Unref();
}

void HostChannel::OnConnected(int32_t result) {
  connecting_ = false;
  if (result > 0) handle_ = static_cast<uint32_t>(result);
  if (closed_) {
    if (handle_ != 0) SubmitClose(true);
    return;
  }
  if (result <= 0) return Fail(static_cast<Errno>(-result));
  PostReceive();
  Notify(kEpollOut);
}

void HostChannel::PostReceive() {
  if (receiving_ || closed_ || read_ended() || unread_count_ == kMaxUnread) return;
  auto data = network_.Allocate(HostedNetwork::Use::kReceive,
                                network_.ReceiveSize(last_receive_full_ ? kReceiveLarge : kReceiveSmall));
  if (!data) return network_.WaitForData(*this);
  posted_ = *data;
  receiving_ = true;
  ebb_sqe sqe = {};
  sqe.op = EBB_OP_RECV;
  sqe.handle = handle_;
  sqe.buffer = RingQueue::DataOffset(posted_);
  sqe.length = static_cast<uint32_t>(posted_.size());
  Ref();
  ring().Submit(sqe, receive_);
}

void HostChannel::OnReceived(int32_t result) {
  receiving_ = false;
  if (closed_ || result <= 0) {
    network_.Release(HostedNetwork::Use::kReceive, posted_);
    if (closed_) return;
    if (result < 0) return Fail(static_cast<Errno>(-result));
    read_ended_ = true;
    return Notify(kEpollIn | kEpollRdHup);
  }
  const auto size = static_cast<size_t>(result);
  last_receive_full_ = size == posted_.size();
  if (read_ended()) {
    // shutdown(SHUT_RD): what comes is dropped.
    network_.Release(HostedNetwork::Use::kReceive, posted_);
    return;
  }
  unread_[unread_count_++] = {posted_, 0, size};
  available_ += size;
  PostReceive();
  Notify(kEpollIn);
}

std::span<const std::byte> HostChannel::PeekAt(size_t skip) const {
  for (size_t i = 0; i < unread_count_; ++i) {
    const Unread& unread = unread_[i];
    const size_t held = unread.end - unread.start;
    if (skip < held) return unread.data.subspan(unread.start + skip, held - skip);
    skip -= held;
  }
  return {};
}

void HostChannel::Consume(size_t size) {
  available_ -= size;
  while (size != 0) {
    Unread& front = unread_[0];
    const size_t held = front.end - front.start;
    const size_t part = size < held ? size : held;
    front.start += part;
    size -= part;
    if (front.start != front.end) return;
    network_.Release(HostedNetwork::Use::kReceive, front.data);
    for (size_t i = 1; i < unread_count_; ++i) unread_[i - 1] = unread_[i];
    --unread_count_;
  }
  PostReceive();
}

Result<size_t> HostChannel::Write(std::span<const linux_abi::IoVec> buffers) {
  if (error() != Errno{}) return TakeError();
  if (failed() || write_ended()) return Errno::kPipe;
  const size_t total = TotalSize(buffers);
  GatherCursor cursor(buffers);
  size_t done = 0;
  while (done < total && in_flight_ < kSendWindow) {
    size_t wanted = total - done < kSendChunk ? total - done : kSendChunk;
    if (wanted > kSendWindow - in_flight_) wanted = kSendWindow - in_flight_;
    auto data = network_.Allocate(HostedNetwork::Use::kSend, wanted);
    if (!data) {
      send_waits_ = true;
      network_.WaitForData(*this);
      break;
    }
    const size_t size = cursor.Copy(data->first(wanted < data->size() ? wanted : data->size()));
    done += size;
    in_flight_ += size;
    ebb_sqe sqe = {};
    sqe.op = EBB_OP_SEND;
    // Nobody waits for the buffer of a small send: its completion need not wake the VM.
    sqe.flags = in_flight_ <= kSendWindow / 2 && network_.SendsRelaxed() ? EBB_SEND_LAZY : 0;
    sqe.handle = handle_;
    sqe.buffer = RingQueue::DataOffset(*data);
    sqe.length = static_cast<uint32_t>(size);
    ring().Submit(sqe, *new Send(*this, *data, size));
  }
  if (done == 0 && total != 0) return Errno::kAgain;
  return done;
}

void HostChannel::OnSent(size_t size, int32_t result) {
  const bool was_writable = Writable();
  in_flight_ -= size;
  if (closed_) return;
  if (result < 0) {
    if (!failed()) Fail(static_cast<Errno>(-result));
    return;
  }
  if (!was_writable && Writable()) Notify(kEpollOut);
}

void HostChannel::OnDataAvailable() {
  send_waits_ = false;
  PostReceive();
  if (Writable()) Notify(kEpollOut);
}

// What was received and not read lay in the data area, so it is lost with the connection.
void HostChannel::OnRestore() {
  const ebb::Ref<HostChannel> alive(this);
  handle_ = 0;
  for (size_t i = 0; i < unread_count_; ++i) network_.Release(HostedNetwork::Use::kReceive, unread_[i].data);
  unread_count_ = 0;
  available_ = 0;
  // An attempt to connect fails by its own completion.
  if (!closed_ && !failed() && !connecting_) Fail(Errno::kConnReset);
}

void HostChannel::ShutdownWrite() {
  if (write_ended() || closed_) return;
  write_ended_ = true;
  if (failed()) return;
  ebb_sqe sqe = {};
  sqe.op = EBB_OP_SHUTDOWN;
  sqe.flags = 1;
  sqe.handle = handle_;
  ring().SubmitDetached(sqe);
}

void HostChannel::Close(bool reset) {
  if (closed_) return;
  closed_ = true;
  set_observer(nullptr);
  node.Unlink();
  if (handle_ != 0) SubmitClose(reset);
}

void HostChannel::SubmitClose(bool reset) {
  ebb_sqe sqe = {};
  sqe.op = EBB_OP_CLOSE;
  sqe.flags = reset ? 1 : 0;
  sqe.handle = handle_;
  handle_ = 0;
  ring().SubmitDetached(sqe);
}

}  // namespace ebb
