// What a loop has beyond the fields of uv_loop_t: its event port, its timers and the mailbox other threads post to. One
// per loop, touched by the loop's thread only, except Mailbox and the idle time.
#pragma once

#include <atomic>

#include "os/event_port.h"
#include "src/queue.h"
#include "src/timer_queue.h"
#include "uv.h"

namespace ebb::uv {

// Stacks that any thread (and signal handlers) push to and the loop takes whole: no locks. A post wakes the loop only
// if it sleeps, so any number of posts cost at most one wake-up.
struct Mailbox {
  std::atomic<uv_async_t*> asyncs{nullptr};
  std::atomic<uv__work*> finished_work{nullptr};
  std::atomic<uv_signal_t*> signals{nullptr};
  // Set while the loop sleeps or is about to.
  std::atomic<bool> sleeping{false};
  // Threads between their first and last access to this loop; uv_loop_close waits for zero.
  std::atomic<uint32_t> posters{0};

  bool empty() const {
    return asyncs.load() == nullptr && finished_work.load() == nullptr && signals.load() == nullptr;
  }
};

struct LoopState {
  EventPort* port = nullptr;
  Mailbox mailbox;
  TimerQueue timers;
  // Asyncs and signals taken from the mailbox whose callbacks have not run yet. Closing a handle takes, too.
  uv_async_t* asyncs = nullptr;
  uv_signal_t* signals = nullptr;
  // Work that has run on this loop's own thread and whose callbacks are to come: submitted since the last poll phase,
  // and before it.
  Queue in_place;
  Queue in_place_due;
  // Events of the current Wait that have not been dispatched yet: closing an fd removes its own.
  ReadyEvent* batch = nullptr;
  int batch_size = 0;
  // Somebody polls backend_fd from outside: every post must wake.
  std::atomic<bool> embedded{false};
  // Among `asyncs`, or on their way there, are some that close.
  bool closing_sent_asyncs = false;
  bool several_cores = false;
  // The last wait was ended by another thread.
  bool post_woke = false;
  bool measure_idle_time = false;
  bool block_profiler_signal = false;
  uv_metrics_t metrics{};
  std::atomic<uint64_t> idle_ns{0};
  // When the current Wait began, 0 outside.
  std::atomic<uint64_t> wait_began_ns{0};
  LoopState() {
    QueueInit(&in_place);
    QueueInit(&in_place_due);
  }

  alignas(16) unsigned char port_storage[kPortSize];
};

inline bool HasPosts(const LoopState& state) {
  return state.asyncs != nullptr || state.signals != nullptr || !state.mailbox.empty();
}

inline bool HasFinishedInPlace(const LoopState& state) {
  return !QueueEmpty(&state.in_place) || !QueueEmpty(&state.in_place_due);
}

inline LoopState& StateOf(const uv_loop_t* loop) { return *static_cast<LoopState*>(loop->internal_fields); }

// Brackets a post from another thread.
class Posting {
 public:
  explicit Posting(LoopState& state) : state_(state) { state_.mailbox.posters.fetch_add(1); }
  ~Posting() { state_.mailbox.posters.fetch_sub(1); }
  Posting(const Posting&) = delete;
  Posting& operator=(const Posting&) = delete;
  void Wake() {
    if (state_.embedded.load() || (state_.mailbox.sleeping.load() && state_.mailbox.sleeping.exchange(false)))
      state_.port->Wake();
  }

 private:
  LoopState& state_;
};

// The phases that live in files of their own.
void RunTimers(uv_loop_t* loop);
void RunPoll(uv_loop_t* loop, int timeout_ms);
void RunAsyncs(uv_loop_t* loop);
// Before handles finish closing: none of them may be waiting for its callback.
void ForgetClosingAsyncs(uv_loop_t* loop);
// `waited`: the loop slept before these arrived.
void RunFinishedWork(uv_loop_t* loop, bool waited);
void RunSignals(uv_loop_t* loop);
void RunIdle(uv_loop_t* loop);
void RunPrepare(uv_loop_t* loop);
void RunCheck(uv_loop_t* loop);
int NextTimeout(const uv_loop_t* loop);

}  // namespace ebb::uv
