#include "linux/vdso/vdso.h"

#include "linux/mm/address_space.h"

extern "C" const char ebb_vdso_start[];
extern "C" const char ebb_vdso_end[];

namespace ebb::linux_abi {

uint64_t MapVdso() {
  const auto size = static_cast<uint64_t>(ebb_vdso_end - ebb_vdso_start);
  const auto at =
      address_space().Map(0, size, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous, nullptr, 0, kNameVdso);
  if (!at) return 0;
  __builtin_memcpy(reinterpret_cast<void*>(*at), ebb_vdso_start, size);
  if (!address_space().Protect(*at, (size + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1), kProtRead | kProtExec)) return 0;
  return *at;
}

}  // namespace ebb::linux_abi
