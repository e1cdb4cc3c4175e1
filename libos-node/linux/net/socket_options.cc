// setsockopt and getsockopt. Options that change nothing inside a VM are checked, remembered and read back; unknown
// ones are refused (ENOPROTOOPT).
#include <algorithm>

#include "linux/net/socket.h"

namespace ebb::linux_abi {
namespace {

struct OptionInfo {
  int level;
  int name;
  int initial;
  int minimum;
  int maximum;
  int type;  // 0, or the only socket type that has it
};

constexpr int kMaxInt = INT32_MAX;

constexpr OptionInfo kOptions[] = {
    {kSolSocket, kSoDebug, 0, 0, 1, 0},
    {kSolSocket, kSoReuseAddr, 0, 0, 1, 0},
    {kSolSocket, kSoDontRoute, 0, 0, 1, 0},
    {kSolSocket, kSoBroadcast, 0, 0, 1, 0},
    {kSolSocket, kSoKeepAlive, 0, 0, 1, 0},
    {kSolSocket, kSoOobInline, 0, 0, 1, 0},
    {kSolSocket, kSoPriority, 0, 0, 6, 0},
    {kSolSocket, kSoReusePort, 0, 0, 1, 0},
    {kSolSocket, kSoPassCred, 0, 0, 1, 0},
    {kSolSocket, kSoRcvLowAt, 1, 1, kMaxInt, 0},
    {kSolSocket, kSoTimestamp, 0, 0, 1, 0},
    {kSolSocket, kSoBusyPoll, 0, 0, kMaxInt, 0},
    {kSolSocket, kSoIncomingCpu, -1, -1, kMaxInt, 0},
    {kIpProtoTcp, 1 /* TCP_NODELAY */, 0, 0, 1, kSockStream},
    {kIpProtoTcp, 2 /* TCP_MAXSEG */, 1460, 88, 32767, kSockStream},
    {kIpProtoTcp, 3 /* TCP_CORK */, 0, 0, 1, kSockStream},
    {kIpProtoTcp, 4 /* TCP_KEEPIDLE */, 7200, 1, 32767, kSockStream},
    {kIpProtoTcp, 5 /* TCP_KEEPINTVL */, 75, 1, 32767, kSockStream},
    {kIpProtoTcp, 6 /* TCP_KEEPCNT */, 9, 1, 127, kSockStream},
    {kIpProtoTcp, 7 /* TCP_SYNCNT */, 6, 1, 127, kSockStream},
    {kIpProtoTcp, 8 /* TCP_LINGER2 */, 60, -1, kMaxInt, kSockStream},
    {kIpProtoTcp, 9 /* TCP_DEFER_ACCEPT */, 0, 0, kMaxInt, kSockStream},
    {kIpProtoTcp, 12 /* TCP_QUICKACK */, 1, 0, 1, kSockStream},
    {kIpProtoTcp, 18 /* TCP_USER_TIMEOUT */, 0, 0, kMaxInt, kSockStream},
    {kIpProtoTcp, 23 /* TCP_FASTOPEN */, 0, 0, kMaxInt, kSockStream},
    {kIpProtoTcp, 25 /* TCP_NOTSENT_LOWAT */, 0, 0, kMaxInt, kSockStream},
    {kIpProtoIp, 1 /* IP_TOS */, 0, 0, 255, 0},
    {kIpProtoIp, 2 /* IP_TTL */, 64, 1, 255, 0},
    {kIpProtoIp, 8 /* IP_PKTINFO */, 0, 0, 1, 0},
    {kIpProtoIp, 10 /* IP_MTU_DISCOVER */, 1, 0, 5, 0},
    {kIpProtoIp, 11 /* IP_RECVERR */, 0, 0, 1, 0},
    {kIpProtoIp, 12 /* IP_RECVTTL */, 0, 0, 1, 0},
    {kIpProtoIp, 13 /* IP_RECVTOS */, 0, 0, 1, 0},
    {kIpProtoIp, 15 /* IP_FREEBIND */, 0, 0, 1, 0},
    {kIpProtoIp, 24 /* IP_BIND_ADDRESS_NO_PORT */, 0, 0, 1, 0},
    {kIpProtoIp, 33 /* IP_MULTICAST_TTL */, 1, 0, 255, kSockDgram},
    {kIpProtoIp, 34 /* IP_MULTICAST_LOOP */, 1, 0, 1, kSockDgram},
    {kIpProtoIpv6, 16 /* IPV6_UNICAST_HOPS */, 64, -1, 255, 0},
    {kIpProtoIpv6, 18 /* IPV6_MULTICAST_HOPS */, 1, -1, 255, kSockDgram},
    {kIpProtoIpv6, 19 /* IPV6_MULTICAST_LOOP */, 1, 0, 1, kSockDgram},
    {kIpProtoIpv6, 25 /* IPV6_RECVERR */, 0, 0, 1, 0},
    {kIpProtoIpv6, 26 /* IPV6_V6ONLY */, 0, 0, 1, 0},
    {kIpProtoIpv6, 49 /* IPV6_RECVPKTINFO */, 0, 0, 1, 0},
    {kIpProtoIpv6, 67 /* IPV6_TCLASS */, 0, -1, 255, 0},
};

constexpr int kBufferDefault = 212992, kBufferMinimum = 4608, kBufferMaximum = 4 * 1024 * 1024;

const OptionInfo* Find(int level, int name, int domain, int type) {
  if (domain != kAfInet6 && level == kIpProtoIpv6) return nullptr;
  if (domain != kAfInet && domain != kAfInet6 && level != kSolSocket) return nullptr;
  for (const OptionInfo& option : kOptions) {
    if (option.level == level && option.name == name && (option.type == 0 || option.type == type)) return &option;
  }
  return nullptr;
}

template <class T>
Result<T> ReadValue(std::span<const std::byte> value) {
  if (value.size() < sizeof(T)) return Errno::kInval;
  T out;
  __builtin_memcpy(&out, value.data(), sizeof out);
  return out;
}

template <class T>
size_t WriteValue(std::span<std::byte> out, const T& value) {
  const size_t size = std::min(out.size(), sizeof value);
  if (size != 0) __builtin_memcpy(out.data(), &value, size);
  return size;
}

Result<uint64_t> ReadTimeout(std::span<const std::byte> value) {
  const auto time = ReadValue<TimeVal>(value);
  if (!time) return time.error();
  if (time->microseconds < 0 || time->microseconds >= 1'000'000) return static_cast<Errno>(33);  // EDOM
  if (time->seconds < 0) return uint64_t{0};
  const uint64_t seconds = std::min<uint64_t>(static_cast<uint64_t>(time->seconds), 1u << 30);
  return seconds * 1'000'000'000 + static_cast<uint64_t>(time->microseconds) * 1000;
}

TimeVal ToTimeVal(uint64_t ns) {
  return {static_cast<int64_t>(ns / 1'000'000'000), static_cast<int64_t>(ns % 1'000'000'000 / 1000)};
}

}  // namespace

int Socket::OptionValue(int level, int name) const {
  for (const Value& value : values_) {
    if (value.level == level && value.name == name) return value.value;
  }
  const OptionInfo* option = Find(level, name, domain_, type_);
  return option != nullptr ? option->initial : 0;
}

void Socket::InheritOptions(const Socket& from) {
  linger_ = from.linger_;
  receive_timeout_ = from.receive_timeout_;
  send_timeout_ = from.send_timeout_;
  values_ = from.values_;
}

Result<> Socket::SetOption(int level, int name, std::span<const std::byte> bytes) {
  if (level == kSolSocket && name == kSoLinger) {
    const auto linger = ReadValue<Linger>(bytes);
    if (!linger) return linger.error();
    linger_ = *linger;
    return Ok{};
  }
  if (level == kSolSocket && (name == kSoRcvTimeo || name == kSoSndTimeo)) {
    const auto timeout = ReadTimeout(bytes);
    if (!timeout) return timeout.error();
    (name == kSoRcvTimeo ? receive_timeout_ : send_timeout_) = *timeout;
    return Ok{};
  }
  const bool buffer = level == kSolSocket && (name == kSoRcvBuf || name == kSoSndBuf);
  const OptionInfo* option = Find(level, name, domain_, type_);
  if (!buffer && option == nullptr) return Errno::kNoProtoOpt;
  int number;
  if (level != kSolSocket && level != kIpProtoTcp && bytes.size() == 1) {
    // IP options may be given as one byte.
    number = static_cast<int>(bytes[0]);
  } else {
    const auto value = ReadValue<int32_t>(bytes);
    if (!value) return value.error();
    number = *value;
  }
  if (buffer) {
    // Twice what was asked for is what Linux says to use, and what it reads back.
    number = std::clamp(std::clamp(number, 0, kBufferMaximum / 2) * 2, kBufferMinimum, kBufferMaximum);
  } else if (option->minimum == 0 && option->maximum == 1) {
    number = number != 0 ? 1 : 0;
  } else if (number < option->minimum || number > option->maximum) {
    return Errno::kInval;
  }
  const auto at = std::find_if(values_.begin(), values_.end(),
                               [&](const Value& value) { return value.level == level && value.name == name; });
  if (at != values_.end()) {
    at->value = number;
  } else {
    values_.push_back({level, name, number});
  }
  OnOption(level, name, number);
  return Ok{};
}

Result<size_t> Socket::GetOption(int level, int name, std::span<std::byte> out) {
  if (level == kSolSocket) {
    switch (name) {
      case kSoError:
        return WriteValue(out, static_cast<int32_t>(TakeError()));
      case kSoType:
        return WriteValue(out, int32_t{type_});
      case kSoDomain:
        return WriteValue(out, int32_t{domain_});
      case kSoProtocol:
        return WriteValue(out, int32_t{protocol_});
      case kSoAcceptConn:
        return WriteValue(out, int32_t{listening() ? 1 : 0});
      case kSoLinger:
        return WriteValue(out, linger_);
      case kSoRcvTimeo:
        return WriteValue(out, ToTimeVal(receive_timeout_));
      case kSoSndTimeo:
        return WriteValue(out, ToTimeVal(send_timeout_));
      case kSoRcvBuf:
      case kSoSndBuf: {
        const int value = OptionValue(level, name);
        return WriteValue(out, int32_t{value != 0 ? value : kBufferDefault});
      }
      case kSoSndLowAt:
        return WriteValue(out, int32_t{1});
      case kSoPeerCred: {
        if (domain_ != kAfUnix) return Errno::kNoProtoOpt;
        // struct ucred of the only process there is.
        const int32_t credentials[3] = {1, 0, 0};
        return WriteValue(out, credentials);
      }
      default:
        break;
    }
  }
  if (Find(level, name, domain_, type_) == nullptr) return Errno::kNoProtoOpt;
  return WriteValue(out, int32_t{OptionValue(level, name)});
}

}  // namespace ebb::linux_abi
