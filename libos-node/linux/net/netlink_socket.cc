// NetlinkSocket: the interfaces of a VM, lo and (with a network) eth0, in rtnetlink's form.
#include "linux/net/netlink_socket.h"

#include <string_view>
#include <vector>

#include "abi/ebb_abi.h"
#include "linux/net/network_manager.h"

namespace ebb::linux_abi {
namespace {

struct NetlinkHeader {
  uint32_t size;
  uint16_t type;
  uint16_t flags;
  uint32_t sequence;
  uint32_t port_id;
};
struct LinkInfo {
  uint8_t family;
  uint8_t pad;
  uint16_t type;
  int32_t index;
  uint32_t flags;
  uint32_t change;
};
struct AddressInfo {
  uint8_t family;
  uint8_t prefix;
  uint8_t flags;
  uint8_t scope;
  uint32_t index;
};
struct NetlinkAddress {
  uint16_t family;
  uint16_t pad;
  uint32_t port_id;
  uint32_t groups;
};

constexpr uint16_t kMessageError = 2, kMessageDone = 3, kNewLink = 16, kGetLink = 18, kNewAddress = 20,
                   kGetAddress = 22;
constexpr uint16_t kFlagAck = 4, kFlagMulti = 2, kFlagDump = 0x300;
constexpr uint16_t kLinkAddress = 1, kLinkBroadcast = 2, kLinkName = 3, kLinkMtu = 4;
constexpr uint16_t kIfaAddress = 1, kIfaLocal = 2, kIfaLabel = 3, kIfaBroadcast = 4;
constexpr uint16_t kArpEthernet = 1, kArpLoopback = 772;
constexpr uint32_t kUp = 0x1, kBroadcast = 0x2, kIsLoopback = 0x8, kRunning = 0x40, kMulticast = 0x1000,
                   kLowerUp = 0x10000;
constexpr uint8_t kScopeHost = 254, kScopeGlobal = 0;

struct Interface {
  int32_t index;
  std::string_view name;
  uint16_t type;
  uint32_t flags;
  uint32_t mtu;
  uint8_t hardware[6];
  uint8_t hardware_broadcast[6];
};
constexpr Interface kInterfaces[] = {
    {1, "lo", kArpLoopback, kUp | kIsLoopback | kRunning | kLowerUp, 65536, {}, {}},
    // A locally administered address made of the IPv4 one.
    {2,
     "eth0",
     kArpEthernet,
     kUp | kBroadcast | kRunning | kMulticast | kLowerUp,
     1500,
     {2, 0, 10, 0, 2, 15},
     {255, 255, 255, 255, 255, 255}},
};

struct InterfaceAddress {
  uint32_t index;
  uint8_t family;
  uint8_t prefix;
  uint8_t scope;
  uint8_t bytes[16];
  uint8_t broadcast[4];
};
constexpr uint8_t Part(uint32_t address, int shift) { return static_cast<uint8_t>(address >> shift); }
constexpr InterfaceAddress kAddresses[] = {
    {1, kAfInet, 8, kScopeHost, {127, 0, 0, 1}, {}},
    {1, kAfInet6, 128, kScopeHost, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, {}},
    {2,
     kAfInet,
     24,
     kScopeGlobal,
     {Part(EBB_NET_GUEST, 24), Part(EBB_NET_GUEST, 16), Part(EBB_NET_GUEST, 8), Part(EBB_NET_GUEST, 0)},
     {Part(EBB_NET_GUEST, 24), Part(EBB_NET_GUEST, 16), Part(EBB_NET_GUEST, 8), 255}},
};

size_t InterfaceCount() { return network().reaches_outside() ? 2 : 1; }

// Builds a sequence of netlink messages.
class Writer {
 public:
  void Begin(uint16_t type, uint16_t flags, const NetlinkHeader& request, uint32_t port_id) {
    start_ = bytes_.size();
    Append(NetlinkHeader{0, type, flags, request.sequence, port_id});
  }
  template <class T>
  void Append(const T& value) {
    AppendBytes(&value, sizeof value);
  }
  void Attribute(uint16_t type, const void* value, size_t size, bool terminated = false) {
    Append(static_cast<uint16_t>(4 + size + (terminated ? 1 : 0)));
    Append(type);
    AppendBytes(value, size);
    if (terminated) bytes_.push_back(std::byte{0});
    Align();
  }
  void End() {
    Align();
    const auto size = static_cast<uint32_t>(bytes_.size() - start_);
    __builtin_memcpy(bytes_.data() + start_, &size, sizeof size);
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  void AppendBytes(const void* value, size_t size) {
    const auto* from = static_cast<const std::byte*>(value);
    bytes_.insert(bytes_.end(), from, from + size);
  }
  void Align() {
    while (bytes_.size() % 4 != 0) bytes_.push_back(std::byte{0});
  }

  std::vector<std::byte> bytes_;
  size_t start_ = 0;
};

void WriteLinks(Writer& writer, const NetlinkHeader& request, uint32_t port_id) {
  for (const Interface& interface : std::span(kInterfaces).first(InterfaceCount())) {
    writer.Begin(kNewLink, kFlagMulti, request, port_id);
    writer.Append(LinkInfo{0, 0, interface.type, interface.index, interface.flags, 0});
    writer.Attribute(kLinkName, interface.name.data(), interface.name.size(), true);
    writer.Attribute(kLinkMtu, &interface.mtu, sizeof interface.mtu);
    writer.Attribute(kLinkAddress, interface.hardware, sizeof interface.hardware);
    writer.Attribute(kLinkBroadcast, interface.hardware_broadcast, sizeof interface.hardware_broadcast);
    writer.End();
  }
}

void WriteAddresses(Writer& writer, const NetlinkHeader& request, uint32_t port_id, uint8_t family) {
  for (const InterfaceAddress& address : kAddresses) {
    if (address.index > InterfaceCount() || (family != kAfUnspec && family != address.family)) continue;
    writer.Begin(kNewAddress, kFlagMulti, request, port_id);
    writer.Append(AddressInfo{address.family, address.prefix, 0x80 /* permanent */, address.scope, address.index});
    const size_t size = address.family == kAfInet ? 4 : 16;
    writer.Attribute(kIfaAddress, address.bytes, size);
    if (address.family == kAfInet) {
      writer.Attribute(kIfaLocal, address.bytes, size);
      if (address.scope == kScopeGlobal) writer.Attribute(kIfaBroadcast, address.broadcast, sizeof address.broadcast);
      const std::string_view label = kInterfaces[address.index - 1].name;
      writer.Attribute(kIfaLabel, label.data(), label.size(), true);
    }
    writer.End();
  }
}

}  // namespace

Result<> NetlinkSocket::Bind(std::span<const std::byte> address) {
  const auto family = AddressFamily(address);
  if (!family) return family.error();
  if (*family != kAfNetlink || address.size() < sizeof(NetlinkAddress)) return Errno::kInval;
  NetlinkAddress name;
  __builtin_memcpy(&name, address.data(), sizeof name);
  // Multicast groups may be joined: nothing about the interfaces ever changes, so nothing is ever told.
  static uint32_t next_port_id = 1;
  port_id_ = name.port_id != 0 ? name.port_id : next_port_id++;
  return Ok{};
}

Result<> NetlinkSocket::Connect(std::span<const std::byte> address) {
  const auto family = AddressFamily(address);
  if (!family) return family.error();
  return *family == kAfNetlink ? Result<>(Ok{}) : Result<>(Errno::kInval);
}

Result<AddressBytes> NetlinkSocket::Name() {
  AddressBytes out;
  const NetlinkAddress name{kAfNetlink, 0, port_id_, 0};
  __builtin_memcpy(out.bytes.data(), &name, sizeof name);
  out.size = sizeof name;
  return out;
}

Result<size_t> NetlinkSocket::Send(const SendMessage& message) {
  const size_t size = TotalSize(message.buffers);
  constexpr size_t kMaxRequest = 8192;
  if (size > kMaxRequest) return Errno::kMsgSize;
  std::vector<std::byte> request(size);
  GatherCursor(message.buffers).Copy(request);
  std::span<const std::byte> rest = request;
  while (rest.size() >= sizeof(NetlinkHeader)) {
    NetlinkHeader header;
    __builtin_memcpy(&header, rest.data(), sizeof header);
    if (header.size < sizeof header || header.size > rest.size()) break;
    const auto answered = Answer(rest.first(header.size));
    if (!answered) return answered.error();
    const size_t step = (size_t{header.size} + 3) & ~size_t{3};
    rest = rest.subspan(step < rest.size() ? step : rest.size());
  }
  return size;
}

Result<> NetlinkSocket::Answer(std::span<const std::byte> request) {
  NetlinkHeader header;
  __builtin_memcpy(&header, request.data(), sizeof header);
  const auto family =
      request.size() > sizeof header ? static_cast<uint8_t>(request[sizeof header]) : uint8_t{kAfUnspec};
  const bool dump = (header.flags & kFlagDump) == kFlagDump;
  Writer writer;
  if (dump && header.type == kGetLink) {
    WriteLinks(writer, header, port_id_);
  } else if (dump && header.type == kGetAddress) {
    WriteAddresses(writer, header, port_id_, family);
  } else {
    if (header.type < kNewLink && (header.flags & kFlagAck) == 0) return Ok{};
    writer.Begin(kMessageError, 0, header, port_id_);
    writer.Append(static_cast<int32_t>(header.type < kNewLink ? 0 : -static_cast<int32_t>(Errno::kOpNotSupp)));
    writer.Append(header);
    writer.End();
    return Enqueue(writer.bytes());
  }
  if (!writer.bytes().empty()) {
    const auto enqueued = Enqueue(writer.bytes());
    if (!enqueued) return enqueued;
  }
  Writer done;
  done.Begin(kMessageDone, kFlagMulti, header, port_id_);
  done.Append(int32_t{0});
  done.End();
  return Enqueue(done.bytes());
}

Result<> NetlinkSocket::Enqueue(std::span<const std::byte> bytes) {
  if (!queue_.Fits(bytes.size())) return Errno::kNoBufs;
  AddressBytes kernel;
  const NetlinkAddress name{kAfNetlink, 0, 0, 0};
  __builtin_memcpy(kernel.bytes.data(), &name, sizeof name);
  kernel.size = sizeof name;
  const IoVec vector{reinterpret_cast<uint64_t>(bytes.data()), bytes.size()};
  queue_.Push(CopyDatagram({&vector, 1}, kernel));
  NotifyReady(kEpollIn);
  return Ok{};
}

Result<size_t> NetlinkSocket::Receive(ReceiveMessage& message) {
  Blocking blocking(*this, message.flags, receive_timeout(), message.buffers, true);
  for (;;) {
    if (!queue_.empty()) return queue_.Take(message);
    const auto waited = blocking.Wait();
    if (!waited) return waited.error();
  }
}

}  // namespace ebb::linux_abi
