#include "tender/cpu_share.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "tender/unique_fd.h"

namespace ebb::tender {

Result<void> JoinCpuGroup(const std::string& folder, pid_t pid) {
  // v1 moves a single thread without the lock that moving a process takes for milliseconds.
  UniqueFd file(open((folder + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) file = UniqueFd(open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  const std::string text = std::to_string(pid);
  if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return ErrnoError(ErrorCode::kSystem, folder, errno);
  return {};
}

void LowerPriority(int nice) {
  setpriority(PRIO_PROCESS, 0, nice);
  // Where sessions are groups of the scheduler (autogroup), only the group's own counts against others.
  const UniqueFd file(open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC));
  const std::string text = std::to_string(nice);
  if (file) [[maybe_unused]]
    const ssize_t written = write(file.get(), text.data(), text.size());
}

}  // namespace ebb::tender
