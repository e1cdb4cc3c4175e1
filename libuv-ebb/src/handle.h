// Handles and requests: flags, and the two counts that keep a loop alive. loop->active_handles counts handles that are
// active and referenced; loop->active_reqs counts requests whose callback is still to come.
#pragma once

#include "src/queue.h"
#include "uv.h"

namespace ebb::uv {

enum HandleFlag : unsigned {
  kClosing = 1u << 0,
  kClosed = 1u << 1,
  kActive = 1u << 2,
  kReferenced = 1u << 3,
  kInternal = 1u << 4,
  // Streams.
  kReadable = 1u << 5,
  kWritable = 1u << 6,
  kReading = 1u << 7,
  kReadPartial = 1u << 8,  // the last read left nothing behind
  kReadEof = 1u << 9,
  kShutting = 1u << 10,
  kShut = 1u << 11,
  kBound = 1u << 13,
  kIpv6 = 1u << 14,
  kNoDelay = 1u << 15,
  kKeepAlive = 1u << 16,
  // Datagrams.
  kUdpConnected = 1u << 18,
  kUdpProcessing = 1u << 19,
  kUdpReceiveMany = 1u << 21,
  // Where stock libuv has it, too: programs look at it.
  kBlockingWrites = 1u << 20,
  // Signals.
  kOneShot = 1u << 22,
};

template <class T>
uv_handle_t* AsHandle(T* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}
template <class T>
const uv_handle_t* AsHandle(const T* handle) {
  return reinterpret_cast<const uv_handle_t*>(handle);
}
template <class T>
uv_stream_t* AsStream(T* handle) {
  return reinterpret_cast<uv_stream_t*>(handle);
}

template <class T>
bool HasFlag(const T* handle, unsigned flags) {
  return (handle->flags & flags) != 0;
}

template <class T>
void HandleInit(uv_loop_t* loop, T* handle, uv_handle_type type) {
  handle->loop = loop;
  handle->type = type;
  handle->flags = kReferenced;
  handle->next_closing = nullptr;
  QueuePushBack(&loop->handle_queue, &handle->handle_queue);
}

template <class T>
void HandleStart(T* handle) {
  if (HasFlag(handle, kActive)) return;
  handle->flags |= kActive;
  if (HasFlag(handle, kReferenced)) ++handle->loop->active_handles;
}

template <class T>
void HandleStop(T* handle) {
  if (!HasFlag(handle, kActive)) return;
  handle->flags &= ~kActive;
  if (HasFlag(handle, kReferenced)) --handle->loop->active_handles;
}

// Queues the handle for its close callback, in the closing phase of this turn or the next.
void HandleFinishLater(uv_handle_t* handle);

inline void RequestStart(uv_loop_t* loop) { ++loop->active_reqs.count; }
inline void RequestEnd(uv_loop_t* loop) { --loop->active_reqs.count; }

template <class T>
void RequestInit(uv_loop_t* loop, T* request, uv_req_type type) {
  request->type = type;
  RequestStart(loop);
}

}  // namespace ebb::uv
