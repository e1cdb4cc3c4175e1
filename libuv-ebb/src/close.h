// Closing of handles: what uv_close does at once, by type, and what the closing phase does before the close callback.
#pragma once

#include "uv.h"

namespace ebb::uv {

void CloseAsync(uv_async_t* handle);
void CloseTimer(uv_timer_t* handle);
void CloseStream(uv_stream_t* handle);
void ClosePipe(uv_pipe_t* handle);
void CloseTty(uv_tty_t* handle);
void CloseUdp(uv_udp_t* handle);
void ClosePoll(uv_poll_t* handle);
void CloseProcess(uv_process_t* handle);
void CloseFsEvent(uv_fs_event_t* handle);
// These two may have to wait for something of their own before the closing phase can have them.
void CloseFsPoll(uv_fs_poll_t* handle);
void CloseSignal(uv_signal_t* handle);

// Requests that never got their answer get UV_ECANCELED.
void FinishStream(uv_stream_t* handle);
void FinishUdp(uv_udp_t* handle);
void FinishSignal(uv_signal_t* handle);

// Runs the close callback.
void FinishClosing(uv_handle_t* handle);

}  // namespace ebb::uv
