#include "linux/fs/waiting.h"

#include "kernel/clock.h"
#include "kernel/event_manager.h"
#include "kernel/thread.h"
#include "kernel/user_memory.h"
#include "linux/process/signal.h"

namespace ebb::linux_abi {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
// Longer waits have no end.
constexpr int64_t kLongestSeconds = 1'000'000'000;

}  // namespace

uint64_t DeadlineOf(uint64_t duration_ns) { return duration_ns == 0 ? 0 : clock->Now() + duration_ns; }

uint64_t DeadlineOfMilliseconds(int64_t milliseconds) {
  return milliseconds < 0 ? kForever : DeadlineOf(static_cast<uint64_t>(milliseconds) * 1'000'000);
}

Result<uint64_t> DeadlineAt(uint64_t timespec_address) {
  if (timespec_address == 0) return kForever;
  const auto in = UserIn<TimeSpec>(timespec_address);
  if (!in) return in.error();
  const TimeSpec spec = **in;
  if (spec.seconds < 0 || spec.nanoseconds < 0 || spec.nanoseconds >= kNanosecondsPerSecond) return Errno::kInval;
  if (spec.seconds > kLongestSeconds) return kForever;
  return DeadlineOf(static_cast<uint64_t>(spec.seconds * kNanosecondsPerSecond + spec.nanoseconds));
}

Result<> MaskedWait::Begin(uint64_t mask_address, uint64_t mask_size) {
  if (mask_address == 0) return Ok{};
  if (mask_size != sizeof(uint64_t)) return Errno::kInval;
  const auto in = UserIn<uint64_t>(mask_address);
  if (!in) return in.error();
  BeginMaskedWait(**in);
  active_ = true;
  return Ok{};
}

int64_t MaskedWait::End(int64_t result) {
  if (active_) EndMaskedWait(result == Negative(Errno::kIntr));
  return result;
}

void TakeEvents() { event_manager().RunReady(); }

void BeforeSleep() {
  if (scheduler().HasRunnable()) PollTender();
}

uint32_t ExpandEvents(uint32_t events) {
  constexpr uint32_t kReadNormal = 0x40, kWriteNormal = 0x100;
  return events | ((events & kEpollIn) != 0 ? kReadNormal : 0u) | ((events & kEpollOut) != 0 ? kWriteNormal : 0u);
}

}  // namespace ebb::linux_abi
