// LocalChannel: writes go straight into the other end's queue.
#include "linux/net/local_channel.h"

namespace ebb {

using linux_abi::kEpollHup;
using linux_abi::kEpollIn;
using linux_abi::kEpollOut;
using linux_abi::kEpollRdHup;

std::pair<ebb::Ref<LocalChannel>, ebb::Ref<LocalChannel>> LocalChannel::MakePair(Kind kind) {
  auto first = MakeRef<LocalChannel>(kind);
  auto second = MakeRef<LocalChannel>(kind);
  first->peer_ = second.get();
  second->peer_ = first.get();
  return {std::move(first), std::move(second)};
}

void LocalChannel::Consume(size_t size) {
  const bool was_writable = peer_ == nullptr || peer_->Writable();
  in_.Consume(size);
  if (!was_writable && peer_->Writable()) peer_->Notify(kEpollOut);
}

Result<size_t> LocalChannel::Write(std::span<const linux_abi::IoVec> buffers) {
  if (error() != Errno{}) return TakeError();
  if (failed() || write_ended()) return Errno::kPipe;
  const size_t total = TotalSize(buffers);
  if (peer_ == nullptr || peer_->read_shut_) {
    if (kind_ == Kind::kUnix) return Errno::kPipe;
    if (peer_ == nullptr && total != 0) Fail(Errno::kPipe);
    return total;
  }
  const size_t room = kLimit - peer_->in_.size();
  const size_t size = total < room ? total : room;
  if (size == 0 && total != 0) return Errno::kAgain;
  GatherCursor cursor(buffers);
  peer_->in_.Push(cursor, size);
  if (size != 0) peer_->Notify(kEpollIn);
  return size;
}

void LocalChannel::ShutdownRead() {
  read_shut_ = true;
  read_ended_ = true;
}

void LocalChannel::ShutdownWrite() {
  if (write_ended_) return;
  write_ended_ = true;
  if (peer_ == nullptr) return;
  peer_->read_ended_ = true;
  peer_->Notify(kEpollIn | kEpollRdHup | kEpollHup);
}

void LocalChannel::Close(bool reset) {
  if (closed_) return;
  closed_ = true;
  set_observer(nullptr);
  if (peer_ == nullptr) return;
  const ebb::Ref<LocalChannel> peer(std::exchange(peer_, nullptr));
  peer->peer_ = nullptr;
  if (reset) return peer->Fail(Errno::kConnReset);
  peer->read_ended_ = true;
  if (kind_ == Kind::kUnix) peer->write_ended_ = true;
  peer->Notify(kEpollIn | kEpollOut | kEpollRdHup | kEpollHup);
}

}  // namespace ebb
