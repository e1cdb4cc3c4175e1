// Internet addresses as text. libc does the work; IPv6 zones (fe80::1%eth0) are ours.
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "src/text.h"
#include "uv.h"

int uv_inet_ntop(int af, const void* src, char* dst, size_t size) {
  if (af != AF_INET && af != AF_INET6) return UV_EAFNOSUPPORT;
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(af, src, text, sizeof(text)) == nullptr) return -errno;
  if (std::strlen(text) >= size) return UV_ENOSPC;
  std::strcpy(dst, text);
  return 0;
}

int uv_inet_pton(int af, const char* src, void* dst) {
  if (src == nullptr || dst == nullptr) return UV_EINVAL;
  if (af != AF_INET && af != AF_INET6) return UV_EAFNOSUPPORT;
  char address[INET6_ADDRSTRLEN];
  if (af == AF_INET6) {
    const char* zone = std::strchr(src, '%');
    if (zone != nullptr) {
      const auto length = static_cast<size_t>(zone - src);
      if (length >= sizeof(address)) return UV_EINVAL;
      std::memcpy(address, src, length);
      address[length] = '\0';
      src = address;
    }
  }
  return inet_pton(af, src, dst) == 1 ? 0 : static_cast<int>(UV_EINVAL);
}

int uv_ip4_addr(const char* ip, int port, struct sockaddr_in* addr) {
  *addr = sockaddr_in{};
  addr->sin_family = AF_INET;
  addr->sin_port = htons(static_cast<uint16_t>(port));
  return uv_inet_pton(AF_INET, ip, &addr->sin_addr);
}

int uv_ip6_addr(const char* ip, int port, struct sockaddr_in6* addr) {
  *addr = sockaddr_in6{};
  addr->sin6_family = AF_INET6;
  addr->sin6_port = htons(static_cast<uint16_t>(port));
  const char* zone = std::strchr(ip, '%');
  // Unknown interfaces give 0, as no zone does.
  if (zone != nullptr) addr->sin6_scope_id = if_nametoindex(zone + 1);
  return uv_inet_pton(AF_INET6, ip, &addr->sin6_addr);
}

int uv_ip4_name(const struct sockaddr_in* src, char* dst, size_t size) {
  return uv_inet_ntop(AF_INET, &src->sin_addr, dst, size);
}

int uv_ip6_name(const struct sockaddr_in6* src, char* dst, size_t size) {
  return uv_inet_ntop(AF_INET6, &src->sin6_addr, dst, size);
}

int uv_ip_name(const struct sockaddr* src, char* dst, size_t size) {
  if (src->sa_family == AF_INET) return uv_ip4_name(reinterpret_cast<const sockaddr_in*>(src), dst, size);
  if (src->sa_family == AF_INET6) return uv_ip6_name(reinterpret_cast<const sockaddr_in6*>(src), dst, size);
  return UV_EAFNOSUPPORT;
}

int uv_if_indextoname(unsigned int ifindex, char* buffer, size_t* size) {
  if (buffer == nullptr || size == nullptr || *size == 0) return UV_EINVAL;
  char name[IF_NAMESIZE + 1];
  if (if_indextoname(ifindex, name) == nullptr) return -errno;
  return ebb::uv::ReturnText(name, strnlen(name, sizeof(name)), buffer, size);
}

int uv_if_indextoiid(unsigned int ifindex, char* buffer, size_t* size) {
  return uv_if_indextoname(ifindex, buffer, size);
}
