// Reading of streams. A turn reads at most kMaxReads times from one stream, so that a fast peer does not starve others.
#include <cerrno>
#include <cstring>

#include "os/network.h"
#include "src/stream.h"

namespace ebb::uv {
namespace {

constexpr int kMaxReads = 32;
constexpr size_t kSuggestedSize = 64 * 1024;
// Descriptors that one message may carry (SCM_MAX_FD).
constexpr size_t kMaxDescriptors = 253;

bool IsIpc(const uv_stream_t* stream) {
  return stream->type == UV_NAMED_PIPE && reinterpret_cast<const uv_pipe_t*>(stream)->ipc != 0;
}

// Reads bytes and the descriptors that came with them.
ssize_t ReadWithDescriptors(uv_stream_t* stream, const uv_buf_t& buffer) {
  iovec vector = {buffer.base, buffer.len};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxDescriptors * sizeof(int))];
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t count = network->Receive(StreamFd(stream), &message, MSG_CMSG_CLOEXEC);
  if (count < 0) return count;
  int failure = 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < fds; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      const int error = failure == 0 ? KeepDescriptor(stream, fd) : failure;
      if (error == 0) continue;
      network->Close(fd);
      failure = error;
    }
  }
  return failure == 0 ? count : failure;
}

void StopReading(uv_stream_t* stream) {
  stream->flags &= ~kReading;
  WatcherStop(stream->loop, &stream->io_watcher, kEventIn);
  StreamStopIfIdle(stream);
}

void ReportEof(uv_stream_t* stream, const uv_buf_t* buffer) {
  stream->flags |= kReadEof;
  StopReading(stream);
  stream->read_cb(stream, UV_EOF, buffer);
}

}  // namespace

void StreamReportEof(uv_stream_t* stream) {
  const uv_buf_t none = {nullptr, 0};
  ReportEof(stream, &none);
}

void StreamRead(uv_stream_t* stream) {
  stream->flags &= ~kReadPartial;
  const bool ipc = IsIpc(stream);
  for (int reads = 0; reads < kMaxReads; ++reads) {
    if (stream->read_cb == nullptr || !HasFlag(stream, kReading)) return;
    uv_buf_t buffer = {nullptr, 0};
    stream->alloc_cb(AsHandle(stream), kSuggestedSize, &buffer);
    if (buffer.base == nullptr || buffer.len == 0) {
      stream->read_cb(stream, UV_ENOBUFS, &buffer);
      return;
    }
    const ssize_t count =
        ipc ? ReadWithDescriptors(stream, buffer) : network->Read(StreamFd(stream), buffer.base, buffer.len);
    if (count == UV_EAGAIN) {
      if (HasFlag(stream, kReading)) WatcherStart(stream->loop, &stream->io_watcher, kEventIn);
      stream->read_cb(stream, 0, &buffer);
      return;
    }
    if (count < 0) {
      stream->flags &= ~(kReadable | kWritable);
      stream->read_cb(stream, count, &buffer);
      if (HasFlag(stream, kReading)) StopReading(stream);
      return;
    }
    if (count == 0) {
      ReportEof(stream, &buffer);
      return;
    }
    const bool partial = static_cast<size_t>(count) < buffer.len;
    stream->read_cb(stream, count, &buffer);
    if (partial) {
      if (stream->type != UV_TTY) stream->flags |= kReadPartial;
      return;
    }
  }
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_read_start(uv_stream_t* stream, uv_alloc_cb alloc_cb, uv_read_cb read_cb) {
  if (stream == nullptr || alloc_cb == nullptr || read_cb == nullptr) return UV_EINVAL;
  if (HasFlag(stream, kClosing | kClosed)) return UV_EINVAL;
  if (HasFlag(stream, kReading)) return UV_EALREADY;
  if (!HasFlag(stream, kReadable)) return UV_ENOTCONN;
  stream->flags |= kReading;
  stream->flags &= ~kReadEof;
  stream->read_cb = read_cb;
  stream->alloc_cb = alloc_cb;
  WatcherStart(stream->loop, &stream->io_watcher, kEventIn);
  HandleStart(stream);
  return 0;
}

int uv_read_stop(uv_stream_t* stream) {
  if (!HasFlag(stream, kReading)) return 0;
  StopReading(stream);
  stream->read_cb = nullptr;
  stream->alloc_cb = nullptr;
  return 0;
}
