// Poll handles: readiness of an fd that the program owns.
#include "src/close.h"
#include "src/fd.h"
#include "src/handle.h"
#include "src/loop_state.h"
#include "src/watcher.h"

namespace ebb::uv {
namespace {

struct Bit {
  int uv;
  uint32_t event;
};
constexpr Bit kBits[] = {{UV_READABLE, kEventIn},
                         {UV_WRITABLE, kEventOut},
                         {UV_PRIORITIZED, kEventPriority},
                         {UV_DISCONNECT, kEventPeerClosed}};

void Stop(uv_poll_t* handle) {
  // The fd is the program's: it may be closed right after this, and its number used again.
  WatcherClose(handle->loop, &handle->io_watcher);
  HandleStop(handle);
}

void OnReady(uv_loop_t*, uv__io_t* watcher, uint32_t events) {
  uv_poll_t* handle = OwnerOf(watcher, &uv_poll_t::io_watcher);
  // Linux reports a lone error for an fd that went bad. (With EPOLLPRI it is how sysfs reports a change.)
  if ((events & kEventError) != 0 && (events & kEventPriority) == 0) {
    Stop(handle);
    handle->poll_cb(handle, UV_EBADF, 0);
    return;
  }
  int ready = 0;
  for (const Bit& bit : kBits) {
    if ((events & bit.event) != 0) ready |= bit.uv;
  }
  handle->poll_cb(handle, 0, ready);
}

}  // namespace

void ClosePoll(uv_poll_t* handle) { Stop(handle); }

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_poll_init(uv_loop_t* loop, uv_poll_t* handle, int fd) {
  if (static_cast<unsigned>(fd) < loop->nwatchers && loop->watchers[fd] != nullptr && loop->watchers[fd]->pevents != 0)
    return UV_EEXIST;
  int error = StateOf(loop).port->Probe(fd);
  if (error == 0) error = SetNonBlocking(fd, true);
  if (error == 0) error = WatcherReserve(loop, fd);
  if (error != 0) return error;
  HandleInit(loop, handle, UV_POLL);
  WatcherInit(&handle->io_watcher, OnReady, fd);
  handle->poll_cb = nullptr;
  return 0;
}

int uv_poll_init_socket(uv_loop_t* loop, uv_poll_t* handle, uv_os_sock_t socket) {
  return uv_poll_init(loop, handle, socket);
}

int uv_poll_start(uv_poll_t* handle, int events, uv_poll_cb cb) {
  if (HasFlag(handle, kClosing | kClosed)) return UV_EINVAL;
  uv_loop_t* loop = handle->loop;
  const int fd = handle->io_watcher.fd;
  const uv__io_t* other = static_cast<unsigned>(fd) < loop->nwatchers ? loop->watchers[fd] : nullptr;
  if (other != nullptr && other != &handle->io_watcher && other->pevents != 0) return UV_EEXIST;
  uint32_t wanted = 0;
  for (const Bit& bit : kBits) {
    if ((events & bit.uv) != 0) wanted |= bit.event;
  }
  if (wanted == 0) {
    Stop(handle);
    return 0;
  }
  WatcherStart(loop, &handle->io_watcher, wanted);
  WatcherStop(loop, &handle->io_watcher, handle->io_watcher.pevents & ~wanted);
  HandleStart(handle);
  handle->poll_cb = cb;
  return 0;
}

int uv_poll_stop(uv_poll_t* handle) {
  Stop(handle);
  return 0;
}
