// Network interfaces.
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>

#include <cerrno>
#include <cstring>

#include "src/memory.h"
#include "uv.h"

namespace {

bool IsUp(const ifaddrs& entry) {
  return (entry.ifa_flags & IFF_UP) != 0 && (entry.ifa_flags & IFF_RUNNING) != 0 && entry.ifa_addr != nullptr;
}

bool HasInternetAddress(const ifaddrs& entry) {
  return IsUp(entry) && (entry.ifa_addr->sa_family == AF_INET || entry.ifa_addr->sa_family == AF_INET6);
}

template <class T>
void CopyAddress(T* to, const sockaddr* from) {
  if (from != nullptr) std::memcpy(to, from, sizeof(T));
}

}  // namespace

int uv_interface_addresses(uv_interface_address_t** addresses, int* count) {
  *addresses = nullptr;
  *count = 0;
  ifaddrs* list;
  if (getifaddrs(&list) != 0) return -errno;
  size_t names = 0;
  size_t entries = 0;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (!HasInternetAddress(*entry)) continue;
    ++entries;
    names += std::strlen(entry->ifa_name) + 1;
  }
  if (entries == 0) {
    freeifaddrs(list);
    return 0;
  }
  // Names behind the entries, in one block.
  auto* result = static_cast<uv_interface_address_t*>(
      ebb::uv::AllocateZeroed(1, entries * sizeof(uv_interface_address_t) + names));
  if (result == nullptr) {
    freeifaddrs(list);
    return UV_ENOMEM;
  }
  char* name = reinterpret_cast<char*>(result + entries);
  uv_interface_address_t* address = result;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (!HasInternetAddress(*entry)) continue;
    address->name = name;
    name = std::strcpy(name, entry->ifa_name) + std::strlen(entry->ifa_name) + 1;
    address->is_internal = (entry->ifa_flags & IFF_LOOPBACK) != 0 ? 1 : 0;
    if (entry->ifa_addr->sa_family == AF_INET6) {
      CopyAddress(&address->address.address6, entry->ifa_addr);
      CopyAddress(&address->netmask.netmask6, entry->ifa_netmask);
    } else {
      CopyAddress(&address->address.address4, entry->ifa_addr);
      CopyAddress(&address->netmask.netmask4, entry->ifa_netmask);
    }
    ++address;
  }
  // Hardware addresses are entries of their own.
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (!IsUp(*entry) || entry->ifa_addr->sa_family != AF_PACKET) continue;
    sockaddr_ll hardware;
    std::memcpy(&hardware, entry->ifa_addr, sizeof(hardware));
    for (size_t i = 0; i < entries; ++i) {
      // Also for aliases such as eth0:1.
      const size_t length = std::strlen(entry->ifa_name);
      if (std::strncmp(result[i].name, entry->ifa_name, length) != 0) continue;
      if (result[i].name[length] == '\0' || result[i].name[length] == ':')
        std::memcpy(result[i].phys_addr, hardware.sll_addr, sizeof(result[i].phys_addr));
    }
  }
  freeifaddrs(list);
  *addresses = result;
  *count = static_cast<int>(entries);
  return 0;
}

void uv_free_interface_addresses(uv_interface_address_t* addresses, int) { ebb::uv::Free(addresses); }
