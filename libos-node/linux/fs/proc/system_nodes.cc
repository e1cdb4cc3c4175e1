// What /proc tells about the machine.
#include "kernel/clock.h"
#include "kernel/memory_info.h"
#include "kernel/random.h"
#include "kernel/thread.h"
#include "linux/fs/proc/proc.h"
#include "linux/process/syscalls.h"

namespace ebb::linux_abi {
namespace {

using Kind = ProcNode::Kind;

constexpr uint64_t kNanosecondsPerTick = 10'000'000;  // USER_HZ is 100
constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

void WriteSelf(TextWriter& out, uint32_t) { out.Decimal(static_cast<uint64_t>(SysGetpid())); }

void WriteThreadSelf(TextWriter& out, uint32_t) {
  out.Decimal(static_cast<uint64_t>(SysGetpid())).Text("/task/").Decimal(static_cast<uint64_t>(SysGettid()));
}

void WriteMounts(TextWriter& out, uint32_t) { out.Text("self/mounts"); }

void WriteMeminfo(TextWriter& out, uint32_t) {
  constexpr uint64_t kKilobyte = 1024;
  const uint64_t total = MemoryLimit();
  const uint64_t used = MemoryCommitted();
  const uint64_t free = used < total ? total - used : 0;
  const auto line = [&](std::string_view name, uint64_t bytes) {
    out.Text(name).Decimal(bytes / kKilobyte, 24 - name.size()).Text(" kB\n");
  };
  line("MemTotal:", total);
  line("MemFree:", free);
  line("MemAvailable:", free);
  line("Buffers:", 0);
  line("Cached:", 0);
  line("SwapCached:", 0);
  line("Active:", used);
  line("Inactive:", 0);
  line("SwapTotal:", 0);
  line("SwapFree:", 0);
  line("Shmem:", 0);
}

void Cpuid(uint32_t leaf, uint32_t (&out)[4]) {
  out[0] = leaf;
  out[2] = 0;
  asm volatile("cpuid" : "+a"(out[0]), "=b"(out[1]), "+c"(out[2]), "=d"(out[3]));
}

void WriteModelName(TextWriter& out) {
  constexpr uint32_t kHighest = 0x80000000, kBrandFirst = 0x80000002, kBrandLast = 0x80000004;
  uint32_t registers[4];
  Cpuid(kHighest, registers);
  if (registers[0] < kBrandLast) {
    out.Text("unknown");
    return;
  }
  char brand[49] = {};
  for (uint32_t leaf = kBrandFirst; leaf <= kBrandLast; ++leaf) {
    Cpuid(leaf, registers);
    __builtin_memcpy(brand + (leaf - kBrandFirst) * sizeof(registers), registers, sizeof(registers));
  }
  std::string_view text(brand, __builtin_strlen(brand));
  while (text.starts_with(' ')) text.remove_prefix(1);
  out.Text(text);
}

void WriteCpuinfo(TextWriter& out, uint32_t) {
  constexpr uint32_t kFrequencies = 0x16;
  uint32_t registers[4];
  Cpuid(0, registers);
  uint32_t megahertz = 0;
  if (registers[0] >= kFrequencies) {
    Cpuid(kFrequencies, registers);
    megahertz = registers[0] & 0xffff;
  }
  for (uint32_t core = 0; core < boot_info().core_count; ++core) {
    out.Text("processor\t: ").Decimal(core).Text("\nmodel name\t: ");
    WriteModelName(out);
    out.Text("\ncpu MHz\t\t: ").Decimal(megahertz).Text(".000\n\n");
  }
}

void WriteStat(TextWriter& out, uint32_t) {
  const uint64_t idle = scheduler().idle_ns();
  const uint64_t up = clock->Now() - boot_time_ns();
  const uint64_t cores = boot_info().core_count;
  const auto line = [&](uint64_t share) {
    out.Decimal((up - idle) / kNanosecondsPerTick / share)
        .Text(" 0 0 ")
        .Decimal(idle / kNanosecondsPerTick / share)
        .Text(" 0 0 0 0 0 0\n");
  };
  out.Text("cpu  ");
  line(1);
  for (uint64_t core = 0; core < cores; ++core) {
    out.Text("cpu").Decimal(core).Text(" ");
    line(cores);
  }
  out.Text("ctxt 0\nbtime ")
      .Decimal((clock->Realtime() - up) / kNanosecondsPerSecond)
      .Text("\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n");
}

void WriteUptime(TextWriter& out, uint32_t) {
  constexpr uint64_t kNanosecondsPerHundredth = kNanosecondsPerSecond / 100;
  const auto seconds = [&](uint64_t ns) {
    const uint64_t hundredths = ns / kNanosecondsPerHundredth % 100;
    out.Decimal(ns / kNanosecondsPerSecond).Text(hundredths < 10 ? ".0" : ".").Decimal(hundredths);
  };
  seconds(clock->Now() - boot_time_ns());
  out.Text(" ");
  seconds(scheduler().idle_ns());
  out.Text("\n");
}

void WriteLoadavg(TextWriter& out, uint32_t) {
  out.Text("0.00 0.00 0.00 1/1 ").Decimal(static_cast<uint64_t>(SysGetpid())).Text("\n");
}
void WriteFilesystems(TextWriter& out, uint32_t) { out.Text("nodev\tproc\nnodev\ttmpfs\n"); }
// Memory is counted when it is mapped: strict accounting, which lets glibc give its heaps back.
void WriteOvercommit(TextWriter& out, uint32_t) { out.Text("2\n"); }
void WriteMaxMapCount(TextWriter& out, uint32_t) { out.Text("65530\n"); }
void WritePidMax(TextWriter& out, uint32_t) { out.Text("32768\n"); }
void WriteLastCapability(TextWriter& out, uint32_t) { out.Text("40\n"); }
void WriteFileMax(TextWriter& out, uint32_t) { out.Text("65536\n"); }
void WriteSomaxconn(TextWriter& out, uint32_t) { out.Text("4096\n"); }

// Another one with every look, also in clones of a machine.
void WriteUuid(TextWriter& out, uint32_t) {
  uint8_t bytes[16];
  random().Fill(std::as_writable_bytes(std::span(bytes)));
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  for (size_t i = 0; i < sizeof(bytes); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.Text("-");
    out.HexDigits(bytes[i], 2);
  }
  out.Text("\n");
}

constexpr ProcNode kRandomNodes[] = {{"uuid", Kind::kText, WriteUuid}};
constexpr ProcNode kVmNodes[] = {{"max_map_count", Kind::kText, WriteMaxMapCount},
                                 {"overcommit_memory", Kind::kText, WriteOvercommit}};
constexpr ProcNode kKernelNodes[] = {
    {"cap_last_cap", Kind::kText, WriteLastCapability},
    {"pid_max", Kind::kText, WritePidMax},
    {"random", Kind::kDirectory, nullptr, kRandomNodes},
};
constexpr ProcNode kFsNodes[] = {{"file-max", Kind::kText, WriteFileMax}, {"nr_open", Kind::kText, WriteFileMax}};
constexpr ProcNode kNetCoreNodes[] = {{"somaxconn", Kind::kText, WriteSomaxconn}};
constexpr ProcNode kNetNodes[] = {{"core", Kind::kDirectory, nullptr, kNetCoreNodes}};
constexpr ProcNode kSysNodes[] = {
    {"fs", Kind::kDirectory, nullptr, kFsNodes},
    {"kernel", Kind::kDirectory, nullptr, kKernelNodes},
    {"net", Kind::kDirectory, nullptr, kNetNodes},
    {"vm", Kind::kDirectory, nullptr, kVmNodes},
};

constexpr ProcNode kSystemNodes[] = {
    {"cpuinfo", Kind::kText, WriteCpuinfo},
    {"filesystems", Kind::kText, WriteFilesystems},
    {"loadavg", Kind::kText, WriteLoadavg},
    {"meminfo", Kind::kText, WriteMeminfo},
    {"mounts", Kind::kLink, WriteMounts},
    {"self", Kind::kLink, WriteSelf},
    {"stat", Kind::kText, WriteStat},
    {"sys", Kind::kDirectory, nullptr, kSysNodes},
    {"thread-self", Kind::kLink, WriteThreadSelf},
    {"uptime", Kind::kText, WriteUptime},
};

}  // namespace

std::span<const ProcNode> ProcSystemNodes() { return kSystemNodes; }

}  // namespace ebb::linux_abi
