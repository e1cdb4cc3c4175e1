#include "src/timer_queue.h"

#include <cstring>

#include "src/memory.h"

namespace ebb::uv {
namespace {

constexpr size_t kArity = 4;
constexpr size_t kFirstCapacity = 16;

size_t PlaceOf(const uv_timer_t* timer) { return reinterpret_cast<size_t>(timer->node.heap[0]); }
bool InRun(const uv_timer_t* timer) { return timer->node.heap[1] != nullptr; }

}  // namespace

TimerQueue::~TimerQueue() {
  Free(heap_);
  Free(run_);
}

void TimerQueue::SetPlace(uv_timer_t* timer, bool in_run, size_t index) {
  timer->node.heap[0] = reinterpret_cast<void*>(index);
  timer->node.heap[1] = in_run ? timer : nullptr;
}

bool TimerQueue::Reserve() {
  if (reserved_ < capacity_) {
    ++reserved_;
    return true;
  }
  const size_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
  auto* heap = static_cast<Entry*>(Reallocate(heap_, capacity * sizeof(Entry)));
  if (heap == nullptr) return false;
  heap_ = heap;
  // Twice as long: what is removed from the middle leaves a hole, and holes are closed only when the end is reached.
  auto* run = static_cast<Entry*>(Reallocate(run_, 2 * capacity * sizeof(Entry)));
  if (run == nullptr) return false;
  run_ = run;
  capacity_ = capacity;
  ++reserved_;
  return true;
}

void TimerQueue::Release() { --reserved_; }

void TimerQueue::Insert(uv_timer_t* timer) {
  const Entry entry = {timer->timeout, timer->start_id, timer};
  if (run_begin_ == run_end_) {
    run_begin_ = run_end_ = 0;
  } else if (Before(entry, run_[run_end_ - 1])) {
    SiftUp(heap_size_++, entry);
    return;
  } else if (run_end_ == 2 * capacity_) {
    CompactRun();
  }
  run_[run_end_] = entry;
  SetPlace(timer, true, run_end_++);
  ++run_live_;
}

void TimerQueue::Remove(uv_timer_t* timer) {
  const size_t index = PlaceOf(timer);
  if (InRun(timer)) {
    run_[index].timer = nullptr;
    --run_live_;
    TrimRun();
    return;
  }
  const Entry last = heap_[--heap_size_];
  if (index == heap_size_) return;
  if (index > 0 && Before(last, heap_[(index - 1) / kArity]))
    SiftUp(index, last);
  else
    SiftDown(index, last);
}

void TimerQueue::TrimRun() {
  while (run_begin_ != run_end_ && run_[run_begin_].timer == nullptr) ++run_begin_;
  while (run_begin_ != run_end_ && run_[run_end_ - 1].timer == nullptr) --run_end_;
}

void TimerQueue::CompactRun() {
  size_t to = 0;
  for (size_t from = run_begin_; from != run_end_; ++from) {
    if (run_[from].timer == nullptr) continue;
    run_[to] = run_[from];
    SetPlace(run_[to].timer, true, to);
    ++to;
  }
  run_begin_ = 0;
  run_end_ = to;
}

void TimerQueue::PutInHeap(size_t index, const Entry& entry) {
  heap_[index] = entry;
  SetPlace(entry.timer, false, index);
}

void TimerQueue::SiftUp(size_t index, const Entry& entry) {
  const Entry moving = entry;
  while (index > 0) {
    const size_t parent = (index - 1) / kArity;
    if (!Before(moving, heap_[parent])) break;
    PutInHeap(index, heap_[parent]);
    index = parent;
  }
  PutInHeap(index, moving);
}

void TimerQueue::SiftDown(size_t index, const Entry& entry) {
  const Entry moving = entry;
  for (;;) {
    const size_t first = index * kArity + 1;
    if (first >= heap_size_) break;
    const size_t end = first + kArity < heap_size_ ? first + kArity : heap_size_;
    size_t least = first;
    for (size_t child = first + 1; child < end; ++child) {
      if (Before(heap_[child], heap_[least])) least = child;
    }
    if (!Before(heap_[least], moving)) break;
    PutInHeap(index, heap_[least]);
    index = least;
  }
  PutInHeap(index, moving);
}

}  // namespace ebb::uv
