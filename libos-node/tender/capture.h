// Capture: reads the memory of a parked guest process from outside: which ranges it holds, with which protection, and
// which of its pages differ from the image.
#ifndef EBB_TENDER_CAPTURE_H_
#define EBB_TENDER_CAPTURE_H_

#include <sys/types.h>

#include <string>

#include "tender/snapshot_file.h"

namespace ebb::tender {

// `snapshot` has everything but runs and extents. The process must not run meanwhile. Needs the right to read its
// memory (its parent has it while the process is dumpable; CAP_SYS_PTRACE otherwise): kSnapshotDenied.
Result<void> CaptureProcess(pid_t pid, Snapshot snapshot, const std::string& path);

}  // namespace ebb::tender

#endif  // EBB_TENDER_CAPTURE_H_
