// TimerFile: a timerfd. It is armed with the kernel's timer for its next expiration alone; how often it has expired is
// computed when it is read, so a short interval that nobody reads wakes nobody.
#pragma once

#include "kernel/timer.h"
#include "linux/fs/anonymous_file.h"

namespace ebb::linux_abi {

class TimerFile final : public AnonymousFile, private TimerEntry {
 public:
  TimerFile(bool realtime, uint32_t flags) : AnonymousFile(kORdWr | flags, 0600), realtime_(realtime) {}
  FileKind kind() const override { return FileKind::kTimer; }

  Result<size_t> Read(std::span<std::byte> out) override;
  uint32_t PollEvents() override { return expired_ ? kEpollIn : 0u; }

  bool realtime() const { return realtime_; }
  // Nanoseconds of the monotonic clock; 0 disarms.
  void Set(uint64_t deadline_ns, uint64_t interval_ns);
  // Until the next expiration, 0 when disarmed.
  uint64_t Remaining() const;
  uint64_t interval() const { return interval_; }

 protected:
  ~TimerFile() override;

 private:
  void OnTimer() override;

  bool realtime_;
  bool expired_ = false;
  uint64_t deadline_ = 0;  // of the expiration waited for, or of the first one not read
  uint64_t interval_ = 0;
};

}  // namespace ebb::linux_abi
