// Where threads sleep until a condition may hold. Kernel code is not preempted on its core, so "check, then Wait" has
// no lost wake-up. A waiter always checks its condition again: wake-ups may be spurious.
#pragma once

#include <cstdint>

#include "kernel/intrusive_list.h"

namespace ebb {

class Thread;

constexpr uint64_t kForever = UINT64_MAX;

enum class WakeReason : uint8_t { kWoken, kTimeout, kSignal };

// Lives on the stack of the sleeping thread.
struct Waiter {
  Thread* thread = nullptr;
  uint64_t key = 0;  // free for the owner of the queue (futex bitsets)
  bool woken = false;
  // Only other threads of the program can end this wait: no timer, no input. While such threads are the only ones
  // asleep, a running thread needs no ticks.
  bool internal = false;
  ListNode node;
};

class WaitQueue {
 public:
  bool empty() const { return waiters_.empty(); }

  // Blocks the calling thread until woken, until the deadline (clock->Now() nanoseconds) or, when interruptible, until
  // a signal is pending for it.
  WakeReason Wait(uint64_t deadline_ns = kForever, bool interruptible = true, bool internal = false);

  // For waits on several queues or with a key: the caller enqueues its own Waiter, calls SleepUntilWoken, and removes
  // it.
  void Add(Waiter& waiter) { waiters_.PushBack(waiter); }

  void WakeAll();
  // Wakes the longest waiting one; false when nobody waits.
  bool WakeOne();
  static void Wake(Waiter& waiter);

  IntrusiveList<Waiter, &Waiter::node>& waiters() { return waiters_; }

 private:
  IntrusiveList<Waiter, &Waiter::node> waiters_;
};

// Blocks the calling thread until waiter.woken (any queue), the deadline or a signal. The caller has set waiter.thread
// by PrepareWait().
void PrepareWait(Waiter& waiter);
WakeReason SleepUntilWoken(Waiter& waiter, uint64_t deadline_ns, bool interruptible = true);

}  // namespace ebb
