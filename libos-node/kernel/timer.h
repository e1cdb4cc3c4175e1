// Timer: one-shot callbacks at a clock deadline, run by the event loop in kernel context of this core.
#pragma once

#include <cstdint>

#include "kernel/intrusive_list.h"
#include "kernel/wait_queue.h"

namespace ebb {

class TimerEntry {
 public:
  // Must not block.
  virtual void OnTimer() = 0;
  bool armed() const { return node_.linked(); }

 protected:
  ~TimerEntry() = default;

 private:
  friend class Timer;
  uint64_t deadline_ = 0;
  ListNode node_;
};

class Timer {
 public:
  // Starting an armed entry moves it. kForever disarms.
  void Start(TimerEntry& entry, uint64_t deadline_ns);
  void Cancel(TimerEntry& entry) { entry.node_.Unlink(); }
  // kForever when none is armed.
  uint64_t NextDeadline() const;
  // Fires what is due.
  void Run(uint64_t now_ns);

 private:
  // Sorted; equal deadlines fire in start order. Waits of threads are few, so a list beats a heap here.
  IntrusiveList<TimerEntry, &TimerEntry::node_> entries_;
};

inline void Timer::Start(TimerEntry& entry, uint64_t deadline_ns) {
  entry.node_.Unlink();
  if (deadline_ns == kForever) return;
  entry.deadline_ = deadline_ns;
  entries_.InsertSorted(entry, [](const TimerEntry& a, const TimerEntry& b) { return a.deadline_ < b.deadline_; });
}

inline uint64_t Timer::NextDeadline() const {
  const TimerEntry* first = entries_.front();
  return first == nullptr ? kForever : first->deadline_;
}

inline void Timer::Run(uint64_t now_ns) {
  while (TimerEntry* first = entries_.front()) {
    if (first->deadline_ > now_ns) return;
    first->node_.Unlink();
    first->OnTimer();
  }
}

// This core's.
Timer& timer();

inline void StartTimer(TimerEntry& entry, uint64_t deadline_ns) { timer().Start(entry, deadline_ns); }
inline void CancelTimer(TimerEntry& entry) { timer().Cancel(entry); }

}  // namespace ebb
