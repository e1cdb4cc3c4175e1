// Processors: model, speed, time spent; how many this process may use.
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "src/memory.h"
#include "src/small_file.h"
#include "uv.h"

namespace ebb::uv {
namespace {

constexpr size_t kStatSize = 256 * 1024;
constexpr size_t kCpuInfoSize = 1024 * 1024;

// "cpu3 user nice system idle iowait irq ...", in ticks; anything else ends the list.
bool ParseStatLine(const char* line, unsigned* number, uv_cpu_info_t* info) {
  unsigned long long user, nice_time, system, idle, wait, irq;
  if (std::sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu", number, &user, &nice_time, &system, &idle, &wait,
                  &irq) != 7)
    return false;
  const auto ms_per_tick = 1000 / static_cast<unsigned long long>(sysconf(_SC_CLK_TCK));
  info->cpu_times = {user * ms_per_tick, nice_time * ms_per_tick, system * ms_per_tick, idle * ms_per_tick,
                     irq * ms_per_tick};
  return true;
}

// The value of "key : value" in the block of /proc/cpuinfo that describes one processor.
const char* FieldOf(const char* block, const char* key) {
  const char* end = std::strstr(block, "\n\n");
  const char* at = std::strstr(block, key);
  if (at == nullptr || (end != nullptr && at > end)) return nullptr;
  at = std::strchr(at, ':');
  return at == nullptr ? nullptr : at + 1 + std::strspn(at + 1, " \t");
}

const char* BlockOf(const char* text, unsigned number) {
  for (const char* at = text; (at = std::strstr(at, "processor")) != nullptr; ++at) {
    const char* colon = std::strchr(at, ':');
    if (colon != nullptr && std::strtoul(colon + 1, nullptr, 10) == number) return at;
  }
  return nullptr;
}

char* ModelOf(const char* block) {
  const char* model = block == nullptr ? nullptr : FieldOf(block, "model name");
  if (model == nullptr) return CopyString("unknown");
  return CopyString(model, std::strcspn(model, "\n"));
}

// MHz.
int SpeedOf(unsigned number, const char* block) {
  char path[96];
  std::snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_cur_freq", number);
  uint64_t khz;
  if (ReadNumber(path, &khz)) return static_cast<int>(khz / 1000);
  const char* mhz = block == nullptr ? nullptr : FieldOf(block, "cpu MHz");
  return mhz == nullptr ? 0 : std::atoi(mhz);
}

int Fill(const char* stat, const char* cpuinfo, uv_cpu_info_t** infos, int* count) {
  // The first line sums up all of them.
  const char* line = std::strchr(stat, '\n');
  int capacity = 0;
  for (const char* at = line; at != nullptr && std::strncmp(at + 1, "cpu", 3) == 0; at = std::strchr(at + 1, '\n'))
    ++capacity;
  if (capacity == 0) return UV_EIO;
  auto* list = static_cast<uv_cpu_info_t*>(AllocateZeroed(static_cast<size_t>(capacity), sizeof(uv_cpu_info_t)));
  if (list == nullptr) return UV_ENOMEM;
  int found = 0;
  unsigned number;
  for (; line != nullptr && found < capacity && ParseStatLine(line + 1, &number, &list[found]);
       line = std::strchr(line + 1, '\n')) {
    const char* block = BlockOf(cpuinfo, number);
    list[found].speed = SpeedOf(number, block);
    list[found].model = ModelOf(block);
    if (list[found++].model != nullptr) continue;
    uv_free_cpu_info(list, found);
    return UV_ENOMEM;
  }
  *infos = list;
  *count = found;
  return 0;
}

// What the control group leaves of the processors, rounded up; 0 when it sets no limit.
unsigned GroupCpus() {
  char text[64];
  unsigned long long quota;
  unsigned long long period;
  if (ReadSmallFile("/sys/fs/cgroup/cpu.max", text, sizeof(text)) > 0) {
    if (std::sscanf(text, "%llu %llu", &quota, &period) != 2 || period == 0) return 0;
  } else {
    uint64_t value = 0;
    if (!ReadNumber("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &value)) return 0;
    quota = value;
    if (!ReadNumber("/sys/fs/cgroup/cpu/cpu.cfs_period_us", &value) || value == 0) return 0;
    period = value;
  }
  const unsigned long long cpus = quota / period;
  return cpus == 0 ? 1 : static_cast<unsigned>(cpus);
}

}  // namespace
}  // namespace ebb::uv

using namespace ebb::uv;

int uv_cpu_info(uv_cpu_info_t** cpu_infos, int* count) {
  *cpu_infos = nullptr;
  *count = 0;
  char* stat = AllocateFor<char>(kStatSize);
  char* cpuinfo = AllocateFor<char>(kCpuInfoSize);
  int error = stat == nullptr || cpuinfo == nullptr ? static_cast<int>(UV_ENOMEM) : 0;
  if (error == 0) {
    const long length = ReadSmallFile("/proc/stat", stat, kStatSize);
    if (length < 0) error = static_cast<int>(length);
  }
  if (error == 0) {
    if (ReadSmallFile("/proc/cpuinfo", cpuinfo, kCpuInfoSize) < 0) cpuinfo[0] = '\0';
    error = Fill(stat, cpuinfo, cpu_infos, count);
  }
  Free(stat);
  Free(cpuinfo);
  return error;
}

void uv_free_cpu_info(uv_cpu_info_t* cpu_infos, int count) {
  for (int i = 0; i < count; ++i) FreeConst(cpu_infos[i].model);
  Free(cpu_infos);
}

int uv_cpumask_size() { return CPU_SETSIZE; }

unsigned int uv_available_parallelism() {
  cpu_set_t set;
  CPU_ZERO(&set);
  long count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
  if (count < 1) count = 1;
  const unsigned group = GroupCpus();
  return group != 0 && group < static_cast<unsigned>(count) ? group : static_cast<unsigned>(count);
}
