// Signal handles. The process's signal handler counts the signal in every handle that wants it and posts the handle to
// its loop; the loop runs the callback once per signal.
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cerrno>
#include <csignal>

#include "src/close.h"
#include "src/handle.h"
#include "src/loop_state.h"
#include "src/signal_registry.h"

namespace ebb::uv {
namespace {

constexpr int kSignals = NSIG;

std::atomic<bool> locked{false};
sigset_t mask_of_holder;
// Handles by signal, linked through tree_entry: left is the next one, right the one before.
uv_signal_t* handles[kSignals];
// What sigaction was last told, per signal.
enum class Disposition : unsigned char { kDefault, kAlways, kOnce };
Disposition dispositions[kSignals];

// The link of the mailbox's stack; tree_entry.rbe_color tells whether the handle is in it.
uv_signal_t*& NextOf(uv_signal_t* handle) { return handle->tree_entry.rbe_parent; }
std::atomic_ref<int> QueuedOf(uv_signal_t* handle) { return std::atomic_ref<int>(handle->tree_entry.rbe_color); }

void SpinLock() {
  while (locked.exchange(true, std::memory_order_acquire)) sched_yield();
}

class SignalLock {
 public:
  SignalLock() { LockSignals(); }
  ~SignalLock() { UnlockSignals(); }
  SignalLock(const SignalLock&) = delete;
  SignalLock& operator=(const SignalLock&) = delete;
};

void Post(uv_signal_t* handle) {
  std::atomic_ref<unsigned>(handle->caught_signals).fetch_add(1);
  if (QueuedOf(handle).exchange(1) != 0) return;
  LoopState& state = StateOf(handle->loop);
  Posting posting(state);
  std::atomic<uv_signal_t*>& top = state.mailbox.signals;
  uv_signal_t* below = top.load();
  do NextOf(handle) = below;
  while (!top.compare_exchange_weak(below, handle));
  posting.Wake();
}

void OnSignal(int signum) {
  const int saved = errno;
  // Other signals are blocked while this runs (sa_mask), so the lock's holder is another thread.
  SpinLock();
  // The kernel took a one-time handler away when it called it.
  if (dispositions[signum] == Disposition::kOnce) dispositions[signum] = Disposition::kDefault;
  for (uv_signal_t* handle = handles[signum]; handle != nullptr; handle = handle->tree_entry.rbe_left) Post(handle);
  locked.store(false, std::memory_order_release);
  errno = saved;
}

// Makes the process's disposition fit the handles. With the lock held.
int Arrange(int signum) {
  Disposition wanted = Disposition::kDefault;
  for (const uv_signal_t* handle = handles[signum]; handle != nullptr; handle = handle->tree_entry.rbe_left) {
    if (!HasFlag(handle, kOneShot)) {
      wanted = Disposition::kAlways;
      break;
    }
    wanted = Disposition::kOnce;
  }
  if (wanted == dispositions[signum]) return 0;
  struct sigaction action{};
  sigfillset(&action.sa_mask);
  action.sa_handler = wanted == Disposition::kDefault ? SIG_DFL : OnSignal;
  action.sa_flags = SA_RESTART;
  // A second one of a signal that is awaited once does what it does by default.
  if (wanted == Disposition::kOnce) action.sa_flags |= static_cast<int>(SA_RESETHAND);
  if (sigaction(signum, &action, nullptr) != 0) return -errno;
  dispositions[signum] = wanted;
  return 0;
}

void Link(uv_signal_t* handle, int signum) {
  uv_signal_t* next = handles[signum];
  handle->tree_entry.rbe_left = next;
  handle->tree_entry.rbe_right = nullptr;
  if (next != nullptr) next->tree_entry.rbe_right = handle;
  handles[signum] = handle;
}

void Unlink(uv_signal_t* handle, int signum) {
  uv_signal_t* next = handle->tree_entry.rbe_left;
  uv_signal_t* before = handle->tree_entry.rbe_right;
  if (next != nullptr) next->tree_entry.rbe_right = before;
  if (before != nullptr)
    before->tree_entry.rbe_left = next;
  else
    handles[signum] = next;
}

// Appends what was posted to the loop's own list, oldest first.
void TakePosted(LoopState& state) {
  uv_signal_t* posted = state.mailbox.signals.exchange(nullptr);
  uv_signal_t* oldest_first = nullptr;
  while (posted != nullptr) {
    uv_signal_t* next = NextOf(posted);
    NextOf(posted) = oldest_first;
    oldest_first = posted;
    posted = next;
  }
  uv_signal_t** tail = &state.signals;
  while (*tail != nullptr) tail = &NextOf(*tail);
  *tail = oldest_first;
}

void DropPosted(uv_signal_t* handle) {
  if (QueuedOf(handle).load() == 0) return;
  LoopState& state = StateOf(handle->loop);
  TakePosted(state);
  for (uv_signal_t** at = &state.signals; *at != nullptr; at = &NextOf(*at)) {
    if (*at != handle) continue;
    *at = NextOf(handle);
    break;
  }
  QueuedOf(handle).store(0);
}

int Start(uv_signal_t* handle, uv_signal_cb callback, int signum, bool once) {
  if (HasFlag(handle, kClosing | kClosed) || signum <= 0 || signum >= kSignals) return UV_EINVAL;
  if (handle->signum == signum) {
    handle->signal_cb = callback;
    return 0;
  }
  if (handle->signum != 0) uv_signal_stop(handle);
  {
    SignalLock lock;
    handle->flags = once ? handle->flags | kOneShot : handle->flags & ~kOneShot;
    Link(handle, signum);
    const int error = Arrange(signum);
    if (error != 0) {
      Unlink(handle, signum);
      return error;
    }
    handle->signum = signum;
  }
  handle->signal_cb = callback;
  HandleStart(handle);
  return 0;
}

}  // namespace

void LockSignals() {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  SpinLock();
  mask_of_holder = before;
}

void UnlockSignals() {
  const sigset_t before = mask_of_holder;
  locked.store(false, std::memory_order_release);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void RunSignals(uv_loop_t* loop) {
  LoopState& state = StateOf(loop);
  TakePosted(state);
  while (uv_signal_t* handle = state.signals) {
    const int signum = handle->signum;
    if (++handle->dispatched_signals == std::atomic_ref<unsigned>(handle->caught_signals).load()) {
      state.signals = NextOf(handle);
      QueuedOf(handle).store(0);
      // One that came between the two lines above found the handle still queued.
      if (handle->dispatched_signals != std::atomic_ref<unsigned>(handle->caught_signals).load() &&
          QueuedOf(handle).exchange(1) == 0) {
        NextOf(handle) = state.signals;
        state.signals = handle;
      }
    }
    const bool once = HasFlag(handle, kOneShot);
    if (once) uv_signal_stop(handle);
    handle->signal_cb(handle, signum);
  }
}

void CloseSignal(uv_signal_t* handle) {
  uv_signal_stop(handle);
  HandleFinishLater(AsHandle(handle));
}

void FinishSignal(uv_signal_t*) {}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_signal_init(uv_loop_t* loop, uv_signal_t* handle) {
  HandleInit(loop, handle, UV_SIGNAL);
  handle->signum = 0;
  handle->signal_cb = nullptr;
  handle->caught_signals = 0;
  handle->dispatched_signals = 0;
  handle->tree_entry = {nullptr, nullptr, nullptr, 0};
  return 0;
}

int uv_signal_start(uv_signal_t* handle, uv_signal_cb signal_cb, int signum) {
  return Start(handle, signal_cb, signum, false);
}

int uv_signal_start_oneshot(uv_signal_t* handle, uv_signal_cb signal_cb, int signum) {
  return Start(handle, signal_cb, signum, true);
}

int uv_signal_stop(uv_signal_t* handle) {
  if (handle->signum == 0) return 0;
  {
    SignalLock lock;
    Unlink(handle, handle->signum);
    Arrange(handle->signum);
  }
  DropPosted(handle);
  handle->dispatched_signals = handle->caught_signals;
  handle->signum = 0;
  HandleStop(handle);
  return 0;
}
