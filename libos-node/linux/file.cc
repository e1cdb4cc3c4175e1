// The defaults of File, and its readiness: sleepers and observers.
#include "linux/file.h"

#include "kernel/user_memory.h"

namespace ebb::linux_abi {

File::~File() {
  // One at a time: an observer that hears of the end may remove others.
  while (FileObserver* observer = observers_.PopFront()) observer->OnGone(*this);
}

Result<size_t> File::Read(std::span<std::byte>) { return Errno::kInval; }
Result<size_t> File::Write(std::span<const std::byte>) { return Errno::kInval; }
Result<size_t> File::ReadAt(std::span<std::byte>, uint64_t) { return Errno::kSPipe; }
Result<size_t> File::WriteAt(std::span<const std::byte>, uint64_t) { return Errno::kSPipe; }
Result<uint64_t> File::Seek(int64_t, int) { return Errno::kSPipe; }
Result<int64_t> File::Ioctl(uint64_t, uint64_t) { return Errno::kNotTty; }
Result<> File::Truncate(uint64_t) { return Errno::kInval; }
Result<> File::MovePagesTo(std::span<std::byte>, uint64_t) { return Errno::kNoDev; }
Result<size_t> File::ReadForMap(std::span<std::byte>, uint64_t) { return Errno::kNoDev; }

Result<size_t> File::ReadVector(std::span<const IoVec> buffers) {
  size_t done = 0;
  for (const IoVec& buffer : buffers) {
    if (buffer.size == 0) continue;
    // What was read must not wait for more.
    if (done != 0 && (PollEvents() & kEpollIn) == 0) break;
    const auto memory = UserWritable(buffer.base, buffer.size);
    const auto got = memory ? Read(*memory) : Result<size_t>(memory.error());
    if (!got) {
      if (done != 0) break;
      return got.error();
    }
    done += *got;
    if (*got < buffer.size) break;
  }
  return done;
}

Result<size_t> File::WriteVector(std::span<const IoVec> buffers) {
  size_t done = 0;
  for (const IoVec& buffer : buffers) {
    if (buffer.size == 0) continue;
    const auto memory = UserReadable(buffer.base, buffer.size);
    const auto put = memory ? Write(*memory) : Result<size_t>(memory.error());
    if (!put) {
      if (done != 0) break;
      return put.error();
    }
    done += *put;
    if (*put < buffer.size) break;
  }
  return done;
}

void File::NotifyReady(uint32_t events) {
  waiters_.WakeAll();
  observers_.ForEach([&](FileObserver& observer) { observer.OnReady(*this, events); });
}

Result<> File::WaitReady(uint64_t deadline_ns) {
  switch (waiters_.Wait(deadline_ns, true, !WokenFromOutside())) {
    case WakeReason::kSignal:
      return Errno::kIntr;
    case WakeReason::kTimeout:
      return Errno::kTimedOut;
    case WakeReason::kWoken:
      break;
  }
  return Ok{};
}

}  // namespace ebb::linux_abi
