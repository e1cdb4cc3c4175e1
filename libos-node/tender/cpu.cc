// CPUID and XGETBV readings.
#include "tender/cpu.h"

#include <cpuid.h>
#include <immintrin.h>
#include <sys/auxv.h>

#include <algorithm>

namespace ebb::tender {
namespace {

constexpr unsigned long kHwcap2FsGsBase = 2;
constexpr uint64_t kAmx = (1ull << 17) | (1ull << 18);

__attribute__((target("xsave"))) uint64_t ReadXcr0() { return _xgetbv(0); }

}  // namespace

Result<CpuState> ReadCpuState() {
  if ((getauxval(AT_HWCAP2) & kHwcap2FsGsBase) == 0) return Error{ErrorCode::kCpuUnsupported, "FSGSBASE in user mode"};
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0) return Error{ErrorCode::kCpuUnsupported, "XSAVE"};
  CpuState state{ReadXcr0() & ~kAmx, 512 + 64};
  for (unsigned feature = 2; feature < 63; ++feature) {
    if ((state.xsave_mask >> feature & 1) == 0) continue;
    __cpuid_count(0xd, feature, a, b, c, d);
    state.xsave_size = std::max(state.xsave_size, a + b);
  }
  return state;
}

}  // namespace ebb::tender
