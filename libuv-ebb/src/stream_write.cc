// Writing of streams, shutdown and the end of a connect. Write callbacks never run inside uv_write: finished requests
// wait for the pending phase.
#include <sys/socket.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "os/network.h"
#include "src/memory.h"
#include "src/stream.h"

namespace ebb::uv {
namespace {

// Writes of one stream in a row before others get their turn.
constexpr int kMaxWrites = 32;
constexpr unsigned kMaxVectors = IOV_MAX;

size_t TotalSize(const uv_buf_t* buffers, unsigned count) {
  size_t total = 0;
  for (unsigned i = 0; i < count; ++i) total += buffers[i].len;
  return total;
}

size_t RemainingSize(const uv_write_t* request) {
  return TotalSize(request->bufs + request->write_index, request->nbufs - request->write_index);
}

int FdToSend(const uv_stream_t* handle) {
  switch (handle->type) {
    case UV_NAMED_PIPE:
    case UV_TCP:
      return StreamFd(handle);
    case UV_UDP:
      return reinterpret_cast<const uv_udp_t*>(handle)->io_watcher.fd;
    default:
      return -1;
  }
}

// Bytes written, or a negative errno; UV_EAGAIN when nothing fits.
ssize_t Write(uv_stream_t* stream, const uv_buf_t* buffers, unsigned count, const uv_stream_t* send_handle) {
  if (count > kMaxVectors) count = kMaxVectors;
  const auto* vectors = reinterpret_cast<const iovec*>(buffers);
  ssize_t written;
  if (send_handle == nullptr) {
    written = network->Write(StreamFd(stream), vectors, count);
  } else {
    const int fd = uv_is_closing(AsHandle(send_handle)) != 0 ? -1 : FdToSend(send_handle);
    if (fd < 0) return UV_EBADF;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(vectors);
    message.msg_iovlen = count;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
    written = network->Send(StreamFd(stream), &message);
  }
  return written == UV_ENOBUFS ? static_cast<ssize_t>(UV_EAGAIN) : written;
}

// Moves the request past `written` bytes; whether that was all of it.
bool Advance(uv_stream_t* stream, uv_write_t* request, size_t written) {
  stream->write_queue_size -= written;
  uv_buf_t* buffer = request->bufs + request->write_index;
  do {
    const size_t part = written < buffer->len ? written : buffer->len;
    buffer->base += part;
    buffer->len -= part;
    if (buffer->len == 0) ++buffer;
    written -= part;
  } while (written > 0);
  request->write_index = static_cast<unsigned>(buffer - request->bufs);
  return request->write_index == request->nbufs;
}

void FreeBuffers(uv_write_t* request) {
  if (request->bufs != request->bufsml) Free(request->bufs);
  request->bufs = nullptr;
}

void Finish(uv_stream_t* stream, uv_write_t* request) {
  QueueRemove(&request->queue);
  // Kept after an error: the callbacks still have to account for what was not written.
  if (request->error == 0) FreeBuffers(request);
  QueuePushBack(&stream->write_completed_queue, &request->queue);
  WatcherFeed(stream->loop, &stream->io_watcher);
}

int CheckWrite(const uv_stream_t* stream, unsigned count, const uv_stream_t* send_handle) {
  if (static_cast<int>(count) < 1) return UV_EINVAL;
  if (StreamFd(stream) < 0) return UV_EBADF;
  if (!HasFlag(stream, kWritable)) return UV_EPIPE;
  if (send_handle == nullptr) return 0;
  if (stream->type != UV_NAMED_PIPE || reinterpret_cast<const uv_pipe_t*>(stream)->ipc == 0) return UV_EINVAL;
  return FdToSend(send_handle) < 0 ? UV_EBADF : 0;
}

}  // namespace

void StreamWriteQueued(uv_stream_t* stream) {
  for (int writes = 0; writes < kMaxWrites && !QueueEmpty(&stream->write_queue);) {
    uv_write_t* request = OwnerOf(QueueFront(&stream->write_queue), &uv_write_t::queue);
    const ssize_t written = Write(stream, request->bufs + request->write_index, request->nbufs - request->write_index,
                                  request->send_handle);
    if (written >= 0) {
      request->send_handle = nullptr;  // it went with the first byte
      if (Advance(stream, request, static_cast<size_t>(written))) {
        Finish(stream, request);
        ++writes;
        continue;
      }
    } else if (written != UV_EAGAIN) {
      request->error = static_cast<int>(written);
      Finish(stream, request);
      WatcherStop(stream->loop, &stream->io_watcher, kEventOut);
      StreamStopIfIdle(stream);
      return;
    }
    if (HasFlag(stream, kBlockingWrites)) continue;
    break;
  }
  if (!QueueEmpty(&stream->write_queue)) WatcherStart(stream->loop, &stream->io_watcher, kEventOut);
}

void StreamRunWriteCallbacks(uv_stream_t* stream) {
  if (QueueEmpty(&stream->write_completed_queue)) return;
  Queue todo;
  QueueMove(&stream->write_completed_queue, &todo);
  while (!QueueEmpty(&todo)) {
    Queue* item = QueueFront(&todo);
    QueueRemove(item);
    uv_write_t* request = OwnerOf(item, &uv_write_t::queue);
    RequestEnd(stream->loop);
    if (request->bufs != nullptr) {
      stream->write_queue_size -= RemainingSize(request);
      FreeBuffers(request);
    }
    if (request->cb != nullptr) request->cb(request, request->error);
  }
}

void StreamDrained(uv_stream_t* stream) {
  if (!HasFlag(stream, kClosing)) {
    WatcherStop(stream->loop, &stream->io_watcher, kEventOut);
    StreamStopIfIdle(stream);
  }
  if (!HasFlag(stream, kShutting)) return;
  uv_shutdown_t* request = stream->shutdown_req;
  const bool closing = HasFlag(stream, kClosing);
  if (!closing && HasFlag(stream, kShut)) return;
  stream->shutdown_req = nullptr;
  RequestEnd(stream->loop);
  stream->flags &= ~kShutting;
  int error = UV_ECANCELED;
  if (!closing) {
    // A terminal has no direction to shut; what was written is written.
    error = stream->type == UV_TTY ? 0 : network->Shutdown(StreamFd(stream), SHUT_WR);
    if (error == 0) stream->flags |= kShut;
  }
  if (request->cb != nullptr) request->cb(request, error);
}

void StreamFailWrites(uv_stream_t* stream, int error) {
  while (!QueueEmpty(&stream->write_queue)) {
    Queue* item = QueueFront(&stream->write_queue);
    QueueRemove(item);
    OwnerOf(item, &uv_write_t::queue)->error = error;
    QueuePushBack(&stream->write_completed_queue, item);
  }
}

void StreamDelayError(uv_stream_t* stream, uv_connect_t* request, int error) {
  RequestInit(stream->loop, request, UV_CONNECT);
  request->handle = stream;
  stream->connect_req = request;
  stream->delayed_error = error;
  WatcherFeed(stream->loop, &stream->io_watcher);
}

void StreamConnected(uv_stream_t* stream) {
  uv_connect_t* request = stream->connect_req;
  int error = stream->delayed_error;
  if (error != 0) {
    stream->delayed_error = 0;
    if (error == kConnectedAtOnce) error = 0;
  } else {
    socklen_t size = sizeof(error);
    if (getsockopt(StreamFd(stream), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = EBADF;
    error = -error;
  }
  if (error == -EINPROGRESS) return;
  stream->connect_req = nullptr;
  RequestEnd(stream->loop);
  if (error < 0 || QueueEmpty(&stream->write_queue)) {
    WatcherStop(stream->loop, &stream->io_watcher, kEventOut);
    // Nobody waits for this stream any more; reading may have started meanwhile.
    StreamStopIfIdle(stream);
  }
  if (request->cb != nullptr) request->cb(request, error);
  if (StreamFd(stream) == -1) return;
  if (error < 0) {
    StreamFailWrites(stream, UV_ECANCELED);
    StreamRunWriteCallbacks(stream);
  }
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_write2(uv_write_t* req, uv_stream_t* stream, const uv_buf_t bufs[], unsigned int nbufs, uv_stream_t* send_handle,
              uv_write_cb cb) {
  const int error = CheckWrite(stream, nbufs, send_handle);
  if (error != 0) return error;
  uv_buf_t* copy = CopyArray(req->bufsml, bufs, nbufs);
  if (copy == nullptr) return UV_ENOMEM;
  const bool first = stream->write_queue_size == 0 && QueueEmpty(&stream->write_queue);
  RequestInit(stream->loop, req, UV_WRITE);
  req->cb = cb;
  req->handle = stream;
  req->error = 0;
  req->send_handle = send_handle;
  req->bufs = copy;
  req->nbufs = nbufs;
  req->write_index = 0;
  stream->write_queue_size += TotalSize(bufs, nbufs);
  QueuePushBack(&stream->write_queue, &req->queue);
  // While connecting, the end of the connect starts the writing.
  if (stream->connect_req != nullptr) return 0;
  if (first)
    StreamWriteQueued(stream);
  else
    WatcherStart(stream->loop, &stream->io_watcher, kEventOut);
  return 0;
}

int uv_write(uv_write_t* req, uv_stream_t* handle, const uv_buf_t bufs[], unsigned int nbufs, uv_write_cb cb) {
  return uv_write2(req, handle, bufs, nbufs, nullptr, cb);
}

int uv_try_write2(uv_stream_t* stream, const uv_buf_t bufs[], unsigned int nbufs, uv_stream_t* send_handle) {
  // Bytes must not overtake those that wait.
  if (stream->connect_req != nullptr || stream->write_queue_size != 0) return UV_EAGAIN;
  const int error = CheckWrite(stream, nbufs, send_handle);
  if (error != 0) return error;
  return static_cast<int>(Write(stream, bufs, nbufs, send_handle));
}

int uv_try_write(uv_stream_t* stream, const uv_buf_t bufs[], unsigned int nbufs) {
  return uv_try_write2(stream, bufs, nbufs, nullptr);
}

int uv_shutdown(uv_shutdown_t* req, uv_stream_t* stream, uv_shutdown_cb cb) {
  if (!HasFlag(stream, kWritable) || HasFlag(stream, kShut | kShutting) || uv_is_closing(AsHandle(stream)) != 0)
    return UV_ENOTCONN;
  RequestInit(stream->loop, req, UV_SHUTDOWN);
  req->handle = stream;
  req->cb = cb;
  stream->shutdown_req = req;
  stream->flags |= kShutting;
  stream->flags &= ~kWritable;
  if (QueueEmpty(&stream->write_queue)) WatcherFeed(stream->loop, &stream->io_watcher);
  return 0;
}
