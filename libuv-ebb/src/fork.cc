#include "src/fork.h"

#include <pthread.h>

#include "os/workers.h"
#include "src/fs_event.h"
#include "src/loop_state.h"
#include "src/queue.h"
#include "src/signal_registry.h"
#include "src/thread_workers.h"
#include "src/watcher.h"

namespace ebb::uv {
namespace {

void InChild() {
  static_cast<ThreadWorkers&>(*workers).AfterFork();
  UnlockSignalsAfterFork();
}

}  // namespace

void WatchForks() {
  // Signals may not be half registered in the child.
  pthread_atfork(LockSignals, UnlockSignals, InChild);
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_loop_fork(uv_loop_t* loop) {
  LoopState& state = StateOf(loop);
  // The old port's descriptors lead to the parent's loop.
  event_ports->Destroy(state.port);
  const int error = event_ports->Create(state.port_storage, &state.port);
  if (error != 0) return error;
  loop->backend_fd = state.port->Descriptor();
  // Watched again, in the new port.
  for (unsigned fd = 0; fd < loop->nwatchers; ++fd) {
    uv__io_t* watcher = loop->watchers[fd];
    if (watcher == nullptr) continue;
    watcher->events = 0;
    if (watcher->pevents == 0)
      loop->watchers[fd] = nullptr;
    else if (QueueEmpty(&watcher->watcher_queue))
      QueuePushBack(&loop->watcher_queue, &watcher->watcher_queue);
  }
  return RestartFileWatching(loop);
}
