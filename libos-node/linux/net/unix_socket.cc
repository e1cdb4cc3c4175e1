// UnixSocket: names, connecting, and bytes or datagrams.
#include "linux/net/unix_socket.h"

#include <algorithm>

#include "kernel/random.h"

namespace ebb::linux_abi {

// Every unix socket with an abstract name. Never destroyed.
struct UnixNames {
  IntrusiveList<UnixSocket, &UnixSocket::name_node_> bound;

  static UnixNames& All() {
    static auto* names = new UnixNames;
    return *names;
  }
};

namespace {

constexpr size_t kFamilySize = 2, kMaxSize = 2 + 108, kMaxBacklog = 4096;

bool Equal(const AddressBytes& a, const AddressBytes& b) { return std::ranges::equal(a.view(), b.view()); }
bool Abstract(const AddressBytes& name) { return name.bytes[kFamilySize] == std::byte{0}; }
// Without its NUL.
std::string_view PathOf(const AddressBytes& name) {
  return {reinterpret_cast<const char*>(name.bytes.data()) + kFamilySize, name.size - kFamilySize - 1};
}

}  // namespace

AddressBytes UnixSocket::Unnamed() {
  AddressBytes name;
  name.bytes[0] = static_cast<std::byte>(kAfUnix);
  name.size = kFamilySize;
  return name;
}

// The form names are compared in: paths end with their first NUL, abstract names are as long as given.
Result<AddressBytes> UnixSocket::Normalize(std::span<const std::byte> address) {
  const auto family = AddressFamily(address);
  if (!family) return family.error();
  if (*family != kAfUnix || address.size() > kMaxSize) return Errno::kInval;
  AddressBytes name;
  std::ranges::copy(address, name.bytes.begin());
  name.size = address.size();
  if (name.size == kFamilySize || Abstract(name)) return name;
  const auto path = address.subspan(kFamilySize);
  const auto end = std::ranges::find(path, std::byte{0});
  name.size = kFamilySize + static_cast<size_t>(end - path.begin());
  // With its NUL, as Linux tells it.
  name.bytes[name.size++] = std::byte{0};
  return name;
}

UnixSocket* UnixSocket::FindAbstract(const AddressBytes& name, int type) {
  UnixSocket* found = nullptr;
  UnixNames::All().bound.ForEach([&](UnixSocket& socket) {
    if (Equal(socket.name_, name) && (type == 0 || socket.type() == type)) found = &socket;
  });
  return found;
}

Result<UnixSocket*> UnixSocket::Resolve(std::span<const std::byte> address, int type) {
  const auto name = Normalize(address);
  if (!name) return name.error();
  if (name->size == kFamilySize) return Errno::kInval;
  if (Abstract(*name)) {
    if (UnixSocket* found = FindAbstract(*name, type)) return found;
    return FindAbstract(*name, 0) != nullptr ? Errno::kProtoType : Errno::kConnRefused;
  }
  const auto path = FindUnixPath(PathOf(*name));
  if (!path) return path.error();
  UnixSocket* found = (*path)->socket;
  if (found == nullptr) return Errno::kConnRefused;
  if (found->type() != type) return Errno::kProtoType;
  return found;
}

UnixSocket::~UnixSocket() {
  name_node_.Unlink();
  if (path_) path_->socket = nullptr;
  peer_node_.Unlink();
  blocked_node_.Unlink();
  for (Pending& pending : backlog_) pending.channel->Close(true);
  if (channel_) channel_->Close(channel_->Available() != 0);
  while (UnixSocket* follower = followers_.PopFront()) {
    follower->peer_ = nullptr;
    follower->NotifyReady(kEpollIn | kEpollOut | kEpollHup);
  }
  WakeBlocked();
}

void UnixSocket::WakeBlocked() {
  while (UnixSocket* sender = blocked_.PopFront()) sender->NotifyReady(kEpollOut);
}

void UnixSocket::SetPeer(UnixSocket* peer) {
  peer_node_.Unlink();
  peer_ = peer;
  state_ = peer != nullptr ? State::kConnected : State::kClosed;
  if (peer != nullptr) peer->followers_.PushBack(*this);
}

void UnixSocket::Pair(UnixSocket& first, UnixSocket& second) {
  if (first.stream()) {
    auto [a, b] = LocalChannel::MakePair(LocalChannel::Kind::kUnix);
    first.channel_ = std::move(a);
    second.channel_ = std::move(b);
    first.channel_->set_observer(&first);
    second.channel_->set_observer(&second);
    first.state_ = second.state_ = State::kConnected;
    return;
  }
  first.SetPeer(&second);
  second.SetPeer(&first);
}

Result<> UnixSocket::Bind(std::span<const std::byte> address) {
  auto name = Normalize(address);
  if (!name) return name.error();
  if (bound()) return Errno::kInval;
  if (name->size == kFamilySize) {
    // Autobind: an abstract name of five hex digits.
    uint32_t number = 0;
    random().Fill(std::as_writable_bytes(std::span(&number, 1)));
    name->bytes[kFamilySize] = std::byte{0};
    name->size = kFamilySize + 6;
    do {
      for (size_t i = 0; i < 5; ++i)
        name->bytes[kFamilySize + 1 + i] = static_cast<std::byte>("0123456789abcdef"[number >> (4 * i) & 15]);
      ++number;
    } while (FindAbstract(*name, 0) != nullptr);
  }
  if (!Abstract(*name)) {
    auto path = MakeUnixPath(PathOf(*name));
    if (!path) return path.error();
    path_ = std::move(*path);
    path_->socket = this;
    name_ = *name;
    return Ok{};
  }
  if (FindAbstract(*name, 0) != nullptr) return Errno::kAddrInUse;
  name_ = *name;
  UnixNames::All().bound.PushBack(*this);
  return Ok{};
}

Result<> UnixSocket::Listen(int backlog) {
  if (!stream()) return Errno::kOpNotSupp;
  if (!bound() || state_ == State::kConnected) return Errno::kInval;
  backlog_limit_ =
      backlog < 0 || static_cast<size_t>(backlog) > kMaxBacklog ? kMaxBacklog : static_cast<size_t>(backlog);
  state_ = State::kListening;
  return Ok{};
}

Result<ebb::Ref<Socket>> UnixSocket::Accept(uint32_t file_flags) {
  if (!stream()) return Errno::kOpNotSupp;
  Blocking blocking(*this, 0, receive_timeout());
  for (;;) {
    if (state_ != State::kListening) return Errno::kInval;
    if (!backlog_.empty()) break;
    const auto waited = blocking.Wait();
    if (!waited) return waited.error();
  }
  Pending pending = std::move(backlog_.front());
  backlog_.erase(backlog_.begin());
  auto accepted = MakeRef<UnixSocket>(kSockStream, file_flags);
  accepted->channel_ = std::move(pending.channel);
  accepted->channel_->set_observer(accepted.get());
  accepted->state_ = State::kConnected;
  accepted->name_ = name_;
  accepted->peer_name_ = pending.peer_name;
  WakeBlocked();
  return ebb::Ref<Socket>(std::move(accepted));
}

Result<> UnixSocket::Connect(std::span<const std::byte> address) {
  const auto family = AddressFamily(address);
  if (!family) return family.error();
  if (!stream()) {
    if (*family == kAfUnspec) {
      SetPeer(nullptr);
      return Ok{};
    }
    const auto peer = Resolve(address, kSockDgram);
    if (!peer) return peer.error();
    SetPeer(*peer);
    peer_name_ = (*peer)->name_;
    return Ok{};
  }
  Blocking blocking(*this, 0, send_timeout());
  for (;;) {
    if (state_ == State::kConnected) return Errno::kIsConn;
    if (state_ == State::kListening) return Errno::kInval;
    const auto found = Resolve(address, kSockStream);
    if (!found) return found.error();
    UnixSocket& server = **found;
    if (server.state_ != State::kListening) return Errno::kConnRefused;
    if (server.backlog_.size() <= server.backlog_limit_) {
      auto [near, far] = LocalChannel::MakePair(LocalChannel::Kind::kUnix);
      channel_ = std::move(near);
      channel_->set_observer(this);
      state_ = State::kConnected;
      peer_name_ = server.name_;
      server.backlog_.push_back({std::move(far), name_});
      server.NotifyReady(kEpollIn);
      return Ok{};
    }
    // As Linux: EAGAIN for a full backlog, no connection in progress.
    blocked_node_.Unlink();
    server.blocked_.PushBack(*this);
    const auto waited = blocking.Wait();
    blocked_node_.Unlink();
    if (!waited) return waited.error();
  }
}

Result<AddressBytes> UnixSocket::PeerName() {
  if (state_ != State::kConnected) return Errno::kNotConn;
  return peer_name_;
}

Errno UnixSocket::TakeError() { return channel_ ? channel_->TakeError() : Errno{}; }

Result<size_t> UnixSocket::Send(const SendMessage& message) {
  if ((message.flags & kMsgOob) != 0) return Errno::kOpNotSupp;
  return stream() ? SendStream(message) : SendDatagram(message);
}

Result<size_t> UnixSocket::SendStream(const SendMessage& message) {
  if (state_ != State::kConnected) return Errno::kNotConn;
  if (!message.name.empty()) return Errno::kIsConn;
  Blocking blocking(*this, message.flags, send_timeout(), message.buffers);
  return SendAll(*channel_, message.buffers, blocking);
}

Result<size_t> UnixSocket::SendDatagram(const SendMessage& message) {
  Blocking blocking(*this, message.flags, send_timeout(), message.buffers);
  const size_t size = TotalSize(message.buffers);
  for (;;) {
    if (write_shut_) return Errno::kPipe;
    UnixSocket* to = peer_;
    if (!message.name.empty()) {
      const auto found = Resolve(message.name, kSockDgram);
      if (!found) return found.error();
      to = *found;
    } else if (to == nullptr) {
      // A peer that is gone refuses once; then there is none.
      return std::exchange(state_, State::kClosed) == State::kConnected ? Errno::kConnRefused : Errno::kNotConn;
    }
    if (to->read_shut_) return Errno::kPipe;
    // Connected elsewhere: it takes datagrams from its peer alone.
    if (to->peer_ != nullptr && to->peer_ != this) return Errno::kPerm;
    if (to->queue_.Fits(size)) {
      to->queue_.Push(CopyDatagram(message.buffers, name_));
      to->NotifyReady(kEpollIn);
      return size;
    }
    if (to->queue_.empty()) return Errno::kMsgSize;
    blocked_node_.Unlink();
    to->blocked_.PushBack(*this);
    // It stays there when the call does not block: poll has to hear of room.
    const auto waited = blocking.Wait();
    if (!waited) return waited.error();
  }
}

Result<size_t> UnixSocket::Receive(ReceiveMessage& message) {
  if ((message.flags & kMsgOob) != 0) return Errno::kOpNotSupp;
  if ((message.flags & kMsgErrQueue) != 0) return Errno::kAgain;
  return stream() ? ReceiveStream(message) : ReceiveDatagram(message);
}

Result<size_t> UnixSocket::ReceiveStream(ReceiveMessage& message) {
  if (state_ != State::kConnected) return Errno::kInval;
  Blocking blocking(*this, message.flags, receive_timeout(), message.buffers, true);
  return ReceiveSome(*channel_, message, blocking);
}

Result<size_t> UnixSocket::ReceiveDatagram(ReceiveMessage& message) {
  Blocking blocking(*this, message.flags, receive_timeout(), message.buffers, true);
  for (;;) {
    if (!queue_.empty()) {
      const size_t size = queue_.Take(message);
      WakeBlocked();
      return size;
    }
    if (read_shut_) return size_t{0};
    const auto waited = blocking.Wait();
    if (!waited) return waited.error();
  }
}

Result<> UnixSocket::Shutdown(int how) {
  if (how < kShutRd || how > kShutRdWr) return Errno::kInval;
  if (state_ == State::kListening && how != kShutWr) {
    state_ = State::kClosed;
    NotifyReady(PollEvents());
    return Ok{};
  }
  if (state_ != State::kConnected) return Errno::kNotConn;
  if (stream()) {
    if (how != kShutWr) channel_->ShutdownRead();
    if (how != kShutRd) channel_->ShutdownWrite();
  } else {
    if (how != kShutWr) read_shut_ = true;
    if (how != kShutRd) write_shut_ = true;
  }
  NotifyReady(PollEvents());
  return Ok{};
}

size_t UnixSocket::PendingBytes() { return channel_ ? channel_->Available() : queue_.front_size(); }

uint32_t UnixSocket::PollEvents() {
  if (state_ == State::kListening) return backlog_.empty() ? 0 : kEpollIn;
  if (stream()) return channel_ ? channel_->Events() : kEpollOut | kEpollHup;
  uint32_t events = 0;
  if (!queue_.empty() || read_shut_) events |= kEpollIn;
  if (peer_ == nullptr || peer_->queue_.Fits(1)) events |= kEpollOut;
  if (read_shut_) events |= kEpollRdHup;
  if (read_shut_ && write_shut_) events |= kEpollHup;
  return events;
}

}  // namespace ebb::linux_abi
