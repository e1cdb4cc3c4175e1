// The guest's seccomp filter, run in an interpreter: whatever it allows must satisfy the rules restated here in C++,
// for calls around every boundary.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include "abi/ebb_abi.h"
#include "tender/seccomp/filters.h"
#include "tender/seccomp/rules.h"
#include "tender/test/filter_interpreter.h"

namespace ebb::tender {
namespace {

bool Inside(uint64_t address, uint64_t size, uint64_t base, uint64_t end) {
  return address >= base && address < end && size <= end - address;
}
bool InMappings(uint64_t address, uint64_t size) { return Inside(address, size, EBB_HEAP_BASE, EBB_ARENA_END); }

// The rules, independent of the policy file.
bool Harmless(const seccomp_data& d) {
  if (d.arch != AUDIT_ARCH_X86_64) return false;
  // The address behind the instruction, which has two bytes.
  if (d.instruction_pointer < EBB_HYPERCALL_PAGE + 2 ||
      d.instruction_pointer >= EBB_HYPERCALL_PAGE + EBB_HYPERCALL_PAGE_SIZE)
    return false;
  const auto& a = d.args;
  switch (d.nr) {
    case SYS_write:
      return a[0] == 0 && a[2] == 8;
    case SYS_futex:
      return Inside(a[0], a[1], EBB_RINGS, EBB_RINGS + EBB_MAX_CORES * EBB_RING_STRIDE) && a[1] == 0;
    case SYS_mprotect:
      if (Inside(a[0], a[1], EBB_EXE_BASE, EBB_EXE_END)) return (a[2] & ~5ull) == 0;
      return InMappings(a[0], a[1]) && a[2] <= 7;
    case SYS_mmap:
      return InMappings(a[0], a[1]) && a[2] <= 7 && a[3] == 0x4032;
    case SYS_munmap:
      return InMappings(a[0], a[1]);
    case SYS_madvise:
      return InMappings(a[0], a[1]) && (a[2] == 4 || a[2] == 14);
    case SYS_setitimer:
      return a[0] == 0 && a[2] == 0;
    case SYS_getrandom:
      return a[1] <= 256 && a[2] == 0;
    case SYS_rt_sigreturn:
    case SYS_restart_syscall:
    case SYS_exit_group:
      return true;
    default:
      return false;
  }
}

constexpr uint64_t kPage = EBB_HYPERCALL_PAGE;

uint32_t Guest(int nr, std::array<uint64_t, 6> args, uint64_t ip = kPage + 0x100, uint32_t arch = AUDIT_ARCH_X86_64) {
  seccomp_data data{nr, arch, ip, {}};
  std::copy(args.begin(), args.end(), std::begin(data.args));
  return RunFilter(kGuestFilter.program, data);
}

TEST(GuestFilter, AllowsWhatTheHypercallPageDoes) {
  EXPECT_EQ(Guest(SYS_write, {0, 0x1234, 8}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Guest(SYS_futex, {EBB_RINGS + 192, 0, 5}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Guest(SYS_mprotect, {EBB_EXE_BASE, EBB_EXE_END - EBB_EXE_BASE, 5}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Guest(SYS_mprotect, {EBB_HEAP_BASE, EBB_ARENA_END - EBB_HEAP_BASE, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Guest(SYS_mmap, {EBB_ARENA_BASE, 4096, 3, 0x4032, ~0ull, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Guest(SYS_munmap, {EBB_ARENA_END - 4096, 4096}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Guest(SYS_madvise, {0x1ffffff000, 4096, 4}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Guest(SYS_setitimer, {0, 1, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Guest(SYS_getrandom, {1, 256, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Guest(SYS_rt_sigreturn, {}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Guest(SYS_exit_group, {}), SECCOMP_RET_ALLOW);
}

TEST(GuestFilter, ServesOtherCodeByTrap) {
  EXPECT_EQ(Guest(SYS_write, {0, 0, 8}, kPage - 1), SECCOMP_RET_TRAP);
  EXPECT_EQ(Guest(SYS_write, {0, 0, 8}, kPage), SECCOMP_RET_TRAP);  // behind the last instruction of the LibOS
  EXPECT_EQ(Guest(SYS_write, {0, 0, 8}, kPage + 1), SECCOMP_RET_TRAP);
  EXPECT_EQ(Guest(SYS_write, {0, 0, 8}, kPage + 0x1000), SECCOMP_RET_TRAP);
  EXPECT_EQ(Guest(SYS_write, {0, 0, 8}, kPage + 0x100000000), SECCOMP_RET_TRAP);
  EXPECT_EQ(Guest(SYS_write, {0, 0, 8}, 0xffffffffff600000), SECCOMP_RET_TRAP);
  EXPECT_EQ(Guest(SYS_rt_sigreturn, {}, EBB_EXE_BASE), SECCOMP_RET_TRAP);
  EXPECT_EQ(Guest(SYS_openat, {}), SECCOMP_RET_TRAP);
}

TEST(GuestFilter, KillsOtherArchitectures) {
  EXPECT_EQ(Guest(SYS_write, {0, 0, 8}, kPage + 2, AUDIT_ARCH_I386), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Guest(SYS_write | 0x40000000, {0, 0, 8}, kPage + 2), SECCOMP_RET_KILL_PROCESS);
}

TEST(GuestFilter, AllowsNothingHarmful) {
  std::mt19937_64 random(7);
  const uint64_t edges[] = {0,
                            1,
                            4,
                            7,
                            8,
                            14,
                            16,
                            256,
                            257,
                            4096,
                            8192,
                            EBB_EXE_BASE,
                            EBB_EXE_END,
                            EBB_KERNEL_BASE,
                            EBB_HYPERCALL_PAGE,
                            EBB_BOOT_INFO,
                            EBB_CLOCK,
                            EBB_RINGS,
                            EBB_DATA,
                            EBB_FS_BASE,
                            EBB_FS_END,
                            EBB_HEAP_BASE,
                            EBB_HEAP_END,
                            EBB_ARENA_END,
                            EBB_ARENA_END - EBB_HEAP_BASE,
                            EBB_EXE_END - EBB_EXE_BASE,
                            0x4032,
                            0x100000000,
                            0x7ffffffff000,
                            0x8000000000000000,
                            ~0ull};
  const auto value = [&]() -> uint64_t {
    const uint64_t edge = edges[random() % std::size(edges)];
    switch (random() % 6) {
      case 0:
        return edge + random() % 3 - 1;
      case 1:
        return edge + (random() % 3 - 1) * 4096;
      case 2:
        return 0 - edge;
      case 3:
        return edge + (1ull << (random() % 64));
      case 4:
        return random() >> (random() % 64);
      default:
        return edge;
    }
  };
  const int known[] = {SYS_write,     SYS_futex,     SYS_mprotect,     SYS_mmap,       SYS_munmap,         SYS_madvise,
                       SYS_setitimer, SYS_getrandom, SYS_rt_sigreturn, SYS_exit_group, SYS_restart_syscall};
  int allowed = 0;
  std::set<int> allowed_numbers;
  for (int i = 0; i < 3000000; ++i) {
    seccomp_data data{};
    data.arch = random() % 50 == 0 ? static_cast<uint32_t>(random()) : AUDIT_ARCH_X86_64;
    data.nr = random() % 4 == 0 ? static_cast<int>(random() % 512) : known[random() % std::size(known)];
    data.instruction_pointer = random() % 8 == 0 ? value() : kPage + 2 + random() % 4094;
    for (auto& argument : data.args) argument = value();
    const bool pass = RunFilter(kGuestFilter.program, data) == SECCOMP_RET_ALLOW;
    // Both ways: what the rules allow is needed, what they do not is harmful.
    ASSERT_EQ(pass, Harmless(data)) << data.nr << std::hex << " ip " << data.instruction_pointer << " args "
                                    << data.args[0] << " " << data.args[1] << " " << data.args[2] << " "
                                    << data.args[3];
    if (!pass) continue;
    // A clone has the zygote's filter, too: it must take nothing away, or clones were other guests than those that
    // boot.
    ASSERT_EQ(RunFilter(kZygoteFilter.program, data), SECCOMP_RET_ALLOW) << data.nr;
    ++allowed;
    allowed_numbers.insert(data.nr);
  }
  // The generator reaches every rule.
  EXPECT_GT(allowed, 1000);
  EXPECT_GE(allowed_numbers.size(), 9u);
}

TEST(TenderFilters, DenyByKillingAndNeverMakeCodeExecutable) {
  for (const Filter* filter : {&kBrokerFilter, &kKvmFilter}) {
    const auto run = [&](int nr, uint64_t a0 = 0, uint64_t a1 = 0, uint64_t a2 = 0, uint64_t a3 = 0) {
      return RunFilter(filter->program, seccomp_data{nr, AUDIT_ARCH_X86_64, 0, {a0, a1, a2, a3, 0, 0}});
    };
    EXPECT_EQ(run(SYS_epoll_wait), SECCOMP_RET_ALLOW);
    EXPECT_EQ(run(SYS_mmap, 0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS), SECCOMP_RET_ALLOW);
    for (const int nr : {SYS_execve, SYS_execveat, SYS_fork, SYS_vfork, SYS_clone, SYS_clone3, SYS_open, SYS_openat,
                         SYS_openat2, SYS_ptrace, SYS_bpf, SYS_io_uring_setup, SYS_init_module, SYS_mount, SYS_setuid,
                         SYS_process_vm_writev, SYS_kill, SYS_listen, SYS_bind}) {
      EXPECT_EQ(run(nr), SECCOMP_RET_KILL_PROCESS) << nr;
    }
    EXPECT_EQ(run(SYS_mmap, 0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(run(SYS_mmap, 0, 4096, 3, MAP_PRIVATE), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(run(SYS_mmap, 0, 4096, 3, MAP_SHARED), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(run(SYS_socket, 2, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC), SECCOMP_RET_ALLOW);
    EXPECT_EQ(run(SYS_socket, 2, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC), SECCOMP_RET_ALLOW);
    EXPECT_EQ(run(SYS_socket, 2, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC), SECCOMP_RET_KILL_PROCESS);
    // Protocols that the kernel would load a module for.
    EXPECT_EQ(run(SYS_socket, 2, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 132), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(run(SYS_setsockopt, 5, SOL_SOCKET, SO_LINGER), SECCOMP_RET_ALLOW);
    EXPECT_EQ(run(SYS_setsockopt, 5, SOL_SOCKET, SO_ATTACH_FILTER), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(run(SYS_futex, 0, 128 /* WAIT | PRIVATE */), SECCOMP_RET_ALLOW);
    EXPECT_EQ(run(SYS_futex, 0, 3 /* REQUEUE */), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(run(SYS_futex, 0, 6 /* LOCK_PI */), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(run(SYS_mprotect, 0, 4096, 5), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(run(SYS_socket, 1), SECCOMP_RET_KILL_PROCESS);   // AF_UNIX
    EXPECT_EQ(run(SYS_socket, 16), SECCOMP_RET_KILL_PROCESS);  // AF_NETLINK
  }
}

constexpr const Filter* kAllFilters[] = {&kGuestFilter, &kZygoteFilter, &kBrokerFilter, &kKvmFilter};

// A value at or near an edge of what the rules say of a field, or any.
uint64_t EdgeValue(const std::vector<FilterRule>& rules, size_t field, std::mt19937_64& random) {
  for (int tries = 0; tries < 8; ++tries) {
    const auto& condition = rules[random() % rules.size()].conditions[field];
    if (!condition) continue;
    const FieldRange& range = condition->ranges[random() % condition->ranges.size()];
    const uint64_t edge = random() % 2 == 0 ? range.first : range.last;
    return random() % 2 == 0 ? edge : edge + random() % 3 - 1 + (random() % 4 == 0 ? 1ull << 32 : 0);
  }
  return random() >> (random() % 64);
}

// The rules that are reviewed are those of the program that runs: every call is judged by exactly one rule, as the
// program itself judges it.
TEST(FilterRules, SayWhatTheProgramDoes) {
  std::mt19937_64 random(11);
  for (const Filter* filter : kAllFilters) {
    const auto rules = RulesOf(filter->program);
    ASSERT_TRUE(rules) << filter->name;
    std::set<const FilterRule*> used;
    for (int i = 0; i < 400000; ++i) {
      seccomp_data call{};
      call.nr = static_cast<int>(random() % 3 == 0 ? random() % 600 : EdgeValue(*rules, 0, random));
      call.arch = random() % 20 == 0 ? static_cast<uint32_t>(EdgeValue(*rules, 1, random)) : AUDIT_ARCH_X86_64;
      call.instruction_pointer = EdgeValue(*rules, 2, random);
      for (size_t argument = 0; argument < 6; ++argument) call.args[argument] = EdgeValue(*rules, 3 + argument, random);
      const uint32_t action = RunFilter(filter->program, call);
      int matches = 0;
      for (const FilterRule& rule : *rules) {
        if (!Matches(rule, call)) continue;
        ++matches;
        used.insert(&rule);
        ASSERT_EQ(rule.action, action) << filter->name << " " << call.nr;
      }
      ASSERT_EQ(matches, 1) << filter->name << " " << call.nr;
    }
    for (const FilterRule& rule : *rules) {
      if (rule.action == SECCOMP_RET_ALLOW) {
        EXPECT_TRUE(used.contains(&rule)) << filter->name << " no call reached a rule of it";
      }
    }
  }
}

// Every number (also x32 and negative ones) on every architecture, whatever the arguments: only x86-64 is ever allowed,
// and only what the reviewed rules name.
TEST(FilterRules, NoNumberBeyondThoseNamedIsAllowed) {
  const uint64_t values[] = {0, 1, 2, 4, 8, EBB_EXE_BASE, EBB_RINGS, EBB_HEAP_BASE, 0x4032, 0x80801, 0xae80, ~0ull};
  for (const Filter* filter : kAllFilters) {
    std::set<uint32_t> named;
    for (const auto& [number, name] : filter->names) named.insert(static_cast<uint32_t>(number));
    for (const uint32_t arch :
         {uint32_t{AUDIT_ARCH_X86_64}, uint32_t{AUDIT_ARCH_I386}, uint32_t{AUDIT_ARCH_ARM}, 0u, ~0u}) {
      for (int64_t number = -1024; number < 2048; ++number) {
        for (const uint32_t bits : {0u, 0x40000000u, 0x80000000u}) {
          for (const uint64_t value : values) {
            seccomp_data call{static_cast<int>(static_cast<uint32_t>(number) ^ bits), arch, kPage + 0x100, {}};
            for (auto& argument : call.args) argument = value;
            if (RunFilter(filter->program, call) != SECCOMP_RET_ALLOW) continue;
            ASSERT_EQ(arch, uint32_t{AUDIT_ARCH_X86_64});
            ASSERT_TRUE(named.contains(static_cast<uint32_t>(call.nr))) << filter->name << " " << call.nr;
          }
        }
      }
    }
  }
}

// A change of what a filter allows is a change of this file, and so visible to whoever reviews it.
TEST(FilterRules, AreThoseReviewed) {
  std::ifstream file(EBB_TENDER_SOURCE "/seccomp/reviewed.txt");
  const std::string reviewed(std::istreambuf_iterator<char>(file), {});
  std::string found;
  for (const Filter* filter : kAllFilters) found += DescribeRules(*filter);
  EXPECT_EQ(found, reviewed) << "ebbtender filters > libos-node/tender/seccomp/reviewed.txt, and review the difference";
}

TEST(FilterRules, AProgramThatIsNotUnderstoodHasNone) {
  const sock_filter unknown[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
                                 {BPF_ALU | BPF_XOR | BPF_K, 0, 0, 1},
                                 {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 1},
                                 {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
                                 {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS}};
  EXPECT_FALSE(RulesOf(unknown));
  const sock_filter endless[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0}};
  EXPECT_FALSE(RulesOf(endless));
}

TEST(Filters, DumpIsReadable) {
  const std::string text = DumpFilter(kGuestFilter);
  EXPECT_NE(text.find("allow futex arg1 == 0"), std::string::npos);
  EXPECT_NE(text.find("instructions: code jt jf k"), std::string::npos);
}

}  // namespace
}  // namespace ebb::tender
