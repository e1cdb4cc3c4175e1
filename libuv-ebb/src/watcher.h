// Watchers (uv__io_t): a loop's interest in one fd. Changes of interest are queued and handed to the EventPort
// together, right before it waits. At most one watcher per fd and loop.
#pragma once

#include "os/event_port.h"
#include "uv.h"

namespace ebb::uv {

// `events` are EventMask bits.
using WatcherCallback = void (*)(uv_loop_t* loop, uv__io_t* watcher, uint32_t events);

void WatcherInit(uv__io_t* watcher, WatcherCallback callback, int fd);
// Grows the loop's table for this fd. Start does not fail after it.
int WatcherReserve(uv_loop_t* loop, int fd);
void WatcherStart(uv_loop_t* loop, uv__io_t* watcher, uint32_t events);
void WatcherStop(uv_loop_t* loop, uv__io_t* watcher, uint32_t events);
// Ends all interest before the fd is closed or handed away; events already collected for it are dropped.
void WatcherClose(uv_loop_t* loop, uv__io_t* watcher);
// Stops the port from watching a stopped watcher's fd.
void WatcherForget(uv_loop_t* loop, uv__io_t* watcher);
// Runs the callback with kEventOut in the next pending phase, without waiting.
void WatcherFeed(uv_loop_t* loop, uv__io_t* watcher);
inline bool WatcherActive(const uv__io_t* watcher, uint32_t events) { return (watcher->pevents & events) != 0; }
inline void WatcherRun(uv_loop_t* loop, uv__io_t* watcher, uint32_t events) {
  reinterpret_cast<WatcherCallback>(watcher->bits)(loop, watcher, events);
}

}  // namespace ebb::uv
