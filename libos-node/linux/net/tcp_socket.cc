// TcpSocket: names, connecting, listening, and moving bytes.
#include "linux/net/tcp_socket.h"

namespace ebb::linux_abi {
namespace {

constexpr size_t kMaxBacklog = 4096;
constexpr int kTcpV6Only = 26;  // IPV6_V6ONLY

}  // namespace

TcpSocket::~TcpSocket() {
  StopListening();
  tcp_ports().Release(binding_);
  waiting_node_.Unlink();
  if (!channel_) return;
  // As Linux: what was not read makes the close a reset, and so does a linger time of zero.
  const bool reset = channel_->Available() != 0 || (linger().on != 0 && linger().seconds == 0);
  channel_->Close(reset);
}

// ---- Names

Result<> TcpSocket::Bind(std::span<const std::byte> address) {
  const auto name = ParseIpName(domain(), address);
  if (!name) return name.error();
  if (binding_.bound() || state_ != State::kClosed) return Errno::kInval;
  if (!IsBindable(name->ip)) return Errno::kAddrNotAvail;
  if (name->ip.v6() && domain() == kAfInet) return Errno::kAddrNotAvail;
  const auto bound = tcp_ports().Bind(binding_, *name);
  if (!bound) return bound.error();
  local_ = binding_.name;
  return Ok{};
}

Result<AddressBytes> TcpSocket::Name() {
  IpName name = local_;
  if (name.port == 0 && domain() == kAfInet6) name.ip = {Ip::Kind::kV6Any, 0};
  return FormatIpName(domain(), name);
}

Result<AddressBytes> TcpSocket::PeerName() {
  if (state_ != State::kConnected) return Errno::kNotConn;
  return FormatIpName(domain(), remote_);
}

void TcpSocket::OnOption(int level, int name, int value) {
  if (level == kSolSocket && name == kSoReuseAddr) binding_.reuse_address = value != 0;
  if (level == kSolSocket && name == kSoReusePort) binding_.reuse_port = value != 0;
  if (level == kIpProtoIpv6 && name == kTcpV6Only && !binding_.bound()) binding_.v6_only = value != 0;
}

// ---- Listening

bool TcpSocket::ReachableFromOutside() const {
  const Ip ip = binding_.name.ip;
  if (ip.v6()) return ip.any() && !binding_.v6_only;
  return ip.any() || ip.v4 == EBB_NET_GUEST;
}

Result<> TcpSocket::Listen(int backlog) {
  if (state_ != State::kClosed && state_ != State::kListening) return Errno::kInval;
  // Linux takes a negative backlog for the largest.
  backlog_limit_ =
      backlog < 0 || static_cast<size_t>(backlog) > kMaxBacklog ? kMaxBacklog : static_cast<size_t>(backlog);
  if (state_ == State::kListening) return Ok{};
  if (!binding_.bound()) {
    const Ip any = domain() == kAfInet6 ? Ip{Ip::Kind::kV6Any, 0} : Ip{};
    const auto bound = tcp_ports().Bind(binding_, {any, 0});
    if (!bound) return bound.error();
    local_ = binding_.name;
  }
  if (tcp_ports().ListenConflict(binding_)) return Errno::kAddrInUse;
  binding_.listening = true;
  state_ = State::kListening;
  // With SO_REUSEPORT the first listener of a port takes what comes from outside.
  if (ReachableFromOutside()) announced_ = network().Listen(local_.port, *this).ok();
  return Ok{};
}

void TcpSocket::StopListening() {
  if (state_ != State::kListening) return;
  state_ = State::kClosed;
  binding_.listening = false;
  if (announced_) network().StopListening(local_.port);
  announced_ = false;
  while (TcpSocket* client = waiting_.PopFront()) client->FailConnect(Errno::kConnRefused);
  std::vector<Pending> backlog;
  backlog.swap(backlog_);
  for (Pending& pending : backlog) pending.channel->Close(true);
}

void TcpSocket::OnIncoming(ebb::Ref<StreamChannel> channel, Ipv4Endpoint peer) {
  // Not limited by the backlog: the tender bounds its connections, and there is no way to leave one waiting there.
  backlog_.push_back(
      {std::move(channel), {{Ip::Kind::kV4, EBB_NET_GUEST}, local_.port}, {{Ip::Kind::kV4, peer.address}, peer.port}});
  NotifyReady(kEpollIn);
}

void TcpSocket::EnterBacklog(TcpSocket& client) {
  auto [near, far] = LocalChannel::MakePair(LocalChannel::Kind::kTcp);
  client.Adopt(std::move(near), client.local_, client.remote_);
  backlog_.push_back({std::move(far), client.remote_, client.local_});
}

void TcpSocket::AdmitWaiting() {
  while (!BacklogFull()) {
    TcpSocket* client = waiting_.PopFront();
    if (client == nullptr) return;
    EnterBacklog(*client);
    client->NotifyReady(kEpollOut);
  }
}

Result<ebb::Ref<Socket>> TcpSocket::Accept(uint32_t file_flags) {
  Blocking blocking(*this, 0, receive_timeout());
  for (;;) {
    if (state_ != State::kListening) return Errno::kInval;
    if (!backlog_.empty()) break;
    const auto waited = blocking.Wait();
    if (!waited) return waited.error();
  }
  Pending pending = std::move(backlog_.front());
  backlog_.erase(backlog_.begin());
  auto accepted = MakeRef<TcpSocket>(domain(), file_flags);
  accepted->InheritOptions(*this);
  accepted->Adopt(std::move(pending.channel), pending.local, pending.remote);
  AdmitWaiting();
  return ebb::Ref<Socket>(std::move(accepted));
}

// ---- Connecting

void TcpSocket::Adopt(ebb::Ref<StreamChannel> channel, IpName local, IpName remote) {
  channel_ = std::move(channel);
  channel_->set_observer(this);
  local_ = local;
  remote_ = remote;
  state_ = channel_->connecting() ? State::kConnecting : State::kConnected;
}

void TcpSocket::FailConnect(Errno error) {
  state_ = State::kClosed;
  attempt_failed_ = true;
  error_ = error;
  if (channel_) channel_->Close(true);
  channel_ = nullptr;
  NotifyReady(PollEvents());
}

Result<> TcpSocket::StartConnect(IpName target) {
  attempt_failed_ = false;
  error_ = {};
  remote_ = {ConnectTarget(target.ip), target.port};
  const bool local = IsLocal(remote_.ip);
  if (!local && (remote_.ip.v6() || binding_.v6_only)) return Errno::kNetUnreach;
  if (!binding_.bound()) {
    const auto bound = tcp_ports().Bind(binding_, {SourceFor(remote_.ip), 0});
    if (!bound) return bound.error();
    local_ = binding_.name;
  } else if (local_.ip.any()) {
    local_.ip = SourceFor(remote_.ip);
  }
  if (!local) {
    auto channel = network().Connect({remote_.ip.v4, remote_.port});
    if (!channel) return channel.error();
    Adopt(std::move(*channel), local_, remote_);
    return Ok{};
  }
  const PortBinding* listener = tcp_ports().Find(remote_, true);
  if (listener == nullptr) return Errno::kConnRefused;
  auto& server = static_cast<TcpSocket&>(listener->owner);
  if (server.BacklogFull()) {
    state_ = State::kConnecting;
    server.waiting_.PushBack(*this);
    return Ok{};
  }
  server.EnterBacklog(*this);
  server.NotifyReady(kEpollIn);
  return Ok{};
}

Result<> TcpSocket::Connect(std::span<const std::byte> address) {
  const auto family = AddressFamily(address);
  if (!family) return family.error();
  if (*family == kAfUnspec) {
    // Dissolves the association.
    if (state_ == State::kListening) return Errno::kInval;
    waiting_node_.Unlink();
    if (channel_) channel_->Close(true);
    channel_ = nullptr;
    state_ = State::kClosed;
    remote_ = {};
    return Ok{};
  }
  const auto target = ParseIpName(domain(), address);
  if (!target) return target.error();
  switch (state_) {
    case State::kConnected:
      return Errno::kIsConn;
    case State::kListening:
      return Errno::kIsConn;
    case State::kConnecting:
      return Errno::kAlready;
    case State::kClosed:
      break;
  }
  // A failure that was not asked for yet is told by the next connect.
  if (error_ != Errno{}) return std::exchange(error_, Errno{});
  const auto started = StartConnect(*target);
  if (!started) {
    attempt_failed_ = true;
    return started.error();
  }
  if (state_ == State::kConnected) return Ok{};
  if (nonblocking()) return Errno::kInProgress;
  Blocking blocking(*this, 0, send_timeout());
  while (state_ == State::kConnecting) {
    const auto waited = blocking.Wait();
    if (!waited) return waited.error() == Errno::kAgain ? Errno::kInProgress : waited.error();
  }
  if (state_ == State::kConnected) return Ok{};
  // Another thread may have taken the error already.
  const Errno error = std::exchange(error_, Errno{});
  return error != Errno{} ? error : Errno::kConnAborted;
}

void TcpSocket::OnChannel(uint32_t events) {
  if (state_ == State::kConnecting && !channel_->connecting()) {
    if (channel_->failed()) return FailConnect(channel_->TakeError());
    state_ = State::kConnected;
  }
  NotifyReady(events);
}

Errno TcpSocket::TakeError() {
  if (error_ != Errno{}) return std::exchange(error_, Errno{});
  return channel_ ? channel_->TakeError() : Errno{};
}

// ---- Bytes

Result<> TcpSocket::AwaitConnection(Blocking& blocking) {
  while (state_ == State::kConnecting) {
    const auto waited = blocking.Wait();
    if (!waited) return waited.error();
  }
  return Ok{};
}

Result<size_t> TcpSocket::Send(const SendMessage& message) {
  if ((message.flags & kMsgOob) != 0) return Errno::kOpNotSupp;
  Blocking blocking(*this, message.flags, send_timeout(), message.buffers);
  const auto connected = AwaitConnection(blocking);
  if (!connected) return connected.error();
  if (state_ == State::kConnected) {
    const ebb::Ref<StreamChannel> channel = channel_;
    return SendAll(*channel, message.buffers, blocking);
  }
  if (error_ != Errno{}) return std::exchange(error_, Errno{});
  return Errno::kPipe;
}

Result<size_t> TcpSocket::Receive(ReceiveMessage& message) {
  if ((message.flags & kMsgOob) != 0) return Errno::kInval;
  if ((message.flags & kMsgErrQueue) != 0) return Errno::kAgain;
  Blocking blocking(*this, message.flags, receive_timeout(), message.buffers, true);
  const auto connected = AwaitConnection(blocking);
  if (!connected) return connected.error();
  if (state_ == State::kConnected) {
    const ebb::Ref<StreamChannel> channel = channel_;
    return ReceiveSome(*channel, message, blocking);
  }
  if (error_ != Errno{}) return std::exchange(error_, Errno{});
  if (attempt_failed_) return size_t{0};
  return Errno::kNotConn;
}

Result<> TcpSocket::Shutdown(int how) {
  if (how < kShutRd || how > kShutRdWr) return Errno::kInval;
  if (state_ == State::kListening && how != kShutWr) {
    StopListening();
    NotifyReady(PollEvents());
    return Ok{};
  }
  if (state_ != State::kConnected) return Errno::kNotConn;
  if (how != kShutWr) channel_->ShutdownRead();
  if (how != kShutRd) channel_->ShutdownWrite();
  NotifyReady(PollEvents());
  return Ok{};
}

uint32_t TcpSocket::PollEvents() {
  switch (state_) {
    case State::kListening:
      return backlog_.empty() ? 0 : kEpollIn;
    case State::kConnecting:
      return 0;
    case State::kConnected:
      return channel_->Events();
    case State::kClosed:
      break;
  }
  uint32_t events = kEpollOut | kEpollHup;
  if (attempt_failed_) events |= kEpollIn | kEpollRdHup;
  if (error_ != Errno{}) events |= kEpollErr;
  return events;
}

}  // namespace ebb::linux_abi
