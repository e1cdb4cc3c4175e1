// alarm and setitimer: SIGALRM to the process after a while. Only the real-time timer: nobody's CPU time is counted
// apart here.
#include "kernel/clock.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "kernel/user_memory.h"
#include "linux/abi.h"
#include "linux/process/process.h"
#include "linux/process/signal.h"

namespace ebb::linux_abi {
namespace {

constexpr int kReal = 0;
constexpr uint64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kMicrosecondsPerSecond = 1'000'000;
constexpr int64_t kLongestSeconds = 10'000'000'000 / 8;

struct IntervalTimerValue {
  TimeVal interval;
  TimeVal value;
};

class IntervalTimer final : public TimerEntry {
 public:
  // 0 disarms.
  void Set(uint64_t first_ns, uint64_t interval_ns) {
    interval_ns_ = interval_ns;
    Arm(first_ns == 0 ? kForever : clock->Now() + first_ns);
  }
  uint64_t interval_ns() const { return interval_ns_; }
  // Until it fires; 0 when it is not armed.
  uint64_t Left() const {
    if (deadline_ == kForever) return 0;
    const uint64_t now = clock->Now();
    return deadline_ > now ? deadline_ - now : 1000;
  }

 private:
  void OnTimer() override {
    const uint64_t due = deadline_;
    const uint64_t now = clock->Now();
    // What was missed fires once.
    const uint64_t missed = interval_ns_ == 0 ? 0 : (now - due) / interval_ns_;
    Arm(interval_ns_ == 0 ? kForever : due + (missed + 1) * interval_ns_);
    SendProcessSignal(SignalFrom(kSigAlrm, kSiKernel));
  }

  void Arm(uint64_t deadline) {
    // Ticks let a computing program notice it.
    if ((deadline == kForever) != (deadline_ == kForever)) scheduler().ExpectExternal(deadline != kForever);
    deadline_ = deadline;
    StartTimer(*this, deadline);
  }

  uint64_t deadline_ = kForever;
  uint64_t interval_ns_ = 0;
};

IntervalTimer real_timer;

TimeVal ToTimeVal(uint64_t ns) {
  return {static_cast<int64_t>(ns / kNsPerSecond), static_cast<int64_t>(ns % kNsPerSecond / 1000)};
}

Result<uint64_t> ToNanoseconds(const TimeVal& value) {
  if (value.seconds < 0 || value.microseconds < 0 || value.microseconds >= kMicrosecondsPerSecond) return Errno::kInval;
  const int64_t seconds = value.seconds < kLongestSeconds ? value.seconds : kLongestSeconds;
  return static_cast<uint64_t>(seconds) * kNsPerSecond + static_cast<uint64_t>(value.microseconds) * 1000;
}

IntervalTimerValue Now() { return {ToTimeVal(real_timer.interval_ns()), ToTimeVal(real_timer.Left())}; }

}  // namespace

int64_t SysAlarm(uint32_t seconds) {
  const uint64_t left = real_timer.Left();
  real_timer.Set(seconds * kNsPerSecond, 0);
  // Rounded, but never 0 while one was armed.
  const uint64_t rounded = (left + kNsPerSecond / 2) / kNsPerSecond;
  return static_cast<int64_t>(left != 0 && rounded == 0 ? 1 : rounded);
}

int64_t SysGetitimer(int which, uint64_t out) {
  if (which != kReal) return Negative(Errno::kInval);
  const auto to = UserOut<IntervalTimerValue>(out);
  if (!to) return to.Negative();
  **to = Now();
  return 0;
}

int64_t SysSetitimer(int which, uint64_t value, uint64_t old_value) {
  if (which != kReal) return Negative(Errno::kInval);
  const IntervalTimerValue old = Now();
  IntervalTimerValue wanted = {};
  if (value != 0) {
    const auto in = UserIn<IntervalTimerValue>(value);
    if (!in) return in.Negative();
    wanted = **in;
  }
  const auto first = ToNanoseconds(wanted.value);
  const auto interval = ToNanoseconds(wanted.interval);
  if (!first || !interval) return Negative(Errno::kInval);
  if (old_value != 0) {
    const auto out = UserOut<IntervalTimerValue>(old_value);
    if (!out) return out.Negative();
    **out = old;
  }
  real_timer.Set(*first, *interval);
  return 0;
}

}  // namespace ebb::linux_abi
