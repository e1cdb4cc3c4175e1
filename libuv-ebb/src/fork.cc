// A loop in the child of a fork.
#include "src/fs_event.h"
#include "src/loop_state.h"
#include "src/queue.h"
#include "src/watcher.h"

using namespace ebb::uv;

int uv_loop_fork(uv_loop_t* loop) {
  LoopState& state = StateOf(loop);
  // The old port's descriptors lead to the parent's loop.
  event_ports->Destroy(state.port);
  const int error = event_ports->Create(state.port_storage, &state.port);
  if (error != 0) return error;
  loop->backend_fd = state.port->Descriptor();
  if (state.block_profiler_signal) state.port->BlockProfilerSignal();
  // Whoever was posting stayed behind.
  state.mailbox.posters.store(0);
  state.mailbox.sleeping.store(false);
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
