// What the processor and the kernel offer to guests: XSAVE state and FSGSBASE.
#ifndef EBB_TENDER_CPU_H_
#define EBB_TENDER_CPU_H_

#include <cstdint>

#include "tender/result.h"

namespace ebb::tender {

struct CpuState {
  uint64_t xsave_mask;  // XCR0 for the guest
  uint32_t xsave_size;  // bytes of the standard format for that mask
};

// The state that a guest may use. AMX is left out: Linux gives its tile data to a process on request only, and both
// tenders shall look alike. Fails with kCpuUnsupported without XSAVE or FSGSBASE in user mode.
Result<CpuState> ReadCpuState();

}  // namespace ebb::tender

#endif  // EBB_TENDER_CPU_H_
