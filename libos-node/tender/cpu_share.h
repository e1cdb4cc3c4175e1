// The VM's part of the CPU: a cgroup that the parent made, or, where there is none, a lower priority. Both are
// inherited by every process and thread that the tender makes afterwards.
#ifndef EBB_TENDER_CPU_SHARE_H_
#define EBB_TENDER_CPU_SHARE_H_

#include <sys/types.h>

#include <string>

#include "tender/result.h"

namespace ebb::tender {

// Moves a process (0: this one) into the group of v1 or v2 at `folder`. To be called while it has one thread.
Result<void> JoinCpuGroup(const std::string& folder, pid_t pid = 0);

// Lowers the priority of this process; best effort. A new session starts without it where the kernel schedules by
// sessions, so it is to be called again after setsid.
void LowerPriority(int nice);

}  // namespace ebb::tender

#endif  // EBB_TENDER_CPU_SHARE_H_
