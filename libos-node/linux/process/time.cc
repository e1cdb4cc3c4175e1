#include "kernel/clock.h"
#include "kernel/thread.h"
#include "kernel/user_memory.h"
#include "kernel/wait_queue.h"
#include "linux/abi.h"
#include "linux/process/syscalls.h"

namespace ebb::linux_abi {
namespace {

constexpr int kRealtime = 0, kMonotonic = 1, kProcessCpu = 2, kThreadCpu = 3, kMonotonicRaw = 4, kRealtimeCoarse = 5,
              kMonotonicCoarse = 6, kBoottime = 7;
constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

// False for clocks that do not exist.
bool ReadClock(int clock_id, uint64_t& nanoseconds) {
  switch (clock_id) {
    case kRealtime:
    case kRealtimeCoarse:
      nanoseconds = clock->Realtime();
      return true;
    case kMonotonic:
    case kMonotonicRaw:
    case kMonotonicCoarse:
    case kBoottime:
      nanoseconds = clock->Now();
      return true;
    // One core: what was not idle was spent by the process. Threads are not told apart.
    case kProcessCpu:
    case kThreadCpu:
      nanoseconds = clock->Now() - boot_time_ns() - scheduler().idle_ns();
      return true;
    default:
      return false;
  }
}

TimeSpec ToSpec(uint64_t nanoseconds) {
  return {static_cast<int64_t>(nanoseconds / kNanosecondsPerSecond),
          static_cast<int64_t>(nanoseconds % kNanosecondsPerSecond)};
}

Result<uint64_t> ReadDuration(uint64_t address) {
  const auto in = UserIn<TimeSpec>(address);
  if (!in) return in.error();
  const TimeSpec spec = **in;
  if (spec.seconds < 0 || spec.nanoseconds < 0 || spec.nanoseconds >= static_cast<int64_t>(kNanosecondsPerSecond))
    return Errno::kInval;
  constexpr int64_t kCenturies = 10'000'000'000;
  if (spec.seconds >= kCenturies) return kForever / 2;
  return static_cast<uint64_t>(spec.seconds) * kNanosecondsPerSecond + static_cast<uint64_t>(spec.nanoseconds);
}

int64_t SleepUntil(uint64_t deadline, uint64_t rest, bool report_rest) {
  WaitQueue never;
  while (clock->Now() < deadline) {
    if (never.Wait(deadline) != WakeReason::kSignal) continue;
    if (report_rest && rest != 0) {
      const auto out = UserOut<TimeSpec>(rest);
      if (!out) return out.Negative();
      const uint64_t now = clock->Now();
      **out = ToSpec(deadline > now ? deadline - now : 0);
    }
    return Negative(Errno::kIntr);
  }
  return 0;
}

}  // namespace

int64_t SysClockGettime(int clock_id, uint64_t address) {
  uint64_t nanoseconds;
  if (!ReadClock(clock_id, nanoseconds)) return Negative(Errno::kInval);
  const auto out = UserOut<TimeSpec>(address);
  if (!out) return out.Negative();
  **out = ToSpec(nanoseconds);
  return 0;
}

int64_t SysClockGetres(int clock_id, uint64_t address) {
  uint64_t unused;
  if (!ReadClock(clock_id, unused)) return Negative(Errno::kInval);
  if (address == 0) return 0;
  const auto out = UserOut<TimeSpec>(address);
  if (!out) return out.Negative();
  **out = {0, 1};
  return 0;
}

int64_t SysGettimeofday(uint64_t value, uint64_t zone) {
  if (value != 0) {
    const auto out = UserOut<TimeVal>(value);
    if (!out) return out.Negative();
    const uint64_t now = clock->Realtime();
    **out = {static_cast<int64_t>(now / kNanosecondsPerSecond),
             static_cast<int64_t>(now % kNanosecondsPerSecond / 1000)};
  }
  if (zone != 0) {
    const auto out = UserOut<uint64_t>(zone);
    if (!out) return out.Negative();
    **out = 0;
  }
  return 0;
}

int64_t SysTime(uint64_t address) {
  const auto seconds = static_cast<int64_t>(clock->Realtime() / kNanosecondsPerSecond);
  if (address != 0) {
    const auto out = UserOut<int64_t>(address);
    if (!out) return out.Negative();
    **out = seconds;
  }
  return seconds;
}

int64_t SysTimes(uint64_t address) {
  constexpr uint64_t kNanosecondsPerTick = 10'000'000;
  if (address != 0) {
    const auto out = UserWritable(address, 4 * sizeof(int64_t));
    if (!out) return out.Negative();
    int64_t values[4] = {};
    uint64_t busy = 0;
    ReadClock(kProcessCpu, busy);
    values[0] = static_cast<int64_t>(busy / kNanosecondsPerTick);
    __builtin_memcpy(out->data(), values, sizeof(values));
  }
  return static_cast<int64_t>(clock->Now() / kNanosecondsPerTick);
}

int64_t SysNanosleep(uint64_t duration, uint64_t rest) {
  const auto nanoseconds = ReadDuration(duration);
  if (!nanoseconds) return nanoseconds.Negative();
  return SleepUntil(clock->Now() + *nanoseconds, rest, true);
}

int64_t SysClockNanosleep(int clock_id, int flags, uint64_t request, uint64_t rest) {
  constexpr int kAbsolute = 1;
  uint64_t now;
  if (!ReadClock(clock_id, now) || clock_id == kThreadCpu) return Negative(Errno::kInval);
  const auto nanoseconds = ReadDuration(request);
  if (!nanoseconds) return nanoseconds.Negative();
  if ((flags & kAbsolute) == 0) return SleepUntil(clock->Now() + *nanoseconds, rest, true);
  return SleepUntil(clock->Now() + (*nanoseconds > now ? *nanoseconds - now : 0), 0, false);
}

}  // namespace ebb::linux_abi
