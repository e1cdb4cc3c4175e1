#include "linux/fs/timer_fd.h"

#include "kernel/clock.h"
#include "linux/fs/arguments.h"
#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

struct IntervalSpec {
  TimeSpec interval;
  TimeSpec value;
};

Result<uint64_t> ToNanoseconds(const TimeSpec& spec) {
  // Later than any machine lives.
  constexpr int64_t kLongestSeconds = 4'000'000'000;
  if (spec.seconds < 0 || spec.nanoseconds < 0 || spec.nanoseconds >= kNanosecondsPerSecond) return Errno::kInval;
  if (spec.seconds > kLongestSeconds) return static_cast<uint64_t>(kLongestSeconds) * kNanosecondsPerSecond;
  return static_cast<uint64_t>(spec.seconds * kNanosecondsPerSecond + spec.nanoseconds);
}

TimeSpec ToSpec(uint64_t nanoseconds) {
  return {static_cast<int64_t>(nanoseconds / kNanosecondsPerSecond),
          static_cast<int64_t>(nanoseconds % kNanosecondsPerSecond)};
}

Result<Ref<File>> GetTimer(int fd) {
  auto file = ContentFile(fd);
  if (file && (*file)->kind() != FileKind::kTimer) return Errno::kInval;
  return file;
}

int64_t PutSetting(const TimerFile& timer, uint64_t address) {
  const auto out = UserOut<IntervalSpec>(address);
  if (!out) return out.Negative();
  **out = {ToSpec(timer.interval()), ToSpec(timer.Remaining())};
  return 0;
}

}  // namespace

TimerFile::~TimerFile() { CancelTimer(*this); }

void TimerFile::OnTimer() {
  expired_ = true;
  NotifyReady(kEpollIn);
}

void TimerFile::Set(uint64_t deadline_ns, uint64_t interval_ns) {
  CancelTimer(*this);
  expired_ = false;
  deadline_ = deadline_ns;
  interval_ = interval_ns;
  if (deadline_ns != 0) StartTimer(*this, deadline_ns);
}

uint64_t TimerFile::Remaining() const {
  if (deadline_ == 0) return 0;
  const uint64_t now = clock->Now();
  if (deadline_ > now) return deadline_ - now;
  if (interval_ == 0) return 0;
  return interval_ - (now - deadline_) % interval_;
}

Result<size_t> TimerFile::Read(std::span<std::byte> out) {
  if (out.size() < sizeof(uint64_t)) return Errno::kInval;
  while (!expired_) {
    if (nonblocking()) return Errno::kAgain;
    if (const auto waited = WaitReady(); !waited) return waited.error();
    if (const auto memory = UserWritable(reinterpret_cast<uint64_t>(out.data()), out.size()); !memory)
      return memory.error();
  }
  expired_ = false;
  uint64_t expirations = 1;
  if (interval_ == 0) {
    deadline_ = 0;
  } else {
    const uint64_t now = clock->Now();
    if (now > deadline_) expirations += (now - deadline_) / interval_;
    deadline_ += expirations * interval_;
    StartTimer(*this, deadline_);
  }
  __builtin_memcpy(out.data(), &expirations, sizeof(expirations));
  return sizeof(expirations);
}

int64_t SysTimerfdCreate(int clock_id, uint32_t flags) {
  constexpr int kRealtime = 0, kMonotonic = 1, kBoottime = 7;
  if ((flags & ~(kONonblock | kOCloexec)) != 0) return Negative(Errno::kInval);
  if (clock_id != kRealtime && clock_id != kMonotonic && clock_id != kBoottime) return Negative(Errno::kInval);
  return AddDescriptor(MakeRef<TimerFile>(clock_id == kRealtime, flags & kONonblock), (flags & kOCloexec) != 0);
}

int64_t SysTimerfdSettime(int fd, uint32_t flags, uint64_t value, uint64_t old_value) {
  constexpr uint32_t kAbsolute = 1, kCancelOnSet = 2;
  const auto in = UserIn<IntervalSpec>(value);
  if (!in) return in.Negative();
  const IntervalSpec spec = **in;
  const auto file = GetTimer(fd);
  if (!file) return file.Negative();
  if ((flags & ~(kAbsolute | kCancelOnSet)) != 0) return Negative(Errno::kInval);
  const auto first = ToNanoseconds(spec.value);
  const auto interval = ToNanoseconds(spec.interval);
  if (!first || !interval) return Negative(Errno::kInval);
  auto& timer = static_cast<TimerFile&>(**file);
  if (old_value != 0) {
    if (const int64_t put = PutSetting(timer, old_value); put != 0) return put;
  }
  uint64_t deadline = 0;
  if (*first != 0) {
    const uint64_t now = clock->Now();
    deadline = now + *first;
    if ((flags & kAbsolute) != 0) {
      // A time in the past expires at once.
      const uint64_t reference = timer.realtime() ? clock->Realtime() : now;
      deadline = *first > reference ? now + (*first - reference) : now;
    }
  }
  timer.Set(deadline, *interval);
  return 0;
}

int64_t SysTimerfdGettime(int fd, uint64_t out) {
  const auto file = GetTimer(fd);
  if (!file) return file.Negative();
  return PutSetting(static_cast<TimerFile&>(**file), out);
}

}  // namespace ebb::linux_abi
