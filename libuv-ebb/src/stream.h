// Streams: one state machine for tcp, pipe and tty over a connected fd, and for their listening sockets.
// Files: stream.cc (common, listen and accept, close), stream_read.cc, stream_write.cc (writes, shutdown, connect).
#pragma once

#include <sys/uio.h>

#include "src/handle.h"
#include "src/watcher.h"
#include "uv.h"

namespace ebb::uv {

inline int StreamFd(const uv_stream_t* stream) { return stream->io_watcher.fd; }
template <class T>
uv_stream_t* StreamOf(T* handle) {
  return reinterpret_cast<uv_stream_t*>(handle);
}

void StreamInit(uv_loop_t* loop, uv_stream_t* stream, uv_handle_type type);
// Takes over an fd; `flags` are kReadable and kWritable.
int StreamOpen(uv_stream_t* stream, int fd, unsigned flags);
void StreamClose(uv_stream_t* stream);
// The io_watcher's callback.
void OnStreamReady(uv_loop_t* loop, uv__io_t* watcher, uint32_t events);
// The io_watcher's callback once the stream listens.
void OnConnectionReady(uv_loop_t* loop, uv__io_t* watcher, uint32_t events);
// Stops being active unless somebody waits for input or output.
void StreamStopIfIdle(uv_stream_t* stream);

// Reads what is there and tells the reader.
void StreamRead(uv_stream_t* stream);
void StreamReportEof(uv_stream_t* stream);

// Writes what can be written now.
void StreamWriteQueued(uv_stream_t* stream);
void StreamRunWriteCallbacks(uv_stream_t* stream);
// After the last write: shutdown if asked for.
void StreamDrained(uv_stream_t* stream);
// Every queued write ends with `error`; callbacks run later.
void StreamFailWrites(uv_stream_t* stream, int error);
// The outcome of a connect.
void StreamConnected(uv_stream_t* stream);
// Instead of an error: the call connected, and nobody need ask the socket.
inline constexpr int kConnectedAtOnce = 1;
// A connect's outcome that is reported from the loop, not from the call; 0: the socket has to be asked.
void StreamDelayError(uv_stream_t* stream, uv_connect_t* request, int error);

// Received descriptors that wait for uv_accept (IPC pipes).
int KeepDescriptor(uv_stream_t* stream, int fd);
int NextDescriptor(uv_stream_t* stream);
void CloseDescriptors(uv_stream_t* stream);
int KeptDescriptors(const uv_stream_t* stream);

int TcpListen(uv_tcp_t* tcp, int backlog, uv_connection_cb callback);
int PipeListen(uv_pipe_t* pipe, int backlog, uv_connection_cb callback);

static_assert(sizeof(uv_buf_t) == sizeof(iovec) && offsetof(uv_buf_t, len) == offsetof(iovec, iov_len));

}  // namespace ebb::uv
