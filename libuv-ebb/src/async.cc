// Async handles: the one call that other threads and signal handlers may make. Sends before the callback runs coalesce.
#include "src/handle.h"
#include "src/loop_state.h"

#include <sched.h>

namespace ebb::uv {
namespace {

// The link of the mailbox's stack and of the loop's list lies in the field that fds use in other handles.
uv_async_t*& NextOf(uv_async_t* handle) { return reinterpret_cast<uv_async_t*&>(handle->u.reserved[0]); }

std::atomic_ref<int> PendingOf(uv_async_t* handle) { return std::atomic_ref<int>(handle->pending); }

// Appends what was posted, oldest first, to the loop's own list.
void TakePosted(LoopState& state) {
  uv_async_t* posted = state.mailbox.asyncs.exchange(nullptr);
  uv_async_t* oldest_first = nullptr;
  while (posted != nullptr) {
    uv_async_t* next = NextOf(posted);
    NextOf(posted) = oldest_first;
    oldest_first = posted;
    posted = next;
  }
  uv_async_t** tail = &state.asyncs;
  while (*tail != nullptr) tail = &NextOf(*tail);
  *tail = oldest_first;
}

}  // namespace

void RunAsyncs(uv_loop_t* loop) {
  LoopState& state = StateOf(loop);
  TakePosted(state);
  while (uv_async_t* handle = state.asyncs) {
    state.asyncs = NextOf(handle);
    // Before the callback: what is sent during it counts for the next turn.
    PendingOf(handle).store(0);
    if (handle->async_cb != nullptr && !HasFlag(handle, kClosing)) handle->async_cb(handle);
  }
}

void CloseAsync(uv_async_t* handle) {
  HandleStop(handle);
  // No send may come any more; one that came is forgotten with all others of this turn (many may close at once).
  if (PendingOf(handle).exchange(1) != 0) StateOf(handle->loop).closing_sent_asyncs = true;
}

void ForgetClosingAsyncs(uv_loop_t* loop) {
  LoopState& state = StateOf(loop);
  if (!state.closing_sent_asyncs) return;
  state.closing_sent_asyncs = false;
  // A send that is on its way in another thread is nearly done.
  while (state.mailbox.posters.load() != 0) sched_yield();
  TakePosted(state);
  for (uv_async_t** at = &state.asyncs; *at != nullptr;) {
    if (HasFlag(*at, kClosing))
      *at = NextOf(*at);
    else
      at = &NextOf(*at);
  }
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_async_init(uv_loop_t* loop, uv_async_t* handle, uv_async_cb async_cb) {
  HandleInit(loop, handle, UV_ASYNC);
  handle->async_cb = async_cb;
  handle->pending = 0;
  HandleStart(handle);
  return 0;
}

int uv_async_send(uv_async_t* handle) {
  if (PendingOf(handle).load() != 0) return 0;
  LoopState& state = StateOf(handle->loop);
  Posting posting(state);
  if (PendingOf(handle).exchange(1) != 0) return 0;
  std::atomic<uv_async_t*>& top = state.mailbox.asyncs;
  uv_async_t* below = top.load();
  do NextOf(handle) = below;
  while (!top.compare_exchange_weak(below, handle));
  posting.Wake();
  return 0;
}
