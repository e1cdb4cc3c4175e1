// Memory of the machine, of the process, and of the control group that confines it.
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "src/small_file.h"
#include "uv.h"

namespace ebb::uv {
namespace {

uint64_t FromMeminfo(const char* key) {
  char text[4096];
  if (ReadSmallFile("/proc/meminfo", text, sizeof(text)) < 0) return 0;
  return NumberAfter(text, key) * 1024;
}

// This process's group: version 2 has one line, "0::/path"; version 1 has one per controller.
class Group {
 public:
  Group() {
    char text[4096];
    if (ReadSmallFile("/proc/self/cgroup", text, sizeof(text)) < 0) return;
    if (std::strncmp(text, "0::/", 4) == 0) {
      version_ = 2;
      Keep(text + 4);
    } else if (const char* line = std::strstr(text, ":memory:/")) {
      version_ = 1;
      Keep(line + 9);
    }
  }
  int version() const { return version_; }
  // A value of this group, or of the root group where the path of this one is not visible (inside a container).
  bool Read(const char* name, uint64_t* value) const {
    const char* root = version_ == 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    char path[1100];
    std::snprintf(path, sizeof(path), "%s/%s/%s", root, path_, name);
    if (ReadValue(path, value)) return true;
    std::snprintf(path, sizeof(path), "%s/%s", root, name);
    return ReadValue(path, value);
  }

 private:
  void Keep(const char* path) {
    const size_t length = std::strcspn(path, "\n");
    std::snprintf(path_, sizeof(path_), "%.*s", static_cast<int>(length), path);
  }
  static bool ReadValue(const char* path, uint64_t* value) {
    char text[32];
    if (ReadSmallFile(path, text, sizeof(text)) <= 0) return false;
    if (std::strncmp(text, "max", 3) == 0) {
      *value = UINT64_MAX;
      return true;
    }
    return ReadNumber(path, value);
  }
  int version_ = 0;
  char path_[1024] = "";
};

uint64_t Least(uint64_t a, uint64_t b) { return a < b ? a : b; }

uint64_t Constraint(const Group& group) {
  uint64_t limit = UINT64_MAX;
  uint64_t other = UINT64_MAX;
  if (group.version() == 2) {
    const bool known = group.Read("memory.max", &limit);
    const bool high_known = group.Read("memory.high", &other);
    return known || high_known ? Least(limit, other) : 0;
  }
  if (group.version() != 1 || !group.Read("memory.limit_in_bytes", &limit)) return 0;
  group.Read("memory.soft_limit_in_bytes", &other);
  // No limit is a huge number, rounded down to pages.
  const uint64_t none = static_cast<uint64_t>(INT64_MAX) & ~static_cast<uint64_t>(sysconf(_SC_PAGESIZE) - 1);
  const uint64_t least = Least(limit, other);
  return least >= none ? UINT64_MAX : least;
}

}  // namespace
}  // namespace ebb::uv

using namespace ebb::uv;

uint64_t uv_get_free_memory() {
  const uint64_t available = FromMeminfo("MemAvailable:");
  if (available != 0) return available;
  struct sysinfo info;
  return sysinfo(&info) == 0 ? static_cast<uint64_t>(info.freeram) * info.mem_unit : 0;
}

uint64_t uv_get_total_memory() {
  const uint64_t total = FromMeminfo("MemTotal:");
  if (total != 0) return total;
  struct sysinfo info;
  return sysinfo(&info) == 0 ? static_cast<uint64_t>(info.totalram) * info.mem_unit : 0;
}

uint64_t uv_get_constrained_memory() { return Constraint(Group()); }

uint64_t uv_get_available_memory() {
  const Group group;
  const uint64_t limit = Constraint(group);
  const uint64_t total = uv_get_total_memory();
  if (limit == 0 || limit > total) return uv_get_free_memory();
  uint64_t used = 0;
  if (!group.Read(group.version() == 2 ? "memory.current" : "memory.usage_in_bytes", &used))
    return uv_get_free_memory();
  return used < limit ? limit - used : 0;
}

int uv_resident_set_memory(size_t* rss) {
  char text[256];
  const long length = ReadSmallFile("/proc/self/statm", text, sizeof(text));
  if (length < 0) return static_cast<int>(length);
  unsigned long size;
  unsigned long resident;
  if (std::sscanf(text, "%lu %lu", &size, &resident) != 2) return UV_EINVAL;
  *rss = resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return 0;
}
