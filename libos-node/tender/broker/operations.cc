// The operations of the ring: each one checks its entry, acts, and completes or leaves the completion to a socket.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "tender/broker/broker_impl.h"

namespace ebb::tender {
namespace {

constexpr uint32_t kMaxListens = 64;
// More buffers than this do not fit in the data area, so no honest guest gets here.
constexpr uint32_t kMaxQueuedSends = 2048;

}  // namespace

void Broker::Impl::Execute(uint32_t core, const ebb_sqe& sqe) {
  ++stats_.submissions;
  const Operation operation{core, sqe.user_data};
  switch (sqe.op) {
    case EBB_OP_NOP:
      return Complete(operation, 0);
    case EBB_OP_LOG:
      return Log(operation, sqe);
    case EBB_OP_LISTEN:
      return Listen(operation, sqe);
    case EBB_OP_UNLISTEN:
      return Unlisten(operation, sqe);
    case EBB_OP_CONNECT:
      return Connect(operation, sqe);
    case EBB_OP_SEND:
      return Send(operation, sqe);
    case EBB_OP_RECV:
      return Receive(operation, sqe);
    case EBB_OP_SHUTDOWN:
      return Shutdown(operation, sqe);
    case EBB_OP_CLOSE:
      return Close(operation, sqe);
    case EBB_OP_UDP_OPEN:
      return OpenDatagram(operation);
    case EBB_OP_UDP_SEND:
      return SendDatagram(operation, sqe);
    case EBB_OP_UDP_RECV:
      return ReceiveDatagram(operation, sqe);
    default:
      return Reject(operation, -ENOSYS);
  }
}

void Broker::Impl::Reject(Operation operation, int32_t error) {
  ++stats_.rejected;
  Complete(operation, error);
}

bool Broker::Impl::ReserveQueuedSend() {
  if (queued_sends_ == kMaxQueuedSends) return false;
  ++queued_sends_;
  return true;
}

std::optional<std::span<std::byte>> Broker::Impl::Buffer(const ebb_sqe& sqe) const {
  if (sqe.length > data_.size() || sqe.buffer > data_.size() - sqe.length) return std::nullopt;
  return data_.subspan(sqe.buffer, sqe.length);
}

Stream* Broker::Impl::FindStream(uint32_t handle) {
  const auto at = sockets_.find(handle);
  if (at == sockets_.end() || at->second->kind() != Socket::Kind::kStream) return nullptr;
  auto* stream = static_cast<Stream*>(at->second.get());
  return stream->usable() ? stream : nullptr;
}

Datagram* Broker::Impl::FindDatagram(uint32_t handle) {
  const auto at = sockets_.find(handle);
  if (at == sockets_.end() || at->second->kind() != Socket::Kind::kDatagram) return nullptr;
  return static_cast<Datagram*>(at->second.get());
}

void Broker::Impl::Log(Operation operation, const ebb_sqe& sqe) {
  const auto bytes = Buffer(sqe);
  if (!bytes) return Reject(operation, -EFAULT);
  const uint32_t stream = sqe.flags & ~EBB_LOG_LAZY;
  if (stream > EBB_LOG_TRACE) return Reject(operation, -EINVAL);
  ++stats_.log_records;
  // An empty record is work as well.
  constexpr int64_t kRecordCost = 64;
  log_budget_ -= static_cast<int64_t>(bytes->size()) + kRecordCost;
  report_.Log(stream, sqe.arg0, *bytes);
  if ((sqe.flags & EBB_LOG_LAZY) != 0) return CompleteLazily(operation, static_cast<int32_t>(sqe.length));
  Complete(operation, static_cast<int32_t>(sqe.length));
}

void Broker::Impl::Listen(Operation operation, const ebb_sqe& sqe) {
  if (sqe.arg0 == 0 || sqe.arg0 > UINT16_MAX) return Reject(operation, -EINVAL);
  const auto port = static_cast<uint16_t>(sqe.arg0);
  if (listens_.contains(port)) return Reject(operation, -EADDRINUSE);
  if (listens_.size() == kMaxListens) return Reject(operation, -ENOBUFS);
  listens_.emplace(port, operation);
  Emit(operation, 0, EBB_CQE_MORE, 0);
  if (port == kServicePort) report_.Ready();
  ArmListeners();
}

void Broker::Impl::Unlisten(Operation operation, const ebb_sqe& sqe) {
  const auto at = sqe.arg0 <= UINT16_MAX ? listens_.find(static_cast<uint16_t>(sqe.arg0)) : listens_.end();
  if (at == listens_.end()) return Reject(operation, -ENOENT);
  const Operation listening = at->second;
  listens_.erase(at);
  Complete(listening, -ECANCELED);
  Complete(operation, 0);
  ArmListeners();
}

// What the guest's endpoint means on the host, if it may be reached.
std::optional<Endpoint> Broker::Impl::Allowed(Endpoint guest) {
  auto host = policy_.Translate(guest);
  // Gateway and resolver are elsewhere than the guest says, and may be on this host.
  if (host && *host == guest && own_addresses_.Contains(host->address)) host.reset();
  if (!host) ++stats_.denied;
  return host;
}

void Broker::Impl::Connect(Operation operation, const ebb_sqe& sqe) {
  if (sqe.arg0 > UINT32_MAX || sqe.arg1 == 0 || sqe.arg1 > UINT16_MAX) return Reject(operation, -EINVAL);
  const auto host = Allowed({static_cast<uint32_t>(sqe.arg0), static_cast<uint16_t>(sqe.arg1)});
  if (!host) return Complete(operation, -EACCES);
  if (!HandlesLeft()) return Complete(operation, -ENFILE);
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return Complete(operation, -errno);
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const sockaddr_in address = ToSockaddr(*host);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
    return Complete(operation, -errno);
  }
  // A connection that is there at once (loopback) is reported by the first event as well.
  auto stream = std::make_unique<Stream>(next_handle_++, std::move(fd), *this, operation);
  if (!Register(*stream)) return Complete(operation, -ENOBUFS);
  const uint32_t handle = stream->handle();
  sockets_.emplace(handle, std::move(stream));
}

void Broker::Impl::Send(Operation operation, const ebb_sqe& sqe) {
  const auto bytes = Buffer(sqe);
  if (!bytes) return Reject(operation, -EFAULT);
  if ((sqe.flags & ~EBB_SEND_LAZY) != 0) return Reject(operation, -EINVAL);
  Stream* stream = FindStream(sqe.handle);
  if (stream == nullptr) return Reject(operation, -EBADF);
  stream->Send(operation, *bytes, (sqe.flags & EBB_SEND_LAZY) != 0);
}

void Broker::Impl::Receive(Operation operation, const ebb_sqe& sqe) {
  const auto buffer = Buffer(sqe);
  if (!buffer) return Reject(operation, -EFAULT);
  if (buffer->empty()) return Reject(operation, -EINVAL);
  Stream* stream = FindStream(sqe.handle);
  if (stream == nullptr) return Reject(operation, -EBADF);
  stream->Receive(operation, *buffer);
}

void Broker::Impl::Shutdown(Operation operation, const ebb_sqe& sqe) {
  if (sqe.flags != 1) return Reject(operation, -EINVAL);
  Stream* stream = FindStream(sqe.handle);
  if (stream == nullptr) return Reject(operation, -EBADF);
  stream->Shutdown(operation);
}

void Broker::Impl::Close(Operation operation, const ebb_sqe& sqe) {
  if (sqe.flags > 1) return Reject(operation, -EINVAL);
  Socket* socket = FindStream(sqe.handle);
  if (socket == nullptr) socket = FindDatagram(sqe.handle);
  if (socket == nullptr) return Reject(operation, -EBADF);
  socket->Close(sqe.flags == 1);
  if (!socket->finished()) lingering_.insert(sqe.handle);
  Settle(sqe.handle);
  Complete(operation, 0);
}

void Broker::Impl::OpenDatagram(Operation operation) {
  if (!HandlesLeft()) return Complete(operation, -ENFILE);
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return Complete(operation, -errno);
  auto datagram = std::make_unique<Datagram>(next_handle_++, std::move(fd), *this);
  if (!Register(*datagram)) return Complete(operation, -ENOBUFS);
  const uint32_t handle = datagram->handle();
  sockets_.emplace(handle, std::move(datagram));
  Complete(operation, static_cast<int32_t>(handle));
}

void Broker::Impl::SendDatagram(Operation operation, const ebb_sqe& sqe) {
  const auto bytes = Buffer(sqe);
  if (!bytes) return Reject(operation, -EFAULT);
  if (sqe.arg0 > UINT32_MAX || sqe.arg1 == 0 || sqe.arg1 > UINT16_MAX) return Reject(operation, -EINVAL);
  Datagram* datagram = FindDatagram(sqe.handle);
  if (datagram == nullptr) return Reject(operation, -EBADF);
  const auto host = Allowed({static_cast<uint32_t>(sqe.arg0), static_cast<uint16_t>(sqe.arg1)});
  if (!host) return Complete(operation, -EACCES);
  datagram->Send(operation, *bytes, *host);
}

void Broker::Impl::ReceiveDatagram(Operation operation, const ebb_sqe& sqe) {
  const auto buffer = Buffer(sqe);
  if (!buffer) return Reject(operation, -EFAULT);
  if (buffer->empty()) return Reject(operation, -EINVAL);
  Datagram* datagram = FindDatagram(sqe.handle);
  if (datagram == nullptr) return Reject(operation, -EBADF);
  datagram->Receive(operation, *buffer);
  Settle(sqe.handle);
}

}  // namespace ebb::tender
