// Socket: the File face, blocking, and the defaults of operations that a kind does not have.
#include "linux/net/socket.h"

#include "kernel/clock.h"
#include "kernel/user_memory.h"

namespace ebb::linux_abi {

Result<> Socket::Bind(std::span<const std::byte>) { return Errno::kOpNotSupp; }
Result<> Socket::Listen(int) { return Errno::kOpNotSupp; }
Result<ebb::Ref<Socket>> Socket::Accept(uint32_t) { return Errno::kOpNotSupp; }
Result<> Socket::Connect(std::span<const std::byte>) { return Errno::kOpNotSupp; }
Result<AddressBytes> Socket::Name() { return Errno::kOpNotSupp; }
Result<AddressBytes> Socket::PeerName() { return Errno::kOpNotSupp; }
Result<> Socket::Shutdown(int) { return Errno::kOpNotSupp; }

Result<size_t> Socket::Read(std::span<std::byte> buffer) {
  const IoVec vector{reinterpret_cast<uint64_t>(buffer.data()), buffer.size()};
  ReceiveMessage message{{&vector, 1}, 0, {}, 0};
  return Receive(message);
}

Result<size_t> Socket::Write(std::span<const std::byte> buffer) {
  const IoVec vector{reinterpret_cast<uint64_t>(buffer.data()), buffer.size()};
  return Send({{&vector, 1}, {}, 0});
}

Result<size_t> Socket::ReadVector(std::span<const IoVec> buffers) {
  for (const IoVec& buffer : buffers) {
    if (!UserWritable(buffer.base, buffer.size)) return Errno::kFault;
  }
  ReceiveMessage message{buffers, 0, {}, 0};
  return Receive(message);
}

Result<size_t> Socket::WriteVector(std::span<const IoVec> buffers) {
  for (const IoVec& buffer : buffers) {
    if (!UserReadable(buffer.base, buffer.size)) return Errno::kFault;
  }
  return Send({buffers, {}, 0});
}

Result<> Socket::Stat(LinuxStat& out) {
  out = {};
  out.dev = 8;
  out.ino = reinterpret_cast<uint64_t>(this) >> 4;
  out.nlink = 1;
  out.mode = kSIfSock | 0777;
  out.blksize = 4096;
  return Ok{};
}

Result<int64_t> Socket::Ioctl(uint64_t request, uint64_t argument) {
  switch (request) {
    case kFionBio: {
      auto value = UserIn<int32_t>(argument);
      if (!value) return value.error();
      set_flags(**value != 0 ? flags() | kONonblock : flags() & ~kONonblock);
      return 0;
    }
    case kFionRead: {
      auto out = UserOut<int32_t>(argument);
      if (!out) return out.error();
      **out = static_cast<int32_t>(PendingBytes());
      return 0;
    }
    default:
      return Errno::kNotTty;
  }
}

Socket::Blocking::Blocking(Socket& socket, uint32_t message_flags, uint64_t timeout_ns, std::span<const IoVec> buffers,
                           bool writable)
    : socket_(socket),
      may_block_(!socket.nonblocking() && (message_flags & kMsgDontWait) == 0),
      timeout_ns_(timeout_ns),
      buffers_(buffers),
      writable_(writable) {}

bool Socket::Blocking::BuffersValid() const {
  for (const IoVec& buffer : buffers_) {
    const bool valid =
        writable_ ? UserWritable(buffer.base, buffer.size).ok() : UserReadable(buffer.base, buffer.size).ok();
    if (!valid) return false;
  }
  return true;
}

Result<> Socket::Blocking::Wait() {
  if (!may_block_) return Errno::kAgain;
  if (timeout_ns_ != 0 && deadline_ns_ == 0) deadline_ns_ = clock->Now() + timeout_ns_;
  // Buffers of the kernel itself (sendfile) are no user memory at any time.
  const bool user = BuffersValid();
  const auto woken = socket_.WaitReady(deadline_ns_ == 0 ? kForever : deadline_ns_);
  if (!woken) return woken.error() == Errno::kTimedOut ? Errno::kAgain : woken.error();
  if (user && !BuffersValid()) return Errno::kFault;
  return Ok{};
}

Result<size_t> Socket::SendAll(StreamChannel& channel, std::span<const IoVec> buffers, Blocking& blocking) {
  const size_t total = TotalSize(buffers);
  std::vector<IoVec> rest;  // only after a write that took a part
  std::span<const IoVec> now = buffers;
  size_t done = 0;
  for (;;) {
    const auto written = channel.Write(now);
    if (written) {
      done += *written;
      if (done == total) return done;
      rest.assign(buffers.begin(), buffers.end());
      size_t skip = done;
      size_t first = 0;
      while (skip >= rest[first].size) skip -= rest[first++].size;
      rest[first].base += skip;
      rest[first].size -= skip;
      now = std::span<const IoVec>(rest).subspan(first);
    } else if (written.error() != Errno::kAgain) {
      if (done != 0) return done;
      return written.error();
    }
    const auto waited = blocking.Wait();
    if (waited) continue;
    if (done != 0) return done;
    return waited.error();
  }
}

Result<size_t> Socket::ReceiveSome(StreamChannel& channel, ReceiveMessage& message, Blocking& blocking) {
  const size_t total = TotalSize(message.buffers);
  const bool peek = (message.flags & kMsgPeek) != 0;
  const bool wait_all = (message.flags & kMsgWaitAll) != 0 && !peek;
  size_t done = 0;
  for (;;) {
    while (done < total) {
      const auto bytes = peek ? channel.PeekAt(done) : channel.Front();
      if (bytes.empty()) break;
      const size_t size = Scatter(message.buffers, done, bytes);
      done += size;
      if (!peek) channel.Consume(size);
    }
    if (done != 0 && (done == total || !wait_all)) return done;
    if (total == 0 && channel.Available() != 0) return size_t{0};
    if (done == 0 && channel.error() != Errno{}) return channel.TakeError();
    if (channel.read_ended()) return done;
    const auto waited = blocking.Wait();
    if (waited) continue;
    if (done != 0) return done;
    return waited.error();
  }
}

size_t Scatter(std::span<const IoVec> buffers, size_t skip, std::span<const std::byte> bytes) {
  size_t copied = 0;
  for (const IoVec& buffer : buffers) {
    if (skip >= buffer.size) {
      skip -= buffer.size;
      continue;
    }
    const size_t room = buffer.size - skip;
    const size_t left = bytes.size() - copied;
    const size_t part = left < room ? left : room;
    if (part == 0) break;
    __builtin_memcpy(reinterpret_cast<std::byte*>(buffer.base) + skip, bytes.data() + copied, part);
    copied += part;
    skip = 0;
  }
  return copied;
}

}  // namespace ebb::linux_abi
