// The poll phase: hand over changed interests, wait, dispatch. A turn that needs no wait and watches nothing makes no
// call to the port at all: posts of other threads are seen in memory.
#include "os/clock.h"
#include "src/loop_state.h"
#include "src/queue.h"
#include "src/watcher.h"

namespace ebb::uv {
namespace {

constexpr int kBatch = 1024;
// Full batches in a row before other phases get their turn.
constexpr int kMaxBatches = 48;

// Whether all went well.
bool HandOverInterests(uv_loop_t* loop, LoopState& state) {
  if (QueueEmpty(&loop->watcher_queue)) return true;
  bool fine = true;
  Queue changed;
  QueueMove(&loop->watcher_queue, &changed);
  while (!QueueEmpty(&changed)) {
    Queue* item = QueueFront(&changed);
    QueueRemoveInit(item);
    uv__io_t* watcher = OwnerOf(item, &uv__io_t::watcher_queue);
    const bool watched = state.port->Watch(watcher->fd, watcher->pevents, watcher->events != 0) == 0;
    watcher->events = watcher->pevents;
    if (watched) continue;
    // The fd was closed behind our back, or cannot be polled: its operations will tell what is wrong.
    fine = false;
    watcher->events = 0;
    WatcherRun(loop, watcher, watcher->pevents | kEventError);
  }
  return fine;
}

class IdleMeter {
 public:
  explicit IdleMeter(LoopState& state) : state_(state) {
    if (state_.measure_idle_time) state_.wait_began_ns.store(monotonic_clock->MonotonicNs());
  }
  ~IdleMeter() {
    const uint64_t began = state_.wait_began_ns.exchange(0);
    if (began != 0) state_.idle_ns.fetch_add(monotonic_clock->MonotonicNs() - began);
  }
  IdleMeter(const IdleMeter&) = delete;
  IdleMeter& operator=(const IdleMeter&) = delete;

 private:
  LoopState& state_;
};

// Threads on other cores often post again within a moment: looking for it that long is cheaper than sleeping and being
// woken. Tried as long as it pays: after a wait that a post ended, until it was in vain.
bool PostComesSoon(LoopState& state) {
  if (!state.post_woke) return false;
  constexpr int kLooks = 100;
  for (int i = 0; i < kLooks; ++i) {
    if (!state.mailbox.empty()) return true;
    __builtin_ia32_pause();
  }
  state.post_woke = false;
  return false;
}

struct WaitResult {
  int count;
  bool waited;
};

WaitResult Wait(LoopState& state, bool watches, ReadyEvent* events, int timeout_ms) {
  // Tells events that were there already from those that came during the wait.
  if (timeout_ms != 0 && state.measure_idle_time) {
    const int count = state.port->Wait(events, kBatch, 0);
    if (count > 0) return {count, false};
  }
  if (timeout_ms == 0 || HasPosts(state) || PostComesSoon(state)) {
    // Posts are seen in memory; only fds need the port.
    return {watches ? state.port->Wait(events, kBatch, 0) : 0, false};
  }
  Mailbox& mailbox = state.mailbox;
  mailbox.sleeping.store(true);
  // A post that came before the store did not wake us; one that comes after it will.
  if (HasPosts(state)) timeout_ms = 0;
  int count;
  {
    IdleMeter meter(state);
    count = state.port->Wait(events, kBatch, timeout_ms);
  }
  mailbox.sleeping.store(false, std::memory_order_relaxed);
  state.post_woke = count == 0 && state.several_cores && timeout_ms != 0 && !mailbox.empty();
  return {count, timeout_ms != 0};
}

void CountEvents(LoopState& state, uint64_t count, bool waited) {
  state.metrics.events += count;
  if (!waited) state.metrics.events_waiting += count;
}

bool RunMailbox(uv_loop_t* loop, LoopState& state, bool waited) {
  Mailbox& mailbox = state.mailbox;
  bool any = false;
  if (mailbox.finished_work.load(std::memory_order_relaxed) != nullptr) {
    any = true;
    RunFinishedWork(loop, waited);
  }
  if (state.asyncs != nullptr || mailbox.asyncs.load(std::memory_order_relaxed) != nullptr) {
    any = true;
    CountEvents(state, 1, waited);
    RunAsyncs(loop);
  }
  // Last, so that a signal's callback sees what I/O of this turn did.
  if (state.signals != nullptr || mailbox.signals.load(std::memory_order_relaxed) != nullptr) {
    any = true;
    CountEvents(state, 1, waited);
    RunSignals(loop);
  }
  return any;
}

void Dispatch(uv_loop_t* loop, LoopState& state, ReadyEvent* events, int count) {
  state.batch = events;
  state.batch_size = count;
  for (int i = 0; i < count; ++i) {
    const int fd = events[i].fd;
    if (fd == -1) continue;  // closed by an earlier callback
    uv__io_t* watcher = static_cast<unsigned>(fd) < loop->nwatchers ? loop->watchers[fd] : nullptr;
    if (watcher == nullptr) {
      state.port->Unwatch(fd);
      continue;
    }
    if (watcher->pevents == 0) {
      WatcherForget(loop, watcher);
      continue;
    }
    // Errors and hang-ups come unasked, also to those who wait for one direction only; they learn what happened from
    // the operation that they try then.
    uint32_t ready = events[i].events & (watcher->pevents | kEventError | kEventHangup);
    if (ready == kEventError || ready == kEventHangup || ready == (kEventError | kEventHangup))
      ready |= watcher->pevents & (kEventIn | kEventOut | kEventPeerClosed | kEventPriority);
    if (ready != 0) WatcherRun(loop, watcher, ready);
  }
  state.batch_size = 0;
}

void Report(LoopState& state, Queue* finished) {
  while (!QueueEmpty(finished)) {
    Queue* item = QueueFront(finished);
    QueueRemoveInit(item);
    uv__work* work = OwnerOf(item, &uv__work::wq);
    CountEvents(state, 1, false);
    work->done(work, 0);
  }
}

void PollPort(uv_loop_t* loop, LoopState& state, int timeout_ms) {
  if (!HandOverInterests(loop, state)) timeout_ms = 0;
  if (timeout_ms == 0 && loop->nfds == 0) {
    RunMailbox(loop, state, false);
    return;
  }
  ReadyEvent events[kBatch];
  const uint64_t start = loop->time;
  int left = timeout_ms;
  for (int batches = 0; batches < kMaxBatches;) {
    const auto [count, waited] = Wait(state, loop->nfds != 0, events, left);
    uv_update_time(loop);
    if (count > 0) {
      CountEvents(state, static_cast<uint64_t>(count), waited);
      Dispatch(loop, state, events, count);
      RunMailbox(loop, state, waited);
      if (count < kBatch) return;
      ++batches;
      left = 0;
      continue;
    }
    if (RunMailbox(loop, state, waited) || left == 0) return;
    if (left == -1) continue;
    // Woken early, by a signal or by rounding.
    const uint64_t gone = loop->time - start;
    if (gone >= static_cast<uint64_t>(timeout_ms)) return;
    left = timeout_ms - static_cast<int>(gone);
  }
}

}  // namespace

void RunPoll(uv_loop_t* loop, int timeout_ms) {
  LoopState& state = StateOf(loop);
  if (!HasFinishedInPlace(state)) [[likely]]
    return PollPort(loop, state, timeout_ms);
  // What callbacks of this phase submit waits for the next one.
  Queue due, fresh;
  QueueMove(&state.in_place_due, &due);
  QueueMove(&state.in_place, timeout_ms == 0 ? &state.in_place_due : &fresh);
  if (timeout_ms == 0) QueueInit(&fresh);
  PollPort(loop, state, 0);
  Report(state, &due);
  Report(state, &fresh);
}

}  // namespace ebb::uv
