// Stream: non-blocking send and receive with edge-triggered readiness.
#include "tender/broker/stream.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

namespace ebb::tender {

void Stream::Send(Operation operation, std::span<const std::byte> bytes, bool lazy) {
  if (send_error_ != 0) return context().Complete(operation, send_error_);
  const auto total = static_cast<uint32_t>(bytes.size());
  if (queue_.empty() && writable_) {
    // The usual case, without touching the queue.
    ssize_t sent;
    do sent = send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN) {
      send_error_ = -errno;
      return context().Complete(operation, send_error_);
    }
    if (sent > 0) {
      context().stats().bytes_sent += static_cast<uint64_t>(sent);
      bytes = bytes.subspan(static_cast<size_t>(sent));
    }
    if (bytes.empty()) {
      return lazy ? context().CompleteLazily(operation, static_cast<int32_t>(total))
                  : context().Complete(operation, static_cast<int32_t>(total));
    }
    writable_ = false;
  }
  if (!context().ReserveQueuedSend()) return context().Complete(operation, -ENOBUFS);
  queue_.push_back({operation, bytes, total, false});
}

void Stream::Receive(Operation operation, std::span<std::byte> buffer) {
  if (receive_) return context().Complete(operation, -EBUSY);
  receive_ = operation;
  receive_buffer_ = buffer;
  TryReceive();
}

void Stream::Shutdown(Operation operation) {
  if (send_error_ != 0) return context().Complete(operation, send_error_);
  if (!context().ReserveQueuedSend()) return context().Complete(operation, -ENOBUFS);
  queue_.push_back({operation, {}, 0, true});
  Flush();
}

void Stream::OnEvents(uint32_t events) {
  if (state_ == State::kConnecting) return FinishConnect();
  const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (failed || (events & EPOLLRDHUP) != 0) ended_ = true;
  if (ended_ || (events & EPOLLIN) != 0) {
    readable_ = true;
    TryReceive();
  }
  if (failed || (events & EPOLLOUT) != 0) {
    writable_ = true;
    Flush();
  }
}

void Stream::FinishConnect() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) {
    context().Complete(connect_, -error);
    return Finish();
  }
  state_ = State::kOpen;
  ++context().stats().connected;
  context().Complete(connect_, static_cast<int32_t>(handle()));
}

void Stream::Flush() {
  while (!queue_.empty() && writable_) {
    Queued& next = queue_.front();
    if (next.shutdown) {
      const int32_t result = shutdown(fd(), SHUT_WR) == 0 ? 0 : -errno;
      context().Complete(next.operation, result);
    } else {
      const ssize_t sent = send(fd(), next.bytes.data(), next.bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN) {
          writable_ = false;
          break;
        }
        send_error_ = -errno;
        FailQueue(send_error_);
        break;
      }
      last_progress_ = 0;
      context().stats().bytes_sent += static_cast<uint64_t>(sent);
      next.bytes = next.bytes.subspan(static_cast<size_t>(sent));
      if (!next.bytes.empty()) continue;
      context().Complete(next.operation, static_cast<int32_t>(next.total));
    }
    queue_.pop_front();
    context().ReleaseQueuedSend();
  }
  if (state_ == State::kLingering && queue_.empty()) Finish();
}

void Stream::FailQueue(int32_t error) {
  while (!queue_.empty()) {
    context().Complete(queue_.front().operation, error);
    queue_.pop_front();
    context().ReleaseQueuedSend();
  }
}

void Stream::TryReceive() {
  if (!receive_ || !readable_) return;
  ssize_t size;
  do size = recv(fd(), receive_buffer_.data(), receive_buffer_.size(), MSG_DONTWAIT);
  while (size < 0 && errno == EINTR);
  const int32_t result = size < 0 ? -errno : static_cast<int32_t>(size);
  if (result == -EAGAIN) {
    readable_ = false;
    return;
  }
  // A short read emptied the host's buffer: what comes later makes a new edge. Not so for the end of the stream, which
  // may have come already.
  if (size > 0 && static_cast<size_t>(size) < receive_buffer_.size() && !ended_) readable_ = false;
  if (size <= 0) ended_ = true;
  if (size > 0) context().stats().bytes_received += static_cast<uint64_t>(size);
  const Operation operation = *receive_;
  receive_.reset();
  context().Complete(operation, size < 0 ? -errno : static_cast<int32_t>(size));
}

void Stream::Close(bool reset) {
  if (receive_) context().Complete(*receive_, -ECANCELED);
  receive_.reset();
  if (reset) {
    const linger abort{1, 0};
    setsockopt(fd(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    FailQueue(-ECANCELED);
    return Finish();
  }
  state_ = State::kLingering;
  last_progress_ = 0;
  if (queue_.empty()) Finish();
}

void Stream::Finish() {
  state_ = State::kFinished;
  CloseFd();
}

}  // namespace ebb::tender
