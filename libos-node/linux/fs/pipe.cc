#include "linux/fs/pipe.h"

#include <algorithm>
#include <new>

#include "linux/fs/arguments.h"
#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {
namespace {

constexpr uint64_t kFioNRead = 0x541b;

}  // namespace

// ---- PipeBuffer

Result<> PipeBuffer::SetCapacity(size_t capacity) {
  if (capacity < used_) return Errno::kBusy;
  capacity_ = capacity;
  return Ok{};
}

void PipeBuffer::CopyOut(std::byte* to, size_t size) const {
  const size_t first = std::min(size, allocated_ - head_);
  __builtin_memcpy(to, bytes_.get() + head_, first);
  __builtin_memcpy(to + first, bytes_.get(), size - first);
}

bool PipeBuffer::Reserve(size_t size) {
  if (size <= allocated_) return true;
  constexpr size_t kSmallest = 512;
  size_t wanted = std::max(allocated_, kSmallest);
  while (wanted < size) wanted *= 2;
  std::unique_ptr<std::byte[]> next(new (std::nothrow) std::byte[wanted]);
  if (!next) return false;
  if (used_ != 0) CopyOut(next.get(), used_);
  bytes_ = std::move(next);
  allocated_ = wanted;
  head_ = 0;
  return true;
}

size_t PipeBuffer::Take(std::span<std::byte> out) {
  const size_t size = std::min(out.size(), used_);
  if (size == 0) return 0;
  CopyOut(out.data(), size);
  used_ -= size;
  head_ = used_ == 0 ? 0 : (head_ + size) % allocated_;
  return size;
}

size_t PipeBuffer::Put(std::span<const std::byte> in) {
  const size_t size = std::min(in.size(), free());
  if (size == 0 || !Reserve(used_ + size)) return 0;
  const size_t tail = (head_ + used_) % allocated_;
  const size_t first = std::min(size, allocated_ - tail);
  __builtin_memcpy(bytes_.get() + tail, in.data(), first);
  __builtin_memcpy(bytes_.get(), in.data() + first, size - first);
  used_ += size;
  return size;
}

// ---- PipeEnd

PipeEnd::PipeEnd(ebb::Ref<PipeBuffer> buffer, bool writes, uint32_t flags, uint64_t number)
    : AnonymousFile(flags | (writes ? kOWrOnly : kORdOnly), kSIfIfo | 0600),
      buffer_(std::move(buffer)),
      writes_(writes) {
  set_number(number);
  (writes_ ? buffer_->writer : buffer_->reader) = this;
}

PipeEnd::~PipeEnd() {
  (writes_ ? buffer_->writer : buffer_->reader) = nullptr;
  NotifyOther(writes_ ? kEpollHup | kEpollIn : kEpollErr | kEpollOut);
}

Result<size_t> PipeEnd::Read(std::span<std::byte> out) {
  if (out.empty()) return size_t{0};
  for (;;) {
    if (const size_t taken = buffer_->Take(out); taken != 0) {
      NotifyOther(kEpollOut);
      return taken;
    }
    if (other() == nullptr) return size_t{0};
    if (nonblocking()) return Errno::kAgain;
    if (const auto waited = WaitReady(); !waited) return waited.error();
    // While this thread slept another may have unmapped the buffer.
    if (const auto memory = UserWritable(reinterpret_cast<uint64_t>(out.data()), out.size()); !memory)
      return memory.error();
  }
}

Result<size_t> PipeEnd::Write(std::span<const std::byte> in) {
  size_t done = 0;
  const bool whole = in.size() <= kPipeAtomic;
  while (done < in.size()) {
    if (other() == nullptr) return done != 0 ? Result<size_t>(done) : Errno::kPipe;
    const size_t room = buffer_->free();
    if (room != 0 && (!whole || room >= in.size())) {
      const size_t put = buffer_->Put(in.subspan(done));
      if (put == 0) return done != 0 ? Result<size_t>(done) : Errno::kNoMem;
      done += put;
      NotifyOther(kEpollIn);
      continue;
    }
    if (nonblocking()) return done != 0 ? Result<size_t>(done) : Errno::kAgain;
    if (const auto waited = WaitReady(); !waited) return done != 0 ? Result<size_t>(done) : waited.error();
    if (const auto memory = UserReadable(reinterpret_cast<uint64_t>(in.data()), in.size()); !memory)
      return memory.error();
  }
  return done;
}

Result<int64_t> PipeEnd::Ioctl(uint64_t request, uint64_t argument) {
  if (request != kFioNRead) return Errno::kNotTty;
  const auto out = UserOut<int32_t>(argument);
  if (!out) return out.error();
  **out = static_cast<int32_t>(buffer_->size());
  return int64_t{0};
}

uint32_t PipeEnd::PollEvents() {
  if (writes_)
    return (buffer_->free() >= kPipeAtomic ? kEpollOut : 0u) | (other() == nullptr ? kEpollErr | kEpollOut : 0u);
  return (buffer_->size() != 0 ? kEpollIn : 0u) | (other() == nullptr ? kEpollHup : 0u);
}

// ---- System calls

int64_t SysPipe2(uint64_t fds_out, uint32_t flags) {
  if ((flags & ~(kOCloexec | kONonblock | kODirect)) != 0) return Negative(Errno::kInval);
  const auto out = UserWritable(fds_out, 2 * sizeof(int));
  if (!out) return out.Negative();
  const auto buffer = MakeRef<PipeBuffer>();
  const uint64_t number = NextInodeNumber();
  const bool close_on_exec = (flags & kOCloexec) != 0;
  const uint32_t kept = flags & kONonblock;
  const auto reader = MakeRef<PipeEnd>(buffer, false, kept, number);
  const auto writer = MakeRef<PipeEnd>(buffer, true, kept, number);
  const auto first = fds().Add(reader, close_on_exec);
  if (!first) return first.Negative();
  const auto second = fds().Add(writer, close_on_exec);
  if (!second) {
    (void)fds().Close(*first);
    return second.Negative();
  }
  const int numbers[2] = {*first, *second};
  __builtin_memcpy(out->data(), numbers, sizeof(numbers));
  return 0;
}

int64_t SysPipe(uint64_t fds_out) { return SysPipe2(fds_out, 0); }

}  // namespace ebb::linux_abi
