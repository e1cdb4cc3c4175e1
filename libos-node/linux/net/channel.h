// StreamChannel: one end of an ordered, flow-controlled byte stream. TCP and unix sockets talk to it without knowing
// whether the other end is a socket in this VM or a connection that the tender holds. It never blocks: "not now" is
// EAGAIN, and the observer hears when that may have changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "kernel/ref_counted.h"
#include "kernel/result.h"
#include "linux/abi.h"

namespace ebb {

class ChannelObserver {
 public:
  // Events (EPOLLIN ...) that may have become true. In kernel context; must not block.
  virtual void OnChannel(uint32_t events) = 0;

 protected:
  ~ChannelObserver() = default;
};

class StreamChannel : public RefCounted {
 public:
  void set_observer(ChannelObserver* observer) { observer_ = observer; }

  // An outbound connection that is not there yet.
  virtual bool connecting() const { return false; }

  // The first received bytes that lie together; empty when there are none. Valid until Consume or the next event.
  virtual std::span<const std::byte> Front() const = 0;
  virtual void Consume(size_t size) = 0;
  // All bytes received and not consumed.
  virtual size_t Available() const = 0;
  // What is right after `skip` bytes (MSG_PEEK); empty past the end.
  virtual std::span<const std::byte> PeekAt(size_t skip) const = 0;

  // Takes as much as fits of the buffers (kernel-accessible memory). EAGAIN: nothing fits.
  virtual Result<size_t> Write(std::span<const linux_abi::IoVec> buffers) = 0;
  virtual bool Writable() const = 0;

  // The other side sends no more (the bytes before may still be unread).
  bool read_ended() const { return read_ended_; }
  // This side sends no more.
  bool write_ended() const { return write_ended_; }
  // Broken: nothing can be sent any more.
  bool failed() const { return failed_; }

  virtual void ShutdownRead() { read_ended_ = true; }
  virtual void ShutdownWrite() = 0;
  // This end is given up; what was written still goes out, unless `reset`. No observer calls come afterwards.
  virtual void Close(bool reset) = 0;

  // The error to report once (SO_ERROR), zero when there is none.
  Errno TakeError() { return std::exchange(error_, Errno{}); }
  Errno error() const { return error_; }

  // EPOLL* that hold now.
  uint32_t Events() const {
    using namespace linux_abi;
    if (connecting()) return 0;
    uint32_t events = 0;
    if (Available() != 0 || read_ended_ || failed_) events |= kEpollIn;
    if (read_ended_ || failed_) events |= kEpollRdHup;
    if (failed_ || (read_ended_ && write_ended_)) events |= kEpollHup;
    if (error_ != Errno{}) events |= kEpollErr;
    if (failed_ || write_ended_ || Writable()) events |= kEpollOut;
    return events;
  }

 protected:
  void Notify(uint32_t events) {
    if (observer_ != nullptr) observer_->OnChannel(events);
  }
  void Fail(Errno error) {
    failed_ = true;
    read_ended_ = true;
    if (error_ == Errno{}) error_ = error;
    Notify(linux_abi::kEpollIn | linux_abi::kEpollOut | linux_abi::kEpollErr | linux_abi::kEpollHup |
           linux_abi::kEpollRdHup);
  }

  bool read_ended_ = false;
  bool write_ended_ = false;

 private:
  ChannelObserver* observer_ = nullptr;
  bool failed_ = false;
  Errno error_{};
};

inline size_t TotalSize(std::span<const linux_abi::IoVec> buffers) {
  size_t size = 0;
  for (const auto& buffer : buffers) size += buffer.size;
  return size;
}

// Walks a list of buffers while copying out of it.
class GatherCursor {
 public:
  explicit GatherCursor(std::span<const linux_abi::IoVec> buffers) : buffers_(buffers) {}
  // Copies up to to.size() bytes; how many.
  size_t Copy(std::span<std::byte> to) {
    size_t copied = 0;
    while (copied < to.size() && !buffers_.empty()) {
      const auto& front = buffers_.front();
      const size_t part = front.size - offset_ < to.size() - copied ? front.size - offset_ : to.size() - copied;
      if (part != 0)
        __builtin_memcpy(to.data() + copied, reinterpret_cast<const std::byte*>(front.base) + offset_, part);
      copied += part;
      offset_ += part;
      if (offset_ == front.size) {
        buffers_ = buffers_.subspan(1);
        offset_ = 0;
      }
    }
    return copied;
  }

 private:
  std::span<const linux_abi::IoVec> buffers_;
  size_t offset_ = 0;
};

}  // namespace ebb
