#include "linux/process/futex.h"

#include "kernel/clock.h"
#include "kernel/thread.h"
#include "kernel/user_memory.h"
#include "kernel/wait_queue.h"
#include "linux/abi.h"

namespace ebb::linux_abi {
namespace {

constexpr int kWait = 0, kWakeOp = 1, kRequeue = 3, kCmpRequeue = 4, kWakeOpComplex = 5, kWaitBitset = 9,
              kWakeBitset = 10;
constexpr int kPrivateFlag = 128, kClockRealtime = 256;

struct FutexWaiter : Waiter {
  uint32_t bitset = ~0u;
};

// One queue per bucket; a waiter's key is its word's address.
constexpr size_t kBuckets = 256;
WaitQueue buckets[kBuckets];

WaitQueue& BucketOf(uint64_t address) { return buckets[(address >> 2) * 0x9e3779b97f4a7c15ull >> 56]; }

int64_t Wait(uint64_t address, uint32_t value, uint64_t deadline, uint32_t bitset) {
  if (bitset == 0) return Negative(Errno::kInval);
  const auto word = UserIn<uint32_t>(address);
  if (!word) return word.Negative();
  if (**word != value) return Negative(Errno::kAgain);
  FutexWaiter waiter;
  waiter.key = address;
  waiter.bitset = bitset;
  waiter.internal = true;
  PrepareWait(waiter);
  BucketOf(address).Add(waiter);
  switch (SleepUntilWoken(waiter, deadline)) {
    case WakeReason::kWoken:
      return 0;
    case WakeReason::kTimeout:
      return Negative(Errno::kTimedOut);
    case WakeReason::kSignal:
      return Negative(Errno::kIntr);
  }
  return 0;
}

int64_t Requeue(uint64_t from, uint64_t to, uint32_t wake, uint32_t move) {
  int64_t moved = FutexWake(from, wake);
  // Onto itself a waiter would be met again behind all others, for ever.
  if (from == to) return moved;
  uint32_t left = move;
  BucketOf(from).waiters().ForEach([&](Waiter& waiter) {
    if (waiter.key != from || left == 0) return;
    --left;
    ++moved;
    waiter.node.Unlink();
    waiter.key = to;
    BucketOf(to).Add(waiter);
  });
  return moved;
}

// FUTEX_WAKE_OP: changes the second word, wakes the first, and the second if its old value compares.
int64_t WakeOperation(uint64_t address, uint32_t count, uint64_t address2, uint32_t count2, uint32_t operation) {
  const auto word = UserOut<uint32_t>(address2);
  if (!word) return word.Negative();
  uint32_t argument = (operation >> 12) & 0xfff;
  if ((operation & 0x80000000u) != 0) argument = 1u << (argument & 31);
  const uint32_t comparand = operation & 0xfff;
  const uint32_t old = **word;
  switch ((operation >> 28) & 7) {
    case 0:
      **word = argument;
      break;
    case 1:
      **word = old + argument;
      break;
    case 2:
      **word = old | argument;
      break;
    case 3:
      **word = old & ~argument;
      break;
    case 4:
      **word = old ^ argument;
      break;
    default:
      return Negative(Errno::kNoSys);
  }
  const auto a = static_cast<int32_t>(old);
  const auto b = static_cast<int32_t>(comparand);
  bool matches = false;
  switch ((operation >> 24) & 15) {
    case 0:
      matches = a == b;
      break;
    case 1:
      matches = a != b;
      break;
    case 2:
      matches = a < b;
      break;
    case 3:
      matches = a <= b;
      break;
    case 4:
      matches = a > b;
      break;
    case 5:
      matches = a >= b;
      break;
    default:
      return Negative(Errno::kNoSys);
  }
  int64_t woken = FutexWake(address, count);
  if (matches) woken += FutexWake(address2, count2);
  return woken;
}

}  // namespace

int64_t FutexWake(uint64_t address, uint32_t count, uint32_t bitset) {
  int64_t woken = 0;
  BucketOf(address).waiters().ForEach([&](Waiter& waiter) {
    if (static_cast<uint64_t>(woken) >= count || waiter.key != address ||
        (static_cast<FutexWaiter&>(waiter).bitset & bitset) == 0)
      return;
    WaitQueue::Wake(waiter);
    ++woken;
  });
  return woken;
}

void ReleaseRobustFutexes(uint64_t list_head, uint32_t tid) {
  struct Head {
    uint64_t first;
    int64_t futex_offset;
    uint64_t pending;
  };
  const auto head = UserIn<Head>(list_head);
  if (list_head == 0 || !head) return;
  constexpr int kLimit = 2048;
  constexpr uint32_t kTidMask = 0x3fffffff, kOwnerDied = 0x40000000, kWaiters = 0x80000000;
  const auto release = [&](uint64_t entry) {
    const uint64_t address = (entry & ~1ull) + static_cast<uint64_t>((*head)->futex_offset);
    const auto word = UserOut<uint32_t>(address);
    if (!word || (**word & kTidMask) != tid) return;
    const bool waiters = (**word & kWaiters) != 0;
    **word = (**word & kWaiters) | kOwnerDied;
    if (waiters) FutexWake(address, 1);
  };
  uint64_t entry = (*head)->first;
  for (int i = 0; i < kLimit && (entry & ~1ull) != list_head; ++i) {
    const auto next = UserIn<uint64_t>(entry & ~1ull);
    if (!next) return;
    const uint64_t following = **next;
    if (entry != (*head)->pending) release(entry);
    entry = following;
  }
  if ((*head)->pending != 0) release((*head)->pending);
}

int64_t SysFutex(uint64_t address, int operation, uint32_t value, uint64_t timeout, uint64_t address2,
                 uint32_t value3) {
  if ((address & 3) != 0) return Negative(Errno::kInval);
  const int command = operation & ~(kPrivateFlag | kClockRealtime);
  uint64_t deadline = kForever;
  if ((command == kWait || command == kWaitBitset) && timeout != 0) {
    const auto spec = UserIn<TimeSpec>(timeout);
    if (!spec) return spec.Negative();
    const TimeSpec t = **spec;
    if (t.seconds < 0 || t.nanoseconds < 0 || t.nanoseconds >= 1'000'000'000) return Negative(Errno::kInval);
    // Centuries are forever.
    if (t.seconds < 10'000'000'000) {
      const uint64_t nanoseconds =
          static_cast<uint64_t>(t.seconds) * 1'000'000'000 + static_cast<uint64_t>(t.nanoseconds);
      if (command == kWait) {
        deadline = clock->Now() + nanoseconds;
      } else if ((operation & kClockRealtime) != 0) {
        const uint64_t now = clock->Realtime();
        deadline = clock->Now() + (nanoseconds > now ? nanoseconds - now : 0);
      } else {
        deadline = nanoseconds;
      }
    }
  }
  switch (command) {
    case kWait:
      return Wait(address, value, deadline, ~0u);
    case kWaitBitset:
      return Wait(address, value, deadline, value3);
    case kWakeOp:
      return FutexWake(address, value);
    case kWakeBitset:
      return value3 == 0 ? Negative(Errno::kInval) : FutexWake(address, value, value3);
    case kRequeue:
      return Requeue(address, address2, value, static_cast<uint32_t>(timeout));
    case kCmpRequeue: {
      const auto word = UserIn<uint32_t>(address);
      if (!word) return word.Negative();
      if (**word != value3) return Negative(Errno::kAgain);
      return Requeue(address, address2, value, static_cast<uint32_t>(timeout));
    }
    case kWakeOpComplex:
      return WakeOperation(address, value, address2, static_cast<uint32_t>(timeout), value3);
    default:
      return Negative(Errno::kNoSys);
  }
}

}  // namespace ebb::linux_abi
