// Loops: making, running and ending them.
#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <cstdarg>
#include <new>

#include "os/clock.h"
#include "os/network.h"
#include "src/close.h"
#include "src/fs_event.h"
#include "src/handle.h"
#include "src/loop_state.h"
#include "src/memory.h"
#include "src/watcher.h"

namespace ebb::uv {
namespace {

// Watchers fed during the pending phase get this many more rounds after the poll phase.
constexpr int kMaxPendingRounds = 8;

uv_loop_t default_loop_storage;
uv_loop_t* default_loop = nullptr;

bool HasWork(const uv_loop_t* loop) {
  return loop->active_handles > 0 || loop->active_reqs.count > 0 || !QueueEmpty(&loop->pending_queue) ||
         loop->closing_handles != nullptr;
}

int PollTimeout(const uv_loop_t* loop) {
  const bool sleeps = loop->stop_flag == 0 && (loop->active_handles > 0 || loop->active_reqs.count > 0) &&
                      QueueEmpty(&loop->pending_queue) && QueueEmpty(&loop->idle_handles) &&
                      loop->closing_handles == nullptr;
  return sleeps ? NextTimeout(loop) : 0;
}

void RunPending(uv_loop_t* loop) {
  if (QueueEmpty(&loop->pending_queue)) return;
  Queue todo;
  QueueMove(&loop->pending_queue, &todo);
  while (!QueueEmpty(&todo)) {
    Queue* item = QueueFront(&todo);
    QueueRemoveInit(item);
    WatcherRun(loop, OwnerOf(item, &uv__io_t::pending_queue), kEventOut);
  }
}

}  // namespace

void HandleFinishLater(uv_handle_t* handle) {
  handle->next_closing = handle->loop->closing_handles;
  handle->loop->closing_handles = handle;
}

namespace {

void RunClosing(uv_loop_t* loop) {
  ForgetClosingAsyncs(loop);
  uv_handle_t* handle = loop->closing_handles;
  loop->closing_handles = nullptr;
  while (handle != nullptr) {
    uv_handle_t* next = handle->next_closing;
    FinishClosing(handle);
    handle = next;
  }
}

void FreeState(uv_loop_t* loop) {
  LoopState& state = StateOf(loop);
  if (state.port != nullptr) event_ports->Destroy(state.port);
  state.~LoopState();
  Free(&state);
  loop->internal_fields = nullptr;
}

}  // namespace
}  // namespace ebb::uv

using namespace ebb::uv;

int uv_loop_init(uv_loop_t* loop) {
  void* data = loop->data;
  *loop = uv_loop_t{};
  loop->data = data;
  void* storage = Allocate(sizeof(LoopState));
  if (storage == nullptr) return UV_ENOMEM;
  auto* state = new (storage) LoopState();
  loop->internal_fields = state;
  static const bool several_cores = sysconf(_SC_NPROCESSORS_ONLN) > 1;
  state->several_cores = several_cores;
  const int error = event_ports->Create(state->port_storage, &state->port);
  if (error != 0) {
    FreeState(loop);
    return error;
  }
  loop->backend_fd = state->port->Descriptor();
  for (Queue* queue :
       {&loop->handle_queue, &loop->pending_queue, &loop->watcher_queue, &loop->wq, &loop->process_handles,
        &loop->prepare_handles, &loop->check_handles, &loop->idle_handles, &loop->async_handles})
    QueueInit(queue);
  loop->async_wfd = -1;
  loop->signal_pipefd[0] = loop->signal_pipefd[1] = -1;
  loop->emfile_fd = -1;
  loop->inotify_fd = -1;
  uv_update_time(loop);
  return 0;
}

int uv_loop_close(uv_loop_t* loop) {
  if (loop->active_reqs.count > 0) return UV_EBUSY;
  for (Queue* item = loop->handle_queue.next; item != &loop->handle_queue; item = item->next) {
    if (!HasFlag(OwnerOf(item, &uv_handle_t::handle_queue), kInternal)) return UV_EBUSY;
  }
  CloseFileWatching(loop);
  while (StateOf(loop).mailbox.posters.load() != 0) sched_yield();
  if (loop->emfile_fd != -1) network->Close(loop->emfile_fd);
  Free(loop->watchers);
  loop->watchers = nullptr;
  loop->nwatchers = 0;
  FreeState(loop);
  loop->backend_fd = -1;
  if (loop == default_loop) default_loop = nullptr;
  return 0;
}

uv_loop_t* uv_default_loop() {
  if (default_loop != nullptr) return default_loop;
  if (uv_loop_init(&default_loop_storage) != 0) return nullptr;
  return default_loop = &default_loop_storage;
}

uv_loop_t* uv_loop_new() {
  auto* loop = static_cast<uv_loop_t*>(AllocateZeroed(1, sizeof(uv_loop_t)));
  if (loop == nullptr) return nullptr;
  if (uv_loop_init(loop) == 0) return loop;
  Free(loop);
  return nullptr;
}

void uv_loop_delete(uv_loop_t* loop) {
  const bool is_default = loop == default_loop;
  if (uv_loop_close(loop) != 0) __builtin_trap();  // its handles would be left without a loop
  if (!is_default) Free(loop);
}

size_t uv_loop_size() { return sizeof(uv_loop_t); }

int uv_loop_alive(const uv_loop_t* loop) { return HasWork(loop); }

int uv_loop_configure(uv_loop_t* loop, uv_loop_option option, ...) {
  if (option == UV_METRICS_IDLE_TIME) {
    StateOf(loop).measure_idle_time = true;
    return 0;
  }
  // A hint for how file requests may be run; workers run them here.
  if (option == UV_LOOP_USE_IO_URING_SQPOLL) return 0;
  if (option != UV_LOOP_BLOCK_SIGNAL) return UV_ENOSYS;
  va_list arguments;
  va_start(arguments, option);
  const int signal = va_arg(arguments, int);
  va_end(arguments);
  if (signal != SIGPROF) return UV_EINVAL;
  StateOf(loop).block_profiler_signal = true;
  StateOf(loop).port->BlockProfilerSignal();
  return 0;
}

int uv_run(uv_loop_t* loop, uv_run_mode mode) {
  bool alive = HasWork(loop);
  if (!alive) uv_update_time(loop);
  if (mode == UV_RUN_DEFAULT && alive && loop->stop_flag == 0) {
    uv_update_time(loop);
    RunTimers(loop);
  }
  while (alive && loop->stop_flag == 0) {
    const bool may_sleep_once = QueueEmpty(&loop->pending_queue) && QueueEmpty(&loop->idle_handles);
    RunPending(loop);
    RunIdle(loop);
    RunPrepare(loop);
    const bool may_sleep = mode == UV_RUN_DEFAULT || (mode == UV_RUN_ONCE && may_sleep_once);
    const int timeout = may_sleep ? PollTimeout(loop) : 0;
    ++StateOf(loop).metrics.loop_count;
    RunPoll(loop, timeout);
    for (int round = 0; round < kMaxPendingRounds && !QueueEmpty(&loop->pending_queue); ++round) RunPending(loop);
    RunCheck(loop);
    if (loop->closing_handles != nullptr) RunClosing(loop);
    uv_update_time(loop);
    RunTimers(loop);
    alive = HasWork(loop);
    if (mode != UV_RUN_DEFAULT) break;
  }
  loop->stop_flag = 0;
  return alive;
}

void uv_stop(uv_loop_t* loop) { loop->stop_flag = 1; }

void uv_update_time(uv_loop_t* loop) { loop->time = monotonic_clock->MonotonicNs() / 1000000; }

uint64_t uv_now(const uv_loop_t* loop) { return loop->time; }

int uv_backend_fd(const uv_loop_t* loop) {
  StateOf(loop).embedded.store(true);
  return loop->backend_fd;
}

int uv_backend_timeout(const uv_loop_t* loop) {
  // Interests that the port has not been told of are handed over by a turn that does not sleep.
  if (!QueueEmpty(&loop->watcher_queue) || HasFinishedInPlace(StateOf(loop))) return 0;
  return PollTimeout(loop);
}

void* uv_loop_get_data(const uv_loop_t* loop) { return loop->data; }

void uv_loop_set_data(uv_loop_t* loop, void* data) { loop->data = data; }

int uv_metrics_info(uv_loop_t* loop, uv_metrics_t* metrics) {
  *metrics = StateOf(loop).metrics;
  return 0;
}

uint64_t uv_metrics_idle_time(uv_loop_t* loop) {
  const LoopState& state = StateOf(loop);
  const uint64_t idle = state.idle_ns.load();
  const uint64_t began = state.wait_began_ns.load();
  return began == 0 ? idle : idle + (monotonic_clock->MonotonicNs() - began);
}
