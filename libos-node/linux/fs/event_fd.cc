// eventfd: a 64-bit counter to wait on.
#include "linux/fs/anonymous_file.h"
#include "linux/fs/arguments.h"
#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {
namespace {

constexpr uint32_t kSemaphore = 1;

class EventFile final : public AnonymousFile {
 public:
  EventFile(uint64_t count, bool semaphore, uint32_t flags)
      : AnonymousFile(kORdWr | flags, 0600), count_(count), semaphore_(semaphore) {}

  Result<size_t> Read(std::span<std::byte> out) override {
    if (out.size() < sizeof(uint64_t)) return Errno::kInval;
    while (count_ == 0) {
      if (const auto waited = Wait(); !waited) return waited.error();
      if (const auto memory = UserWritable(reinterpret_cast<uint64_t>(out.data()), out.size()); !memory)
        return memory.error();
    }
    const uint64_t value = semaphore_ ? 1 : count_;
    count_ -= value;
    __builtin_memcpy(out.data(), &value, sizeof(value));
    NotifyReady(kEpollOut);
    return sizeof(value);
  }

  Result<size_t> Write(std::span<const std::byte> in) override {
    uint64_t value;
    if (in.size() < sizeof(value)) return Errno::kInval;
    __builtin_memcpy(&value, in.data(), sizeof(value));
    if (value == UINT64_MAX) return Errno::kInval;
    while (value > kMost - count_) {
      if (const auto waited = Wait(); !waited) return waited.error();
    }
    count_ += value;
    NotifyReady(kEpollIn);
    return sizeof(value);
  }

  bool WokenFromOutside() const override { return false; }
  uint32_t PollEvents() override { return (count_ != 0 ? kEpollIn : 0u) | (count_ < kMost ? kEpollOut : 0u); }

 private:
  static constexpr uint64_t kMost = UINT64_MAX - 1;

  Result<> Wait() {
    if (nonblocking()) return Errno::kAgain;
    return WaitReady();
  }

  uint64_t count_;
  bool semaphore_;
};

}  // namespace

int64_t SysEventfd2(uint32_t count, uint32_t flags) {
  if ((flags & ~(kSemaphore | kONonblock | kOCloexec)) != 0) return Negative(Errno::kInval);
  return AddDescriptor(MakeRef<EventFile>(count, (flags & kSemaphore) != 0, flags & kONonblock),
                       (flags & kOCloexec) != 0);
}

int64_t SysEventfd(uint32_t count) { return SysEventfd2(count, 0); }

}  // namespace ebb::linux_abi
