// Datagram: non-blocking sendto and recvfrom.
#include "tender/broker/datagram.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "tender/broker/host_network.h"

namespace ebb::tender {

void Datagram::Send(Operation operation, std::span<const std::byte> bytes, Endpoint host) {
  const sockaddr_in address = ToSockaddr(host);
  ssize_t sent;
  do
    sent = sendto(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                  reinterpret_cast<const sockaddr*>(&address), sizeof address);
  while (sent < 0 && errno == EINTR);
  const int32_t result = sent < 0 ? -errno : static_cast<int32_t>(sent);
  if (sent > 0) context().stats().bytes_sent += static_cast<uint64_t>(sent);
  context().Complete(operation, result);
}

void Datagram::Receive(Operation operation, std::span<std::byte> buffer) {
  if (receive_) return context().Complete(operation, -EBUSY);
  receive_ = operation;
  receive_buffer_ = buffer;
  TryReceive();
}

void Datagram::OnEvents(uint32_t) {
  readable_ = true;
  TryReceive();
}

void Datagram::TryReceive() {
  constexpr int kMaxDropped = 64;
  for (int tries = 0; receive_ && readable_; ++tries) {
    if (tries == kMaxDropped) {
      rearm_ = true;
      return;
    }
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t received = recvfrom(fd(), receive_buffer_.data(), receive_buffer_.size(), MSG_DONTWAIT,
                                      reinterpret_cast<sockaddr*>(&from), &size);
    if (received < 0) {
      if (errno == EAGAIN) readable_ = false;
      // Anything else is a pending error of an earlier datagram (ICMP), which this read cleared.
      continue;
    }
    const auto source = context().policy().TranslateSource(FromSockaddr(from));
    if (!source) continue;
    context().stats().bytes_received += static_cast<uint64_t>(received);
    const Operation operation = *receive_;
    receive_.reset();
    context().Complete(operation, static_cast<int32_t>(received), uint64_t{source->address} << 16 | source->port);
  }
}

void Datagram::Close(bool) {
  if (receive_) context().Complete(*receive_, -ECANCELED);
  receive_.reset();
  finished_ = true;
  CloseFd();
}

}  // namespace ebb::tender
