// UdpSocket: binding, local delivery, and datagrams from and to outside.
#include "linux/net/udp_socket.h"

namespace ebb::linux_abi {
namespace {

constexpr int kUdpV6Only = 26;  // IPV6_V6ONLY

}  // namespace

UdpSocket::~UdpSocket() {
  udp_ports().Release(binding_);
  if (channel_) channel_->Close();
}

void UdpSocket::OnOption(int level, int name, int value) {
  if (level == kSolSocket && name == kSoReuseAddr) binding_.reuse_address = value != 0;
  if (level == kSolSocket && name == kSoReusePort) binding_.reuse_port = value != 0;
  if (level == kIpProtoIpv6 && name == kUdpV6Only && !binding_.bound()) binding_.v6_only = value != 0;
}

Result<> UdpSocket::Bind(std::span<const std::byte> address) {
  const auto name = ParseIpName(domain(), address);
  if (!name) return name.error();
  if (binding_.bound()) return Errno::kInval;
  if (!IsBindable(name->ip)) return Errno::kAddrNotAvail;
  const auto bound = udp_ports().Bind(binding_, *name);
  if (!bound) return bound.error();
  local_ = binding_.name;
  return Ok{};
}

Result<> UdpSocket::BindAny() {
  if (binding_.bound()) return Ok{};
  const Ip any = domain() == kAfInet6 ? Ip{Ip::Kind::kV6Any, 0} : Ip{};
  const auto bound = udp_ports().Bind(binding_, {any, 0});
  if (!bound) return bound.error();
  local_ = binding_.name;
  return Ok{};
}

Result<AddressBytes> UdpSocket::Name() {
  IpName name = local_;
  if (name.port == 0 && domain() == kAfInet6) name.ip = {Ip::Kind::kV6Any, 0};
  return FormatIpName(domain(), name);
}

Result<AddressBytes> UdpSocket::PeerName() {
  if (!connected_) return Errno::kNotConn;
  return FormatIpName(domain(), remote_);
}

Result<> UdpSocket::Connect(std::span<const std::byte> address) {
  const auto family = AddressFamily(address);
  if (!family) return family.error();
  if (*family == kAfUnspec) {
    connected_ = false;
    remote_ = {};
    local_.ip = binding_.name.ip;
    return Ok{};
  }
  auto target = ParseIpName(domain(), address);
  if (!target) return target.error();
  target->ip = ConnectTarget(target->ip);
  if (target->ip.kind == Ip::Kind::kV6Other || (binding_.v6_only && !target->ip.v6())) return Errno::kNetUnreach;
  const auto bound = BindAny();
  if (!bound) return bound.error();
  remote_ = *target;
  connected_ = true;
  // What getsockname tells: glibc and others sort addresses by the source that connect selects.
  if (binding_.name.ip.any()) local_.ip = SourceFor(remote_.ip);
  return Ok{};
}

Result<size_t> UdpSocket::SendLocal(const SendMessage& message, IpName to) {
  const PortBinding* binding = udp_ports().Find(to, false);
  IpName from{local_.ip, local_.port};
  if (from.ip.any()) from.ip = SourceFor(to.ip);
  const size_t size = TotalSize(message.buffers);
  if (binding == nullptr) {
    // The answer would be an ICMP message, which only a connected socket hears of.
    if (connected_) {
      error_ = Errno::kConnRefused;
      NotifyReady(PollEvents());
    }
    return size;
  }
  auto& receiver = static_cast<UdpSocket&>(binding->owner);
  // A full queue drops, as UDP does.
  if (receiver.Accepts(from) && receiver.queue_.Fits(size) && !receiver.read_shut_) {
    receiver.Deliver(CopyDatagram(message.buffers, FormatIpName(receiver.domain(), from)));
  }
  return size;
}

void UdpSocket::Deliver(ebb::Ref<Datagram> datagram) {
  queue_.Push(std::move(datagram));
  NotifyReady(kEpollIn);
}

Result<size_t> UdpSocket::Send(const SendMessage& message) {
  if (write_shut_) return Errno::kPipe;
  if (error_ != Errno{}) return std::exchange(error_, Errno{});
  IpName to = remote_;
  if (!message.name.empty()) {
    const auto name = ParseIpName(domain(), message.name);
    if (!name) return name.error();
    to = {ConnectTarget(name->ip), name->port};
  } else if (!connected_) {
    return Errno::kDestAddrReq;
  }
  if (to.port == 0) return Errno::kInval;
  if (to.ip.kind == Ip::Kind::kV6Other || (binding_.v6_only && !to.ip.v6())) return Errno::kNetUnreach;
  if (TotalSize(message.buffers) > kMaxDatagram) return Errno::kMsgSize;
  const auto bound = BindAny();
  if (!bound) return bound.error();
  if (IsLocal(to.ip)) return SendLocal(message, to);

  if (!channel_) {
    auto channel = network().OpenDatagram();
    if (!channel) return channel.error();
    channel_ = std::move(*channel);
    channel_->set_observer(this);
  }
  Blocking blocking(*this, message.flags, send_timeout(), message.buffers);
  for (;;) {
    const auto sent = channel_->Send(message.buffers, {to.ip.v4, to.port});
    if (sent || sent.error() != Errno::kAgain) return sent;
    const auto waited = blocking.Wait();
    if (!waited) return waited.error();
  }
}

Result<size_t> UdpSocket::Receive(ReceiveMessage& message) {
  if ((message.flags & kMsgOob) != 0) return Errno::kOpNotSupp;
  if ((message.flags & kMsgErrQueue) != 0) return Errno::kAgain;
  Blocking blocking(*this, message.flags, receive_timeout(), message.buffers, true);
  for (;;) {
    if (error_ != Errno{}) return std::exchange(error_, Errno{});
    if (!queue_.empty()) return queue_.Take(message);
    if (read_shut_) return size_t{0};
    const auto waited = blocking.Wait();
    if (!waited) return waited.error();
  }
}

Result<> UdpSocket::Shutdown(int how) {
  if (how < kShutRd || how > kShutRdWr) return Errno::kInval;
  if (!connected_) return Errno::kNotConn;
  if (how != kShutWr) read_shut_ = true;
  if (how != kShutRd) write_shut_ = true;
  NotifyReady(PollEvents());
  return Ok{};
}

void UdpSocket::OnDatagram(std::span<const std::byte> bytes, Ipv4Endpoint from) {
  const IpName sender{{Ip::Kind::kV4, from.address}, from.port};
  if (!Accepts(sender) || !queue_.Fits(bytes.size()) || read_shut_) return;
  const IoVec vector{reinterpret_cast<uint64_t>(bytes.data()), bytes.size()};
  Deliver(CopyDatagram({&vector, 1}, FormatIpName(domain(), sender)));
}

void UdpSocket::OnDatagramError(Errno error) {
  error_ = error;
  NotifyReady(PollEvents());
}

void UdpSocket::OnDatagramWritable() { NotifyReady(kEpollOut); }

uint32_t UdpSocket::PollEvents() {
  uint32_t events = 0;
  if (!queue_.empty() || read_shut_) events |= kEpollIn;
  if (!channel_ || channel_->Writable()) events |= kEpollOut;
  if (error_ != Errno{}) events |= kEpollErr;
  if (read_shut_) events |= kEpollRdHup;
  if (read_shut_ && write_shut_) events |= kEpollHup;
  return events;
}

}  // namespace ebb::linux_abi
