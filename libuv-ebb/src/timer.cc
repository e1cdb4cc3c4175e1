// Timers. A timer started in a timer's callback waits for the next turn, even if it is due at once.
#include <climits>

#include "src/handle.h"
#include "src/loop_state.h"

namespace ebb::uv {

int NextTimeout(const uv_loop_t* loop) {
  const uv_timer_t* first = StateOf(loop).timers.First();
  if (first == nullptr) return -1;
  if (first->timeout <= loop->time) return 0;
  const uint64_t wait = first->timeout - loop->time;
  return wait > INT_MAX ? INT_MAX : static_cast<int>(wait);
}

void RunTimers(uv_loop_t* loop) {
  TimerQueue& timers = StateOf(loop).timers;
  const uint64_t now = loop->time;
  const uint64_t first_new_id = loop->timer_counter;
  while (uv_timer_t* timer = timers.First()) {
    if (timer->timeout > now || timer->start_id >= first_new_id) return;
    uv_timer_stop(timer);
    uv_timer_again(timer);
    timer->timer_cb(timer);
  }
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_timer_init(uv_loop_t* loop, uv_timer_t* handle) {
  if (!StateOf(loop).timers.Reserve()) return UV_ENOMEM;
  HandleInit(loop, handle, UV_TIMER);
  handle->timer_cb = nullptr;
  handle->timeout = 0;
  handle->repeat = 0;
  return 0;
}

int uv_timer_start(uv_timer_t* handle, uv_timer_cb cb, uint64_t timeout, uint64_t repeat) {
  if (HasFlag(handle, kClosing | kClosed) || cb == nullptr) return UV_EINVAL;
  TimerQueue& timers = StateOf(handle->loop).timers;
  if (HasFlag(handle, kActive)) timers.Remove(handle);
  const uint64_t due = handle->loop->time + timeout;
  handle->timer_cb = cb;
  handle->timeout = due < timeout ? UINT64_MAX : due;
  handle->repeat = repeat;
  handle->start_id = handle->loop->timer_counter++;
  timers.Insert(handle);
  HandleStart(handle);
  return 0;
}

int uv_timer_stop(uv_timer_t* handle) {
  if (!HasFlag(handle, kActive)) return 0;
  StateOf(handle->loop).timers.Remove(handle);
  HandleStop(handle);
  return 0;
}

int uv_timer_again(uv_timer_t* handle) {
  if (handle->timer_cb == nullptr) return UV_EINVAL;
  if (handle->repeat == 0) return 0;
  uv_timer_stop(handle);
  return uv_timer_start(handle, handle->timer_cb, handle->repeat, handle->repeat);
}

void uv_timer_set_repeat(uv_timer_t* handle, uint64_t repeat) { handle->repeat = repeat; }

uint64_t uv_timer_get_repeat(const uv_timer_t* handle) { return handle->repeat; }

uint64_t uv_timer_get_due_in(const uv_timer_t* handle) {
  return handle->loop->time >= handle->timeout ? 0 : handle->timeout - handle->loop->time;
}
