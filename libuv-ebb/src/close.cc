#include "src/close.h"

#include "src/handle.h"
#include "src/loop_state.h"

namespace ebb::uv {

void CloseTimer(uv_timer_t* handle) {
  uv_timer_stop(handle);
  StateOf(handle->loop).timers.Release();
}

void FinishClosing(uv_handle_t* handle) {
  handle->flags |= kClosed;
  switch (handle->type) {
    case UV_NAMED_PIPE:
    case UV_TCP:
    case UV_TTY:
      FinishStream(reinterpret_cast<uv_stream_t*>(handle));
      break;
    case UV_UDP:
      FinishUdp(reinterpret_cast<uv_udp_t*>(handle));
      break;
    case UV_SIGNAL:
      FinishSignal(reinterpret_cast<uv_signal_t*>(handle));
      break;
    default:
      break;
  }
  uv_unref(handle);
  QueueRemove(&handle->handle_queue);
  if (handle->close_cb != nullptr) handle->close_cb(handle);
}

}  // namespace ebb::uv

using namespace ebb::uv;

void uv_close(uv_handle_t* handle, uv_close_cb close_cb) {
  if (HasFlag(handle, kClosing | kClosed)) __builtin_trap();  // closed twice: its memory may be somebody else's by now
  handle->flags |= kClosing;
  handle->close_cb = close_cb;
  switch (handle->type) {
    case UV_ASYNC:
      CloseAsync(reinterpret_cast<uv_async_t*>(handle));
      break;
    case UV_CHECK:
      uv_check_stop(reinterpret_cast<uv_check_t*>(handle));
      break;
    case UV_IDLE:
      uv_idle_stop(reinterpret_cast<uv_idle_t*>(handle));
      break;
    case UV_PREPARE:
      uv_prepare_stop(reinterpret_cast<uv_prepare_t*>(handle));
      break;
    case UV_TIMER:
      CloseTimer(reinterpret_cast<uv_timer_t*>(handle));
      break;
    case UV_TCP:
      CloseStream(reinterpret_cast<uv_stream_t*>(handle));
      break;
    case UV_NAMED_PIPE:
      ClosePipe(reinterpret_cast<uv_pipe_t*>(handle));
      break;
    case UV_TTY:
      CloseTty(reinterpret_cast<uv_tty_t*>(handle));
      break;
    case UV_UDP:
      CloseUdp(reinterpret_cast<uv_udp_t*>(handle));
      break;
    case UV_POLL:
      ClosePoll(reinterpret_cast<uv_poll_t*>(handle));
      break;
    case UV_PROCESS:
      CloseProcess(reinterpret_cast<uv_process_t*>(handle));
      break;
    case UV_FS_EVENT:
      CloseFsEvent(reinterpret_cast<uv_fs_event_t*>(handle));
      break;
    case UV_FS_POLL:
      CloseFsPoll(reinterpret_cast<uv_fs_poll_t*>(handle));
      return;
    case UV_SIGNAL:
      CloseSignal(reinterpret_cast<uv_signal_t*>(handle));
      return;
    default:
      __builtin_trap();  // not a handle
  }
  HandleFinishLater(handle);
}
