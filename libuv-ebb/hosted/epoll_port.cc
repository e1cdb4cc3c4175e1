#include "hosted/epoll_port.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <new>

namespace ebb::uv {

constexpr bool Same(uint32_t ours, uint32_t theirs) { return ours == theirs; }
static_assert(Same(kEventIn, EPOLLIN) && Same(kEventPriority, EPOLLPRI) && Same(kEventOut, EPOLLOUT));
static_assert(Same(kEventError, EPOLLERR) && Same(kEventHangup, EPOLLHUP) && Same(kEventPeerClosed, EPOLLRDHUP));
static_assert(sizeof(EpollPort) <= kPortSize);

int EpollPort::Open() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ == -1) return -errno;
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ == -1) return -errno;
  // Edge-triggered: each Wake is one event, and nobody has to read the counter.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.fd = wake_;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0 ? 0 : -errno;
}

void EpollPort::Close() {
  if (wake_ != -1) close(wake_);
  if (epoll_ != -1) close(epoll_);
  wake_ = epoll_ = -1;
}

int EpollPort::Watch(int fd, uint32_t mask, bool watched) {
  epoll_event event{};
  event.events = mask;
  event.data.fd = fd;
  const int first = watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (epoll_ctl(epoll_, first, fd, &event) == 0) return 0;
  // What the loop believes may be out of date: an fd closed and its number used again, or forgotten while registered.
  if (errno != ENOENT && errno != EEXIST) return -errno;
  const int other = watched ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  return epoll_ctl(epoll_, other, fd, &event) == 0 ? 0 : -errno;
}

void EpollPort::Unwatch(int fd) {
  epoll_event unused{};
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, &unused);
}

int EpollPort::Probe(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = -1;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return errno == EEXIST ? 0 : -errno;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, &event);
  return 0;
}

int EpollPort::Wait(ReadyEvent* events, int capacity, int timeout_ms) {
  constexpr int kMax = 1024;
  epoll_event ready[kMax];
  if (capacity > kMax) capacity = kMax;
  int count;
  if (blocks_profiler_) [[unlikely]] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    sigaddset(&mask, SIGPROF);
    count = epoll_pwait(epoll_, ready, capacity, timeout_ms, &mask);
  } else {
    count = epoll_wait(epoll_, ready, capacity, timeout_ms);
  }
  if (count < 0) return -errno;
  int stored = 0;
  for (int i = 0; i < count; ++i) {
    if (ready[i].data.fd != wake_) events[stored++] = {ready[i].data.fd, ready[i].events};
  }
  return stored;
}

void EpollPort::Wake() {
  const int saved = errno;
  const uint64_t one = 1;
  // Fails only when the counter is full, which takes 2^64 wake-ups.
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
  errno = saved;
}

int EpollPorts::Create(void* storage, EventPort** port) {
  auto* made = new (storage) EpollPort();
  const int error = made->Open();
  if (error != 0) {
    made->Close();
    return error;
  }
  *port = made;
  return 0;
}

void EpollPorts::Destroy(EventPort* port) { static_cast<EpollPort*>(port)->Close(); }

}  // namespace ebb::uv
