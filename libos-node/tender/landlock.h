// Landlock: what a tender may still do with the host's file system once its VM runs.
//
// The filters of seccomp/ cannot look at paths, and a tender has to unlink its socket at the end: without this a tender
// that is taken over could unlink whatever its user may.
#ifndef EBB_TENDER_LANDLOCK_H_
#define EBB_TENDER_LANDLOCK_H_

#include <string>

#include "tender/result.h"

namespace ebb::tender {

// From here on the calling process opens, makes and renames nothing, binds no TCP port, and removes files only in the
// folder of `socket_path` (empty: nowhere). Descriptors that are open stay as they are. False: the kernel has no
// Landlock (before Linux 5.13, or switched off).
Result<bool> RestrictFiles(const std::string& socket_path);

}  // namespace ebb::tender

#endif  // EBB_TENDER_LANDLOCK_H_
