// Addresses as sockets use them: IPv4, and of IPv6 only what a VM without IPv6 outside can have (:: and ::1). v4-mapped
// forms become IPv4 on the way in, so that no check can be passed by under another spelling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/result.h"
#include "linux/net/constants.h"

namespace ebb::linux_abi {

struct Ip {
  enum class Kind : uint8_t { kV4, kV6Any, kV6Loopback, kV6Other };
  Kind kind = Kind::kV4;
  uint32_t v4 = 0;  // host byte order; of kV4 only

  bool operator==(const Ip&) const = default;
  bool any() const { return kind == Kind::kV6Any || (kind == Kind::kV4 && v4 == 0); }
  bool v6() const { return kind != Kind::kV4; }
};

constexpr uint32_t kLoopbackV4 = 0x7f000001;

struct IpName {
  Ip ip;
  uint16_t port = 0;

  bool operator==(const IpName&) const = default;
};

// Answered inside the VM: loopback, the guest's own address, and the wildcard (which means this host when connected
// to).
bool IsLocal(Ip ip);
// An address that a socket may be bound to.
bool IsBindable(Ip ip);
// Where a connection to a wildcard goes.
Ip ConnectTarget(Ip ip);
// The source address of a connection to a local address, or (outside) the guest's own.
Ip SourceFor(Ip target);

// struct sockaddr_storage's role: the bytes of an address and how many count.
struct AddressBytes {
  std::array<std::byte, 128> bytes{};
  size_t size = 0;

  std::span<const std::byte> view() const { return {bytes.data(), size}; }
};

// A sockaddr_in or sockaddr_in6 for a socket of `domain`. EINVAL: too short; EAFNOSUPPORT: of another family.
Result<IpName> ParseIpName(int domain, std::span<const std::byte> address);
AddressBytes FormatIpName(int domain, const IpName& name);
// The family field; EINVAL when there is none.
Result<int> AddressFamily(std::span<const std::byte> address);

}  // namespace ebb::linux_abi
