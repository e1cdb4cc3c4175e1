// RunVm: one VM from command line to exit status.
#ifndef EBB_TENDER_VM_H_
#define EBB_TENDER_VM_H_

#include "tender/options.h"

namespace ebb::tender {

// Runs `ebbtender run`. Failures are reported on stderr and, when there is one, on the channel. Returns the exit status
// of the program.
int RunVm(const Options& options);

}  // namespace ebb::tender

#endif  // EBB_TENDER_VM_H_
