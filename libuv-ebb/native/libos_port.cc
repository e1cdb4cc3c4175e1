#include "native/libos_port.h"

#include <pthread.h>

#include <cstddef>
#include <new>

#include "native/call.h"

namespace ebb::uv {

static_assert(sizeof(ReadyEvent) == sizeof(ebb_port_event) &&
              offsetof(ReadyEvent, events) == offsetof(ebb_port_event, events));
static_assert(sizeof(LibosPort) <= kPortSize);

void LibosPort::Close() { CallOnce(SYS_close, port_); }

int LibosPort::Watch(int fd, uint32_t mask, bool) {
  return static_cast<int>(CallOnce(EBB_CALL_PORT_WATCH, port_, fd, mask));
}

void LibosPort::Unwatch(int fd) { CallOnce(EBB_CALL_PORT_UNWATCH, port_, fd); }

int LibosPort::Probe(int fd) {
  // Watched already, or not for long.
  struct {
    uint32_t events;
    uint32_t data[2];
  } event = {kEventIn, {}};
  constexpr int kAdd = 1, kDelete = 2;
  const int64_t added = CallOnce(SYS_epoll_ctl, port_, kAdd, fd, &event);
  if (added == 0) CallOnce(SYS_epoll_ctl, port_, kDelete, fd, &event);
  return added == -EEXIST ? 0 : static_cast<int>(added);
}

int LibosPort::Wait(ReadyEvent* events, int capacity, int timeout_ms) {
  const uint64_t* mask = nullptr;
  sigset_t signals;
  if (blocks_profiler_) [[unlikely]] {
    pthread_sigmask(SIG_BLOCK, nullptr, &signals);
    sigaddset(&signals, SIGPROF);
    mask = reinterpret_cast<const uint64_t*>(&signals);
  }
  return static_cast<int>(CallOnce(EBB_CALL_PORT_WAIT, port_, events, capacity, timeout_ms, mask));
}

void LibosPort::Wake() { CallOnce(EBB_CALL_PORT_WAKE, port_); }

int LibosPorts::Create(void* storage, EventPort** port) {
  const int64_t fd = CallOnce(EBB_CALL_PORT_OPEN);
  if (fd < 0) return static_cast<int>(fd);
  *port = new (storage) LibosPort(static_cast<int>(fd));
  return 0;
}

void LibosPorts::Destroy(EventPort* port) { static_cast<LibosPort*>(port)->Close(); }

}  // namespace ebb::uv
