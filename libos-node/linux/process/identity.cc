#include "kernel/clock.h"
#include "kernel/memory_info.h"
#include "kernel/random.h"
#include "kernel/thread.h"
#include "kernel/user_memory.h"
#include "linux/abi.h"
#include "linux/fd_table.h"
#include "linux/process/process.h"
#include "linux/process/syscalls.h"

namespace ebb::linux_abi {
namespace {

struct Limit {
  uint64_t current;
  uint64_t maximum;
};

constexpr uint64_t kUnlimited = ~0ull;
constexpr int kResources = 16;
constexpr int kResourceStack = 3, kResourceCore = 4, kResourceNproc = 6, kResourceNofile = 7;
// Thread stacks follow RLIMIT_STACK. V8's helper threads want the megabyte that it allows scripts; more only spreads
// page tables.
constexpr uint64_t kStackLimit = 2ull << 20;

Limit limits[kResources];
bool limits_initialised = false;

Limit& LimitOf(int resource) {
  if (!limits_initialised) {
    for (Limit& limit : limits) limit = {kUnlimited, kUnlimited};
    limits[kResourceStack] = {kStackLimit, kUnlimited};
    limits[kResourceCore] = {0, 0};
    limits[kResourceNproc] = {512, 512};
    limits[kResourceNofile] = {kMaxDescriptors, kMaxDescriptors};
    limits_initialised = true;
  }
  return limits[resource];
}

void CopyText(char* out, size_t size, const char* text) {
  size_t i = 0;
  for (; i + 1 < size && text[i] != '\0'; ++i) out[i] = text[i];
  out[i] = '\0';
}

}  // namespace

int64_t SysGetpid() { return process().pid(); }
int64_t SysGetppid() { return process().parent_pid(); }
int64_t SysZero() { return 0; }

// Root is the only user and the only group there is.
int64_t SysSetId(uint32_t id) { return id == 0 ? 0 : Negative(Errno::kPerm); }
int64_t SysSetTwoIds(uint32_t real, uint32_t effective) { return SysSetThreeIds(real, effective, 0); }
int64_t SysSetThreeIds(uint32_t real, uint32_t effective, uint32_t saved) {
  constexpr uint32_t kStays = ~0u;
  for (const uint32_t id : {real, effective, saved}) {
    if (id != 0 && id != kStays) return Negative(Errno::kPerm);
  }
  return 0;
}

int64_t SysGetresid(uint64_t real, uint64_t effective, uint64_t saved) {
  for (const uint64_t address : {real, effective, saved}) {
    const auto out = UserOut<uint32_t>(address);
    if (!out) return out.Negative();
    **out = 0;
  }
  return 0;
}

int64_t SysGetgroups(int, uint64_t) { return 0; }

int64_t SysUname(uint64_t address) {
  struct Uname {
    char system[65], node[65], release[65], version[65], machine[65], domain[65];
  };
  const auto out = UserOut<Uname>(address);
  if (!out) return out.Negative();
  CopyText((*out)->system, 65, "Linux");
  CopyText((*out)->node, 65, "ebbwhisk");
  // The newest ABI that is emulated; glibc and libuv look at it.
  CopyText((*out)->release, 65, "5.10.0-ebbwhisk");
  CopyText((*out)->version, 65, "#1 Ebbwhisk LibOS");
  CopyText((*out)->machine, 65, "x86_64");
  CopyText((*out)->domain, 65, "(none)");
  return 0;
}

int64_t SysSysinfo(uint64_t address) {
  struct Info {
    int64_t uptime;
    uint64_t loads[3], total, free, shared, buffers, total_swap, free_swap;
    uint16_t processes, pad;
    uint64_t total_high, free_high;
    uint32_t unit;
  };
  const auto out = UserOut<Info>(address);
  if (!out) return out.Negative();
  Info info = {};
  info.uptime = static_cast<int64_t>(clock->Now() / 1'000'000'000);
  info.total = MemoryLimit();
  const uint64_t committed = MemoryCommitted();
  info.free = committed < info.total ? info.total - committed : 0;
  info.processes = static_cast<uint16_t>(process().thread_count());
  info.unit = 1;
  **out = info;
  return 0;
}

int64_t SysCapget(uint64_t header, uint64_t data) {
  struct Header {
    uint32_t version;
    int32_t pid;
  };
  constexpr uint32_t kVersion3 = 0x20080522;
  const auto in = UserOut<Header>(header);
  if (!in) return in.Negative();
  if ((*in)->version != kVersion3) {
    (*in)->version = kVersion3;
    return data == 0 ? 0 : Negative(Errno::kInval);
  }
  if (data == 0) return 0;
  const auto out = UserWritable(data, 24);
  if (!out) return out.Negative();
  __builtin_memset(out->data(), 0, 24);
  return 0;
}

int64_t SysGetrlimit(int resource, uint64_t out) { return SysPrlimit64(0, resource, 0, out); }

int64_t SysPrlimit64(int pid, int resource, uint64_t new_limit, uint64_t old_limit) {
  if (resource < 0 || resource >= kResources) return Negative(Errno::kInval);
  if (pid != 0 && pid != process().pid()) return Negative(Errno::kSrch);
  Limit& limit = LimitOf(resource);
  const Limit old = limit;
  if (new_limit != 0) {
    const auto in = UserIn<Limit>(new_limit);
    if (!in) return in.Negative();
    if ((*in)->current > (*in)->maximum) return Negative(Errno::kInval);
    if ((*in)->maximum > limit.maximum) return Negative(Errno::kPerm);
    limit = **in;
    if (resource == kResourceNofile) fds().set_limit(limit.current);
  }
  if (old_limit != 0) {
    const auto out = UserOut<Limit>(old_limit);
    if (!out) return out.Negative();
    **out = old;
  }
  return 0;
}

int64_t SysGetrusage(int, uint64_t address) {
  struct Usage {
    TimeVal user, system;
    int64_t max_rss, others[13];
  };
  const auto out = UserOut<Usage>(address);
  if (!out) return out.Negative();
  Usage usage = {};
  const uint64_t busy = (clock->Now() - boot_time_ns()) - scheduler().idle_ns();
  usage.user = {static_cast<int64_t>(busy / 1'000'000'000), static_cast<int64_t>(busy % 1'000'000'000 / 1000)};
  usage.max_rss = static_cast<int64_t>(MemoryCommitted() / 1024);
  **out = usage;
  return 0;
}

int64_t SysGetrandom(uint64_t buffer, uint64_t size, uint32_t) {
  constexpr uint64_t kLargest = 33554431;
  const auto out = UserWritable(buffer, size < kLargest ? size : kLargest);
  if (!out) return out.Negative();
  random().Fill(*out);
  return static_cast<int64_t>(out->size());
}

int64_t SysGetpriority(int, int) { return 20; }

int64_t SysWait4(int, uint64_t, int, uint64_t) { return Negative(Errno::kChild); }

}  // namespace ebb::linux_abi
