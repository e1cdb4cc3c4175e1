// Idle, prepare and check handles: callbacks once per turn, before, right before and after the poll phase. The latest
// started runs first.
#include "src/handle.h"
#include "src/loop_state.h"

namespace ebb::uv {
namespace {

template <class T, class Callback>
int Start(T* handle, Queue* list, Callback T::* slot, Callback callback) {
  if (HasFlag(handle, kActive)) return 0;
  if (callback == nullptr) return UV_EINVAL;
  handle->*slot = callback;
  QueuePushFront(list, &handle->queue);
  HandleStart(handle);
  return 0;
}

template <class T>
int Stop(T* handle) {
  if (!HasFlag(handle, kActive)) return 0;
  QueueRemove(&handle->queue);
  HandleStop(handle);
  return 0;
}

// Each handle that is active now runs once, unless another one stops it before. Those started meanwhile wait a turn.
template <class T, class Callback>
void Run(Queue* list, Callback T::* slot) {
  if (QueueEmpty(list)) return;
  Queue todo;
  QueueMove(list, &todo);
  while (!QueueEmpty(&todo)) {
    Queue* item = QueueFront(&todo);
    QueueRemove(item);
    QueuePushBack(list, item);
    T* handle = OwnerOf(item, &T::queue);
    (handle->*slot)(handle);
  }
}

}  // namespace

void RunIdle(uv_loop_t* loop) { Run(&loop->idle_handles, &uv_idle_t::idle_cb); }
void RunPrepare(uv_loop_t* loop) { Run(&loop->prepare_handles, &uv_prepare_t::prepare_cb); }
void RunCheck(uv_loop_t* loop) { Run(&loop->check_handles, &uv_check_t::check_cb); }

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_idle_init(uv_loop_t* loop, uv_idle_t* idle) {
  HandleInit(loop, idle, UV_IDLE);
  idle->idle_cb = nullptr;
  return 0;
}
int uv_idle_start(uv_idle_t* idle, uv_idle_cb cb) {
  return Start(idle, &idle->loop->idle_handles, &uv_idle_t::idle_cb, cb);
}
int uv_idle_stop(uv_idle_t* idle) { return Stop(idle); }

int uv_prepare_init(uv_loop_t* loop, uv_prepare_t* prepare) {
  HandleInit(loop, prepare, UV_PREPARE);
  prepare->prepare_cb = nullptr;
  return 0;
}
int uv_prepare_start(uv_prepare_t* prepare, uv_prepare_cb cb) {
  return Start(prepare, &prepare->loop->prepare_handles, &uv_prepare_t::prepare_cb, cb);
}
int uv_prepare_stop(uv_prepare_t* prepare) { return Stop(prepare); }

int uv_check_init(uv_loop_t* loop, uv_check_t* check) {
  HandleInit(loop, check, UV_CHECK);
  check->check_cb = nullptr;
  return 0;
}
int uv_check_start(uv_check_t* check, uv_check_cb cb) {
  return Start(check, &check->loop->check_handles, &uv_check_t::check_cb, cb);
}
int uv_check_stop(uv_check_t* check) { return Stop(check); }
