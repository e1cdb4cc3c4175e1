// DatagramQueue: received datagrams with their senders' addresses, bounded in bytes.
#pragma once

#include <memory>
#include <new>

#include "linux/net/channel.h"
#include "linux/net/socket.h"

namespace ebb::linux_abi {

struct Datagram final : public RefCounted {
  Datagram(size_t length, AddressBytes sender) : bytes(new std::byte[length]), size(length), from(sender) {}
  std::span<const std::byte> view() const { return {bytes.get(), size}; }

  std::unique_ptr<std::byte[]> bytes;
  size_t size;
  AddressBytes from;
  ListNode node;
};

class DatagramQueue {
 public:
  ~DatagramQueue() {
    while (!empty()) Pop();
  }

  bool empty() const { return queue_.empty(); }
  size_t front_size() const { return empty() ? 0 : queue_.front()->size; }
  // A datagram costs more than its bytes, so that empty ones are bounded too.
  bool Fits(size_t size) const { return used_ + size + kOverhead <= kLimit; }
  const Datagram& front() const { return *queue_.front(); }

  void Push(ebb::Ref<Datagram> datagram) {
    used_ += datagram->size + kOverhead;
    datagram->Ref();
    queue_.PushBack(*datagram);
  }
  void Pop() {
    Datagram* datagram = queue_.PopFront();
    used_ -= datagram->size + kOverhead;
    datagram->Unref();
  }

  // The datagram in front as a recvmsg result; it stays when peeked at. Not when empty().
  size_t Take(ReceiveMessage& message) {
    const Datagram& datagram = front();
    const size_t copied = Scatter(message.buffers, 0, datagram.view());
    message.name = datagram.from;
    const bool cut = copied < datagram.size;
    if (cut) message.out_flags |= kMsgTrunc;
    const size_t result = (message.flags & kMsgTrunc) != 0 ? datagram.size : copied;
    if ((message.flags & kMsgPeek) == 0) Pop();
    return result;
  }

 private:
  static constexpr size_t kLimit = 212992;
  static constexpr size_t kOverhead = 256;

  IntrusiveList<Datagram, &Datagram::node> queue_;
  size_t used_ = 0;
};

inline ebb::Ref<Datagram> CopyDatagram(std::span<const IoVec> buffers, const AddressBytes& from) {
  const size_t size = TotalSize(buffers);
  auto datagram = MakeRef<Datagram>(size, from);
  GatherCursor(buffers).Copy({datagram->bytes.get(), size});
  return datagram;
}

}  // namespace ebb::linux_abi
