// Conversion between sockaddr bytes and IpName.
#include "linux/net/address.h"

#include "abi/ebb_abi.h"

namespace ebb::linux_abi {
namespace {

uint32_t Byte(std::span<const std::byte> bytes, size_t at) { return static_cast<uint32_t>(bytes[at]); }
uint32_t ReadBig32(std::span<const std::byte> bytes, size_t at) {
  return Byte(bytes, at) << 24 | Byte(bytes, at + 1) << 16 | Byte(bytes, at + 2) << 8 | Byte(bytes, at + 3);
}
uint16_t ReadBig16(std::span<const std::byte> bytes, size_t at) {
  return static_cast<uint16_t>(Byte(bytes, at) << 8 | Byte(bytes, at + 1));
}
void WriteBig32(AddressBytes& out, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) out.bytes[at + i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

// struct sockaddr_in: family, port, address, 8 bytes of nothing. struct sockaddr_in6: family, port, flow, address,
// scope.
constexpr size_t kInetSize = 16, kInet6Size = 28, kInet6Minimum = 24;
constexpr size_t kPortAt = 2, kInetAddressAt = 4, kInet6AddressAt = 8;

Ip ParseV6(std::span<const std::byte> bytes) {
  const uint32_t words[4] = {ReadBig32(bytes, 0), ReadBig32(bytes, 4), ReadBig32(bytes, 8), ReadBig32(bytes, 12)};
  if (words[0] != 0 || words[1] != 0) return {Ip::Kind::kV6Other, 0};
  if (words[2] == 0xffff) return {Ip::Kind::kV4, words[3]};
  if (words[2] == 0 && words[3] == 0) return {Ip::Kind::kV6Any, 0};
  if (words[2] == 0 && words[3] == 1) return {Ip::Kind::kV6Loopback, 0};
  return {Ip::Kind::kV6Other, 0};
}

}  // namespace

bool IsLocal(Ip ip) {
  if (ip.v6()) return ip.kind != Ip::Kind::kV6Other;
  return ip.v4 == 0 || ip.v4 >> 24 == 127 || ip.v4 == EBB_NET_GUEST;
}

bool IsBindable(Ip ip) { return IsLocal(ip); }

Ip ConnectTarget(Ip ip) {
  if (ip.kind == Ip::Kind::kV6Any) return {Ip::Kind::kV6Loopback, 0};
  if (ip.any()) return {Ip::Kind::kV4, kLoopbackV4};
  return ip;
}

Ip SourceFor(Ip target) {
  if (target.v6()) return {Ip::Kind::kV6Loopback, 0};
  if (target.v4 >> 24 == 127) return {Ip::Kind::kV4, kLoopbackV4};
  return {Ip::Kind::kV4, EBB_NET_GUEST};
}

Result<int> AddressFamily(std::span<const std::byte> address) {
  if (address.size() < 2) return Errno::kInval;
  return static_cast<int>(Byte(address, 0) | Byte(address, 1) << 8);
}

Result<IpName> ParseIpName(int domain, std::span<const std::byte> address) {
  const auto family = AddressFamily(address);
  if (!family) return family.error();
  if (domain == kAfInet) {
    if (address.size() < kInetSize) return Errno::kInval;
    if (*family != kAfInet) return Errno::kAfNoSupport;
    return IpName{{Ip::Kind::kV4, ReadBig32(address, kInetAddressAt)}, ReadBig16(address, kPortAt)};
  }
  if (address.size() < kInet6Minimum) return Errno::kInval;
  if (*family != kAfInet6) return Errno::kAfNoSupport;
  return IpName{ParseV6(address.subspan(kInet6AddressAt, 16)), ReadBig16(address, kPortAt)};
}

AddressBytes FormatIpName(int domain, const IpName& name) {
  AddressBytes out;
  out.bytes[0] = static_cast<std::byte>(domain);
  out.bytes[kPortAt] = static_cast<std::byte>(name.port >> 8);
  out.bytes[kPortAt + 1] = static_cast<std::byte>(name.port);
  if (domain == kAfInet) {
    out.size = kInetSize;
    WriteBig32(out, kInetAddressAt, name.ip.v4);
    return out;
  }
  out.size = kInet6Size;
  if (name.ip.kind == Ip::Kind::kV6Loopback) {
    out.bytes[kInet6AddressAt + 15] = std::byte{1};
  } else if (!name.ip.v6() && name.ip.v4 != 0) {
    WriteBig32(out, kInet6AddressAt + 8, 0xffff);
    WriteBig32(out, kInet6AddressAt + 12, name.ip.v4);
  }
  return out;
}

}  // namespace ebb::linux_abi
