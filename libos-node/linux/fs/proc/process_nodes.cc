// What /proc tells about the process and its threads.
#include "kernel/clock.h"
#include "kernel/memory_info.h"
#include "kernel/options.h"
#include "kernel/thread.h"
#include "linux/fs/file_system.h"
#include "linux/fs/proc/proc.h"
#include "linux/mm/maps.h"
#include "linux/process/process.h"
#include "linux/process/syscalls.h"

namespace ebb::linux_abi {
namespace {

using Kind = ProcNode::Kind;

constexpr uint64_t kPage = EBB_PAGE_SIZE;
constexpr uint64_t kNanosecondsPerTick = 10'000'000;  // USER_HZ is 100

uint64_t Pid() { return static_cast<uint64_t>(SysGetpid()); }
uint64_t BusyTicks() { return (clock->Now() - boot_time_ns() - scheduler().idle_ns()) / kNanosecondsPerTick; }

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Of the thread; of the program's main thread when 0.
std::string_view NameOf(uint32_t thread) {
  constexpr size_t kMaxName = 15;
  const Thread* found = process().FindThread(thread != 0 ? thread : static_cast<uint32_t>(Pid()));
  if (found != nullptr && found->name[0] != '\0') return {found->name, __builtin_strlen(found->name)};
  return BaseName(Option("program")).substr(0, kMaxName);
}

void WriteExe(TextWriter& out, uint32_t) { out.Text(Option("program")); }
void WriteRoot(TextWriter& out, uint32_t) { out.Text("/"); }

void WriteCwd(TextWriter& out, uint32_t) {
  char buffer[4096];
  if (const auto path = PathOf(file_system().current(), buffer)) out.Text(*path);
}

void WriteBlock(TextWriter& out, uint64_t address, uint64_t size) {
  out.Text({reinterpret_cast<const char*>(address), size});
}
void WriteCmdline(TextWriter& out, uint32_t) { WriteBlock(out, boot_info().arguments, boot_info().arguments_size); }
void WriteEnviron(TextWriter& out, uint32_t) { WriteBlock(out, boot_info().environment, boot_info().environment_size); }
void WriteComm(TextWriter& out, uint32_t thread) { out.Text(NameOf(thread)).Text("\n"); }

void WriteProcessMaps(TextWriter& out, uint32_t) { WriteMaps(out); }

void WriteStat(TextWriter& out, uint32_t thread) {
  const uint64_t pid = Pid();
  const uint64_t bytes = MemoryCommitted();
  out.Decimal(thread != 0 ? thread : pid)
      .Text(" (")
      .Text(NameOf(thread))
      .Text(") R 0 ")
      .Decimal(pid)
      .Text(" ")
      .Decimal(pid);
  // tty, tpgid, flags, faults
  out.Text(" 0 -1 4194304 0 0 0 0 ").Decimal(BusyTicks()).Text(" 0 0 0 20 0 ").Decimal(process().thread_count());
  out.Text(" 0 ")
      .Decimal(boot_time_ns() / kNanosecondsPerTick)
      .Text(" ")
      .Decimal(bytes)
      .Text(" ")
      .Decimal(bytes / kPage);
  out.Text(" 18446744073709551615");
  // From startcode on nothing is told.
  constexpr int kRestOfFields = 27;
  for (int i = 0; i < kRestOfFields; ++i) out.Text(" 0");
  out.Text("\n");
}

void WriteStatm(TextWriter& out, uint32_t) {
  const uint64_t pages = MemoryCommitted() / kPage;
  out.Decimal(pages).Text(" ").Decimal(pages).Text(" 0 0 0 ").Decimal(pages).Text(" 0\n");
}

void WriteStatus(TextWriter& out, uint32_t thread) {
  constexpr uint64_t kKilobyte = 1024;
  const uint64_t pid = Pid();
  const uint64_t kilobytes = MemoryCommitted() / kKilobyte;
  out.Text("Name:\t").Text(NameOf(thread)).Text("\nUmask:\t0").Decimal((file_system().umask() >> 6) & 7);
  out.Decimal((file_system().umask() >> 3) & 7).Decimal(file_system().umask() & 7);
  out.Text("\nState:\tR (running)\nTgid:\t")
      .Decimal(pid)
      .Text("\nNgid:\t0\nPid:\t")
      .Decimal(thread != 0 ? thread : pid);
  out.Text("\nPPid:\t0\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t256\nGroups:\t\n");
  for (const std::string_view name : {"VmPeak:", "VmSize:", "VmHWM:", "VmRSS:", "VmData:"}) {
    out.Text(name).Text("\t").Decimal(kilobytes, 8).Text(" kB\n");
  }
  out.Text("Threads:\t").Decimal(process().thread_count()).Text("\n");
}

void WriteMounts(TextWriter& out, uint32_t) { out.Text("rootfs / tmpfs rw 0 0\nproc /proc proc ro 0 0\n"); }

// One group without limits: libuv tells no free memory where this file is missing.
void WriteCgroup(TextWriter& out, uint32_t) { out.Text("0::/\n"); }

constexpr ProcNode kThreadNodes[] = {
    {"comm", Kind::kText, WriteComm},
    {"stat", Kind::kText, WriteStat},
    {"status", Kind::kText, WriteStatus},
};

constexpr ProcNode kProcessNodes[] = {
    {"cgroup", Kind::kText, WriteCgroup},
    {"cmdline", Kind::kText, WriteCmdline},
    {"comm", Kind::kText, WriteComm},
    {"cwd", Kind::kLink, WriteCwd},
    {"environ", Kind::kText, WriteEnviron},
    {"exe", Kind::kLink, WriteExe},
    {"fd", Kind::kDescriptors},
    {"maps", Kind::kText, WriteProcessMaps},
    {"mounts", Kind::kText, WriteMounts},
    {"root", Kind::kLink, WriteRoot},
    {"stat", Kind::kText, WriteStat},
    {"statm", Kind::kText, WriteStatm},
    {"status", Kind::kText, WriteStatus},
    {"task", Kind::kTasks},
};

}  // namespace

std::span<const ProcNode> ProcProcessNodes() { return kProcessNodes; }
std::span<const ProcNode> ProcThreadNodes() { return kThreadNodes; }

}  // namespace ebb::linux_abi
