// The Landlock system calls, for which the C library has no functions.
#include "tender/landlock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "tender/unique_fd.h"

namespace ebb::tender {
namespace {

// Stated here because the headers of a build machine may be older than the kernel.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr unsigned kVersion = 1;
constexpr int kPathBeneath = 1;
constexpr uint64_t kRemoveFile = 1 << 5;
constexpr uint64_t kBindTcp = 1 << 0;

struct Ruleset {
  uint64_t files, network;
};
struct [[gnu::packed]] PathBeneath {
  uint64_t allowed;
  int32_t folder;
};

// Every right that a version of the interface knows.
uint64_t AllFileRights(long version) {
  constexpr uint64_t kFirst = (1 << 13) - 1, kRefer = 1 << 13, kTruncate = 1 << 14, kDeviceIoctl = 1 << 15;
  return kFirst | (version >= 2 ? kRefer : 0) | (version >= 3 ? kTruncate : 0) | (version >= 5 ? kDeviceIoctl : 0);
}

}  // namespace

Result<bool> RestrictFiles(const std::string& socket_path) {
  const long version = syscall(kCreateRuleset, nullptr, 0, kVersion);
  if (version < 1) return false;
  const bool network = version >= 4;
  const Ruleset ruleset{AllFileRights(version), network ? kBindTcp : 0};
  const UniqueFd rules(
      static_cast<int>(syscall(kCreateRuleset, &ruleset, network ? sizeof ruleset : sizeof ruleset.files, 0)));
  if (!rules) return ErrnoError(ErrorCode::kSandbox, "landlock_create_ruleset", errno);
  if (!socket_path.empty()) {
    const size_t slash = socket_path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : socket_path.substr(0, slash + 1);
    const UniqueFd fd(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const PathBeneath beneath{kRemoveFile, fd.get()};
    if (!fd || syscall(kAddRule, rules.get(), kPathBeneath, &beneath, 0) != 0)
      return ErrnoError(ErrorCode::kSandbox, "landlock_add_rule", errno);
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ErrnoError(ErrorCode::kSandbox, "no_new_privs", errno);
  if (syscall(kRestrictSelf, rules.get(), 0) != 0)
    return ErrnoError(ErrorCode::kSandbox, "landlock_restrict_self", errno);
  return true;
}

}  // namespace ebb::tender
