#include "src/stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>

#include "os/network.h"
#include "src/close.h"
#include "src/fd.h"
#include "src/memory.h"
#include "src/tcp_options.h"
#include "src/version.h"

namespace ebb::uv {
namespace {

constexpr uint32_t kBoth = kEventIn | kEventOut;

// Out of descriptors, a waiting connection can be neither accepted nor refused and the loop would spin on it. One
// descriptor is kept back for this moment: it is given up, the connections are accepted and closed at once.
int RefuseConnections(uv_loop_t* loop, int listener) {
  if (loop->emfile_fd == -1) return UV_EMFILE;
  network->Close(loop->emfile_fd);
  loop->emfile_fd = -1;
  int result;
  do {
    result = network->Accept(listener);
    if (result >= 0) network->Close(result);
  } while (result >= 0);
  loop->emfile_fd = open("/", O_RDONLY | O_CLOEXEC);
  return result;
}

}  // namespace

void StreamInit(uv_loop_t* loop, uv_stream_t* stream, uv_handle_type type) {
  HandleInit(loop, stream, type);
  stream->write_queue_size = 0;
  stream->alloc_cb = nullptr;
  stream->read_cb = nullptr;
  stream->connect_req = nullptr;
  stream->shutdown_req = nullptr;
  stream->connection_cb = nullptr;
  stream->delayed_error = 0;
  stream->accepted_fd = -1;
  stream->queued_fds = nullptr;
  QueueInit(&stream->write_queue);
  QueueInit(&stream->write_completed_queue);
  if (loop->emfile_fd == -1) loop->emfile_fd = open("/", O_RDONLY | O_CLOEXEC);
  WatcherInit(&stream->io_watcher, OnStreamReady, -1);
}

int StreamOpen(uv_stream_t* stream, int fd, unsigned flags) {
  if (StreamFd(stream) != -1 && StreamFd(stream) != fd) return UV_EBUSY;
  const int error = WatcherReserve(stream->loop, fd);
  if (error != 0) return error;
  stream->flags |= flags;
  if (stream->type == UV_TCP) {
    if (HasFlag(stream, kNoDelay)) SetNoDelay(fd, true);
    if (HasFlag(stream, kKeepAlive)) SetKeepAlive(fd, true, 60, 1, 10);
  }
  stream->io_watcher.fd = fd;
  return 0;
}

void StreamStopIfIdle(uv_stream_t* stream) {
  if (!WatcherActive(&stream->io_watcher, kBoth)) HandleStop(stream);
}

void OnStreamReady(uv_loop_t*, uv__io_t* watcher, uint32_t events) {
  uv_stream_t* stream = OwnerOf(watcher, &uv_stream_t::io_watcher);
  if (stream->connect_req != nullptr) {
    StreamConnected(stream);
    return;
  }
  // Once the peer is gone and nothing is left to read, a stream ends. Since 1.52 only a read that finds the end tells
  // that nothing is left; before, it was a read that did not fill its buffer.
  const bool by_partial_read = interface_version < kVersion1_52;
  if ((events & (kEventIn | kEventError | (by_partial_read ? kEventHangup : 0u))) != 0) StreamRead(stream);
  if (StreamFd(stream) == -1) return;  // closed by the reader
  const bool nothing_left = by_partial_read ? HasFlag(stream, kReadPartial) : (events & kEventIn) == 0;
  if ((events & kEventHangup) != 0 && nothing_left && HasFlag(stream, kReading) && !HasFlag(stream, kReadEof))
    StreamReportEof(stream);
  if (StreamFd(stream) == -1) return;
  if ((events & (kEventOut | kEventError | kEventHangup)) == 0) return;
  StreamWriteQueued(stream);
  StreamRunWriteCallbacks(stream);
  if (QueueEmpty(&stream->write_queue)) StreamDrained(stream);
}

void OnConnectionReady(uv_loop_t* loop, uv__io_t* watcher, uint32_t) {
  uv_stream_t* stream = OwnerOf(watcher, &uv_stream_t::io_watcher);
  const int listener = StreamFd(stream);
  int fd = network->Accept(listener);
  if (fd == UV_EMFILE || fd == UV_ENFILE) fd = RefuseConnections(loop, listener);
  // Nothing there after all, or a peer that has left already.
  if (fd == UV_EAGAIN || fd == UV_ECONNABORTED) return;
  if (fd < 0) {
    stream->connection_cb(stream, fd);
    return;
  }
  stream->accepted_fd = fd;
  stream->connection_cb(stream, 0);
  // Not taken: no more until it is.
  if (stream->accepted_fd != -1) WatcherStop(loop, &stream->io_watcher, kEventIn);
}

void StreamClose(uv_stream_t* stream) {
  WatcherClose(stream->loop, &stream->io_watcher);
  if (HasFlag(stream, kReading)) uv_read_stop(stream);
  HandleStop(stream);
  stream->flags &= ~(kReadable | kWritable);
  if (StreamFd(stream) != -1) {
    // What was inherited as stdio stays open: others of the process use it.
    if (StreamFd(stream) > STDERR_FILENO) network->Close(StreamFd(stream));
    stream->io_watcher.fd = -1;
  }
  if (stream->accepted_fd != -1) {
    network->Close(stream->accepted_fd);
    stream->accepted_fd = -1;
  }
  CloseDescriptors(stream);
}

void CloseStream(uv_stream_t* stream) { StreamClose(stream); }

void FinishStream(uv_stream_t* stream) {
  if (uv_connect_t* connect = stream->connect_req; connect != nullptr) {
    stream->connect_req = nullptr;
    RequestEnd(stream->loop);
    connect->cb(connect, UV_ECANCELED);
  }
  StreamFailWrites(stream, UV_ECANCELED);
  StreamRunWriteCallbacks(stream);
  StreamDrained(stream);
}

// --- Descriptors received over IPC pipes ---

namespace {
struct DescriptorQueue {
  unsigned capacity;
  unsigned count;
  int fds[1];
};
}  // namespace

int KeepDescriptor(uv_stream_t* stream, int fd) {
  if (stream->accepted_fd == -1) {
    stream->accepted_fd = fd;
    return 0;
  }
  auto* queue = static_cast<DescriptorQueue*>(stream->queued_fds);
  if (queue == nullptr || queue->count == queue->capacity) {
    const unsigned capacity = queue == nullptr ? 8 : queue->capacity * 2;
    auto* grown =
        static_cast<DescriptorQueue*>(Reallocate(queue, sizeof(DescriptorQueue) + (capacity - 1) * sizeof(int)));
    if (grown == nullptr) return UV_ENOMEM;
    if (queue == nullptr) grown->count = 0;
    grown->capacity = capacity;
    stream->queued_fds = queue = grown;
  }
  queue->fds[queue->count++] = fd;
  return 0;
}

int NextDescriptor(uv_stream_t* stream) {
  auto* queue = static_cast<DescriptorQueue*>(stream->queued_fds);
  if (queue == nullptr) return -1;
  const int fd = queue->fds[0];
  if (--queue->count == 0) {
    Free(queue);
    stream->queued_fds = nullptr;
  } else {
    for (unsigned i = 0; i < queue->count; ++i) queue->fds[i] = queue->fds[i + 1];
  }
  return fd;
}

void CloseDescriptors(uv_stream_t* stream) {
  for (int fd; (fd = NextDescriptor(stream)) != -1;) network->Close(fd);
}

int KeptDescriptors(const uv_stream_t* stream) {
  if (stream->accepted_fd == -1) return 0;
  const auto* queue = static_cast<const DescriptorQueue*>(stream->queued_fds);
  return queue == nullptr ? 1 : 1 + static_cast<int>(queue->count);
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_listen(uv_stream_t* stream, int backlog, uv_connection_cb cb) {
  if (HasFlag(stream, kClosing | kClosed)) return UV_EINVAL;
  int error;
  if (stream->type == UV_TCP)
    error = TcpListen(reinterpret_cast<uv_tcp_t*>(stream), backlog, cb);
  else if (stream->type == UV_NAMED_PIPE)
    error = PipeListen(reinterpret_cast<uv_pipe_t*>(stream), backlog, cb);
  else
    return UV_EINVAL;
  if (error == 0) HandleStart(stream);
  return error;
}

int uv_accept(uv_stream_t* server, uv_stream_t* client) {
  if (server->accepted_fd == -1) return UV_EAGAIN;
  int error;
  switch (client->type) {
    case UV_NAMED_PIPE:
    case UV_TCP:
      error = StreamOpen(client, server->accepted_fd, kReadable | kWritable);
      if (error != 0) network->Close(server->accepted_fd);
      break;
    case UV_UDP:
      error = uv_udp_open(reinterpret_cast<uv_udp_t*>(client), server->accepted_fd);
      if (error != 0) network->Close(server->accepted_fd);
      break;
    default:
      return UV_EINVAL;
  }
  client->flags |= kBound;
  server->accepted_fd = NextDescriptor(server);
  // A listener that stopped because this one was not taken goes on.
  if (server->accepted_fd == -1 && error == 0 && server->connection_cb != nullptr)
    WatcherStart(server->loop, &server->io_watcher, kEventIn);
  return error;
}

int uv_is_readable(const uv_stream_t* handle) { return HasFlag(handle, kReadable); }

int uv_is_writable(const uv_stream_t* handle) { return HasFlag(handle, kWritable); }

int uv_stream_set_blocking(uv_stream_t* handle, int blocking) {
  return SetNonBlocking(StreamFd(handle), blocking == 0);
}

size_t uv_stream_get_write_queue_size(const uv_stream_t* stream) { return stream->write_queue_size; }
