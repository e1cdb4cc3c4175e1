// TimerQueue: a loop's armed timers by due time; equal times in start order. Two parts: a sorted run, to which a timer
// goes that is due no earlier than the last one there, and a 4-ary heap for all others. Timers of one length, the
// common case, therefore start and fire in O(1). Starting never allocates: room is reserved when a timer handle is
// initialised.
#pragma once

#include <cstddef>
#include <cstdint>

#include "uv.h"

namespace ebb::uv {

class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue();

  // Room for one more timer handle; false when out of memory. Each is given back by Release.
  bool Reserve();
  void Release();

  // `timer` is not in the queue; its timeout and start_id are set.
  void Insert(uv_timer_t* timer);
  void Remove(uv_timer_t* timer);
  // The one due first, or null.
  uv_timer_t* First() const;

 private:
  struct Entry {
    uint64_t timeout;
    uint64_t start_id;
    uv_timer_t* timer;  // null: removed from the middle of the run
  };
  static bool Before(const Entry& a, const Entry& b) {
    return a.timeout != b.timeout ? a.timeout < b.timeout : a.start_id < b.start_id;
  }
  // Where a timer is, kept in the timer: the index in its part.
  static void SetPlace(uv_timer_t* timer, bool in_run, size_t index);

  void PutInHeap(size_t index, const Entry& entry);
  void SiftUp(size_t index, const Entry& entry);
  void SiftDown(size_t index, const Entry& entry);
  void TrimRun();
  void CompactRun();

  Entry* heap_ = nullptr;
  size_t heap_size_ = 0;
  // The run is run_[run_begin_, run_end_); first and last entry are never removed ones.
  Entry* run_ = nullptr;
  size_t run_begin_ = 0;
  size_t run_end_ = 0;
  size_t run_live_ = 0;
  size_t capacity_ = 0;
  size_t reserved_ = 0;
};

inline uv_timer_t* TimerQueue::First() const {
  if (run_begin_ == run_end_) return heap_size_ == 0 ? nullptr : heap_[0].timer;
  const Entry& run = run_[run_begin_];
  return heap_size_ != 0 && Before(heap_[0], run) ? heap_[0].timer : run.timer;
}

}  // namespace ebb::uv
