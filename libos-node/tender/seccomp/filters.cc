// Loading and printing of compiled filters.
#include "tender/seccomp/filters.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace ebb::tender {

Result<void> ApplyFilter(const Filter& filter) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ErrnoError(ErrorCode::kSandbox, "no_new_privs", errno);
  const sock_fprog program{static_cast<unsigned short>(filter.program.size()),
                           const_cast<sock_filter*>(filter.program.data())};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return ErrnoError(ErrorCode::kSandbox, "seccomp filter", errno);
  return {};
}

std::string DumpFilter(const Filter& filter) {
  std::string text = std::string("== ") + filter.name + "\n" + filter.policy + "\n" + filter.listing;
  text += "# " + std::to_string(filter.program.size()) + " instructions: code jt jf k\n";
  for (const auto& i : filter.program) {
    char line[64];
    std::snprintf(line, sizeof line, "%04x %3u %3u 0x%08x\n", i.code, i.jt, i.jf, i.k);
    text += line;
  }
  return text;
}

}  // namespace ebb::tender
