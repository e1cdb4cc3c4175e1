#include "src/watcher.h"

#include "src/loop_state.h"
#include "src/memory.h"
#include "src/queue.h"

namespace ebb::uv {

void WatcherInit(uv__io_t* watcher, WatcherCallback callback, int fd) {
  watcher->bits = reinterpret_cast<uintptr_t>(callback);
  QueueInit(&watcher->pending_queue);
  QueueInit(&watcher->watcher_queue);
  watcher->fd = fd;
  watcher->events = 0;
  watcher->pevents = 0;
}

int WatcherReserve(uv_loop_t* loop, int fd) {
  const auto needed = static_cast<unsigned>(fd) + 1;
  if (needed <= loop->nwatchers) return 0;
  unsigned size = loop->nwatchers == 0 ? 32 : loop->nwatchers;
  while (size < needed) size *= 2;
  auto** table = static_cast<uv__io_t**>(Reallocate(loop->watchers, size * sizeof(uv__io_t*)));
  if (table == nullptr) return UV_ENOMEM;
  for (unsigned i = loop->nwatchers; i < size; ++i) table[i] = nullptr;
  loop->watchers = table;
  loop->nwatchers = size;
  return 0;
}

void WatcherStart(uv_loop_t* loop, uv__io_t* watcher, uint32_t events) {
  if ((watcher->pevents & events) == events) return;
  // The program gives us fds at times that nothing reserved for (uv_tcp_open and friends). Without a table there is no
  // way to go on and nowhere to report it.
  if (WatcherReserve(loop, watcher->fd) != 0) __builtin_trap();
  if (watcher->pevents == 0) ++loop->nfds;
  watcher->pevents |= events;
  uv__io_t*& entry = loop->watchers[watcher->fd];
  if (entry != watcher) {
    // One that stopped, of the same fd number; whether the port still watches it, Watch finds out.
    if (entry != nullptr) entry->events = 0;
    entry = watcher;
  }
  if (watcher->events == watcher->pevents)
    QueueRemoveInit(&watcher->watcher_queue);
  else if (QueueEmpty(&watcher->watcher_queue))
    QueuePushBack(&loop->watcher_queue, &watcher->watcher_queue);
}

void WatcherStop(uv_loop_t* loop, uv__io_t* watcher, uint32_t events) {
  if (watcher->fd == -1 || (watcher->pevents & events) == 0) return;
  watcher->pevents &= ~events;
  if (watcher->pevents == 0) {
    // The port goes on watching until it reports something that nobody wants: stopping and starting again is free.
    --loop->nfds;
    QueueRemoveInit(&watcher->watcher_queue);
  } else if (QueueEmpty(&watcher->watcher_queue)) {
    QueuePushBack(&loop->watcher_queue, &watcher->watcher_queue);
  }
}

void WatcherForget(uv_loop_t* loop, uv__io_t* watcher) {
  if (watcher->events != 0) StateOf(loop).port->Unwatch(watcher->fd);
  watcher->events = 0;
  if (loop->watchers[watcher->fd] == watcher) loop->watchers[watcher->fd] = nullptr;
}

void WatcherClose(uv_loop_t* loop, uv__io_t* watcher) {
  if (watcher->fd == -1) return;
  WatcherStop(loop, watcher, kEventIn | kEventOut | kEventPriority | kEventPeerClosed);
  QueueRemoveInit(&watcher->pending_queue);
  LoopState& state = StateOf(loop);
  for (int i = 0; i < state.batch_size; ++i) {
    if (state.batch[i].fd == watcher->fd) state.batch[i].fd = -1;
  }
  if (static_cast<unsigned>(watcher->fd) < loop->nwatchers) WatcherForget(loop, watcher);
}

void WatcherFeed(uv_loop_t* loop, uv__io_t* watcher) {
  if (QueueEmpty(&watcher->pending_queue)) QueuePushBack(&loop->pending_queue, &watcher->pending_queue);
}

}  // namespace ebb::uv
