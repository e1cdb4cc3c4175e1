// Fork, confinement and take-off of the guest process.
#include "tender/process_child.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "tender/cpu_share.h"
#include "tender/pages/commit_map.h"
#include "tender/seccomp/filters.h"
#include "tender/snapshot_file.h"

namespace ebb::tender {

struct ChildNotes {
  volatile int failed;
  volatile int empty_root;
  int error;
  char what[128];
};

namespace {

constexpr uid_t kNobody = 65534;
constexpr uint64_t kUserSpaceEnd = 0x7ffffffff000ull;

// The signals that become upcalls.
constexpr std::array kUpcallSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGALRM};

struct KernelSigaction {
  uint64_t handler;
  uint64_t flags;
  uint64_t restorer;
  uint64_t mask;
};
constexpr uint64_t kSaRestorer = 0x04000000;

class ChildStart {
 public:
  explicit ChildStart(const ChildPlan& plan) : plan_(plan) {}

  [[noreturn]] void Run(const Isolation& isolation) {
    // A session of its own: Ctrl-C at a terminal is the broker's to handle.
    Check(setsid() >= 0, "setsid");
    if (plan_.nice != 0) LowerPriority(plan_.nice);
    if (isolation.namespaces) plan_.notes->empty_root = EnterEmptyRoot() ? 1 : 0;
    Identity(isolation);
    Memory();
    Signals();
    Descriptors();
    Limits();
    LeaveTender();
  }

 private:
  [[noreturn]] void Fail(const char* what, int error) {
    std::strncpy(plan_.notes->what, what, sizeof plan_.notes->what - 1);
    plan_.notes->error = error;
    plan_.notes->failed = 1;
    _exit(1);
  }
  void Check(bool ok, const char* what) {
    if (!ok) Fail(what, errno);
  }
  void Check(const Result<void>& result) {
    if (!result) Fail(result.error().Text().c_str(), 0);
  }

  // A read-only tmpfs that is mounted nowhere: even a hole in the filter would find no file. Best effort, the filter
  // does not depend on it.
  bool EnterEmptyRoot() {
    constexpr unsigned kCreate = 6;                  // FSCONFIG_CMD_CREATE
    constexpr unsigned kAttributes = 1 | 2 | 4 | 8;  // read-only, nosuid, nodev, noexec
    const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tmpfs", 0)));
    if (!context || syscall(SYS_fsconfig, context.get(), kCreate, nullptr, nullptr, 0) != 0) return false;
    const UniqueFd mount(static_cast<int>(syscall(SYS_fsmount, context.get(), 0, kAttributes)));
    return mount && fchdir(mount.get()) == 0 && chroot(".") == 0;
  }

  void Identity(const Isolation& isolation) {
    if (isolation.other_user) {
      Check(setgroups(0, nullptr) == 0, "setgroups");
      Check(setresgid(kNobody, kNobody, kNobody) == 0, "setresgid");
      Check(setresuid(kNobody, kNobody, kNobody) == 0, "setresuid");
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2] = {};
    Check(syscall(SYS_capset, &header, none) == 0, "capset");
    Check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    Check(prctl(PR_SET_DUMPABLE, plan_.readable ? 1 : 0, 0, 0, 0) == 0, "dumpable");
    // After the change of user, which clears it.
    Check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, "pdeathsig");
    pollfd parent{plan_.parent_pidfd, POLLIN, 0};
    if (poll(&parent, 1, 0) != 0) _exit(1);  // the parent died before the line above
    prctl(PR_SET_NAME, plan_.zygote != nullptr ? "ebbzygote" : "ebbguest", 0, 0, 0);
  }

  void Memory() {
    GuestMemory memory(nullptr, true);
    GuestMemoryPlan guest = plan_.memory;
    std::span<const sock_filter> filter = kGuestFilter.program;
    guest.params.filter = PlacedFilter(filter, 0);
    if (plan_.zygote != nullptr) {
      filter = kZygoteFilter.program;
      guest.params.filter = PlacedFilter(filter, 0);
      // Behind the start's secret.
      guest.params.clone_filter = PlacedFilter(kGuestFilter.program, filter.size_bytes() + sizeof(uint64_t));
      guest.params.kernel_entry = kZygotePage;
    }
    FillUnmapRanges(guest.params);
    Check(plan_.zygote != nullptr ? memory.Restore(guest, *plan_.zygote, *plan_.zygote_memory) : memory.Map(guest));
    Check(memory.MapAnonymous(kCommitMapBase, kCommitMapEnd - kCommitMapBase, EBB_PROT_READ | EBB_PROT_WRITE,
                              "commit map"));
    auto* commits = static_cast<CommitMap::State*>(memory.At(kCommitMapBase));
    commits->committed = 0;
    commits->held = static_cast<uint64_t*>(memory.At(kCommitMapBase + EBB_PAGE_SIZE));
    commits->accessible = static_cast<uint64_t*>(memory.At(kCommitMapBase + EBB_PAGE_SIZE + CommitMap::kBitmapSize));
    static_assert(kCommitMapBase + EBB_PAGE_SIZE + 2 * CommitMap::kBitmapSize <= kCommitMapEnd);
    std::memcpy(guest.params.filter.filter, filter.data(), filter.size_bytes());
    std::memcpy(memory.At(StartSecretAddress(guest.params)), &plan_.start_secret, sizeof plan_.start_secret);
    mapped_bytes_ = memory.mapped_bytes();
    if (plan_.zygote == nullptr) return;
    std::memcpy(guest.params.clone_filter.filter, kGuestFilter.program.data(), kGuestFilter.program.size_bytes());
    auto* params =
        reinterpret_cast<PageParams*>(static_cast<uint8_t*>(memory.At(EBB_HYPERCALL_PAGE)) + kPageParamsOffset);
    Check(mprotect(memory.At(EBB_HYPERCALL_PAGE), EBB_PAGE_SIZE, PROT_READ | PROT_WRITE) == 0, "hypercall page");
    params->clone_address_space = AddressSpace();
    Check(mprotect(memory.At(EBB_HYPERCALL_PAGE), EBB_PAGE_SIZE, PROT_READ | PROT_EXEC) == 0, "hypercall page");
    Check(memory.MapAnonymous(kZygotePage, EBB_PAGE_SIZE, EBB_PROT_READ | EBB_PROT_WRITE, "zygote page"));
    std::memcpy(memory.At(kZygotePage), ZygotePage().data(), ZygotePage().size());
    Check(mprotect(memory.At(kZygotePage), EBB_PAGE_SIZE, PROT_READ | PROT_EXEC) == 0, "zygote page");
    CountCommits(*commits);
  }

  // The program lies on the upcall stack, at this offset from its lower end, until the guest runs.
  static sock_fprog PlacedFilter(std::span<const sock_filter> program, uint64_t offset) {
    return {static_cast<unsigned short>(program.size()), reinterpret_cast<sock_filter*>(EBB_UPCALL_STACKS + offset)};
  }

  void CountCommits(CommitMap::State& commits) {
    struct {
      long Map(uint64_t, uint64_t, uint64_t) { return 0; }
      long Protect(uint64_t, uint64_t, uint64_t) { return 0; }
    } nothing;
    for (const SnapshotRun& run : plan_.zygote->snapshot().runs) {
      if (run.address < EBB_HEAP_BASE) continue;
      // Held first, then as accessible as it was.
      for (const uint64_t prot : {uint64_t{EBB_PROT_READ}, run.prot})
        Check(CommitMap::Protect(commits, nothing, plan_.memory_limit, run.address, run.size, prot) == 0,
              "memory limit");
    }
  }

  // Everything beyond the guest's regions goes: the tender, its libraries and stack, the vDSO.
  void FillUnmapRanges(PageParams& params) {
    params.unmap[0][0] = EBB_ARENA_END;
    params.unmap[0][1] = kUserSpaceEnd - EBB_ARENA_END;
    params.unmap[1][1] = 0;
  }

  void Signals() {
    const PageHeader page = ReadPageHeader(plan_.memory.page);
    const stack_t stack{reinterpret_cast<void*>(EBB_UPCALL_STACKS), 0, EBB_UPCALL_STACK_SIZE};
    Check(sigaltstack(&stack, nullptr) == 0, "sigaltstack");
    for (int signal = 1; signal < 65; ++signal) {
      KernelSigaction action{reinterpret_cast<uint64_t>(SIG_DFL), 0, 0, 0};
      for (const int upcall : kUpcallSignals) {
        if (signal == upcall)
          action = {page.signal_handler, SA_SIGINFO | SA_ONSTACK | SA_NODEFER | kSaRestorer, page.signal_restorer, 0};
      }
      // The clones of a zygote leave nothing that it would have to wait for.
      if (signal == SIGCHLD && plan_.zygote != nullptr) action.handler = reinterpret_cast<uint64_t>(SIG_IGN);
      if (signal != SIGKILL && signal != SIGSTOP)
        Check(syscall(SYS_rt_sigaction, signal, &action, nullptr, 8) == 0, "sigaction");
    }
    const uint64_t none = 0;
    Check(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none) == 0, "sigprocmask");
  }

  void Descriptors() {
    Check(dup2(plan_.doorbell_fd, 0) == 0, "doorbell");
    Check(close_range(1, ~0u, 0) == 0, "close_range");
  }

  void Limits() {
    Limit(RLIMIT_CORE, 0);
    Limit(RLIMIT_FSIZE, 0);
    // Those of a zygote's clones are set when they are made.
    if (plan_.zygote == nullptr) {
      Limit(RLIMIT_NPROC, 0);
      Limit(RLIMIT_NOFILE, 1);
    }
    Limit(RLIMIT_MEMLOCK, 0);
    Limit(RLIMIT_MSGQUEUE, 0);
    Limit(RLIMIT_RTPRIO, 0);
    Limit(RLIMIT_NICE, 0);
    // Counts every mapping whatever its protection, and the tender's own are gone when the guest can map.
    Limit(RLIMIT_AS, AddressSpace() + (plan_.zygote != nullptr ? EBB_PAGE_SIZE + kPlanEnd - kPlanBase : 0));
  }
  uint64_t AddressSpace() const { return mapped_bytes_ + plan_.memory_limit; }
  void Limit(__rlimit_resource resource, uint64_t value) {
    const rlimit limit{value, value};
    Check(setrlimit(resource, &limit) == 0, "setrlimit");
  }

  [[noreturn]] void LeaveTender() {
    // The kernel would write to the registered area after it is unmapped.
    if (__rseq_size > 0) {
      auto* area = reinterpret_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
      constexpr unsigned kUnregister = 1;
      bool done = false;
      for (const unsigned size : {32u, __rseq_size})
        done = done || syscall(SYS_rseq, area, size, kUnregister, RSEQ_SIG) == 0;
      Check(done, "rseq");
    }
    const uint64_t start = ReadPageHeader(plan_.memory.page).start;
    __asm__ volatile(
        "mov %0, %%rsp\n\t"
        "xor %%ebp, %%ebp\n\t"
        "push $0\n\t"
        "jmp *%1\n\t" ::"r"(EBB_UPCALL_STACKS + EBB_UPCALL_STACK_SIZE),
        "r"(start)
        : "memory");
    __builtin_unreachable();
  }

  const ChildPlan& plan_;
  uint64_t mapped_bytes_ = 0;
};

// fork() with namespaces. 0 in the child.
Result<pid_t> Clone(uint64_t namespaces, UniqueFd& pidfd) {
  int fd = -1;
  clone_args arguments{};
  arguments.flags = namespaces | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&fd);
  arguments.exit_signal = SIGCHLD;
  const long result = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (result < 0) return ErrnoError(ErrorCode::kSystem, "clone3", errno);
  if (result > 0) pidfd = UniqueFd(fd);
  return static_cast<pid_t>(result);
}

// Root may lack the right to become somebody else, in a container for example.
bool MayBecomeNobody() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct held[2] = {};
  constexpr uint32_t kNeeded = 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_KILL;
  return geteuid() == 0 && syscall(SYS_capget, &header, held) == 0 && (held[0].effective & kNeeded) == kNeeded;
}

}  // namespace

Result<ChildNotes*> CreateChildNotes() {
  void* page = mmap(nullptr, EBB_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return ErrnoError(ErrorCode::kMemory, "mmap", errno);
  return static_cast<ChildNotes*>(page);
}

std::string DescribeChildFailure(const ChildNotes* notes) {
  if (notes->failed == 0) return {};
  const std::string what(notes->what, strnlen(notes->what, sizeof notes->what));
  return notes->error == 0 ? what : ErrnoError(ErrorCode::kSandbox, what, notes->error).detail;
}

bool HasEmptyRoot(const ChildNotes* notes) { return notes->empty_root != 0; }

Result<Child> StartChild(const ChildPlan& plan) {
  constexpr uint64_t kNamespaces =
      CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  const bool nobody = MayBecomeNobody();
  // Best first. Root needs no user namespace and is better off as nobody.
  const std::array<std::pair<uint64_t, Isolation>, 3> attempts = {{
      {kNamespaces | (nobody ? 0 : CLONE_NEWUSER),
       {.user_namespace = !nobody, .namespaces = true, .other_user = nobody}},
      {kNamespaces | CLONE_NEWUSER, {.user_namespace = true, .namespaces = true, .other_user = false}},
      {0, {.user_namespace = false, .namespaces = false, .other_user = nobody}},
  }};
  std::optional<Error> last;
  for (const auto& [flags, isolation] : attempts) {
    Child child;
    const Result<pid_t> pid = Clone(flags, child.pidfd);
    if (!pid) {
      last = pid.error();
      continue;
    }
    if (pid.value() == 0) ChildStart(plan).Run(isolation);
    child.pid = pid.value();
    child.isolation = isolation;
    return child;
  }
  return *last;
}

}  // namespace ebb::tender
