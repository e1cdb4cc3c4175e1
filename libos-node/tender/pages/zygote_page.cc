// The zygote's code, linked at kZygotePage: a process that holds a template's memory, never ran a tenant's code, and
// forks whenever it is asked to. Freestanding, like process_page.cc.
//
// Invariant: the child has everything of its own VM and nothing else before its first instruction: the rings, data
// area, clock and boot info that came with the request, descriptor 0 (the doorbell) and no other, the limits and the
// filter of a guest that booted. Any step that fails ends the child.
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/ebb_abi.h"
#include "tender/pages/host_call.h"
#include "tender/pages/page_layout.h"
#include "tender/pages/ring_tail.h"

namespace ebb::tender {
namespace {

constexpr int kControl = 0;
constexpr uint64_t kClonePidfd = 0x1000, kCloneParent = 0x8000;
constexpr int kSolSocket = 1, kScmRights = 1;
constexpr int kMsgNoSignal = 0x4000;

// As the kernel has them (struct msghdr, cmsghdr, iovec).
struct Iovec {
  void* base;
  size_t size;
};
struct Message {
  void* name;
  int name_size;
  Iovec* vectors;
  size_t vector_count;
  void* control;
  size_t control_size;
  unsigned flags;
};
template <int kCount>
struct Rights {
  size_t size = sizeof(size_t) + 2 * sizeof(int) + kCount * sizeof(int);
  int level = kSolSocket;
  int type = kScmRights;
  int fds[kCount + kCount % 2];
};

uint64_t Address(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

[[noreturn]] void Leave(uint64_t status) {
  for (;;) Call(__NR_exit_group, status);
}

void Check(long result) {
  if (result < 0) Leave(1);
}

void MapShared(uint64_t address, uint64_t size, uint64_t prot, int fd, uint64_t offset) {
  Check(Call(__NR_mmap, address, size, prot, MAP_SHARED | MAP_FIXED, static_cast<uint64_t>(fd), offset));
}

RingTail* Tail() { return reinterpret_cast<RingTail*>(EBB_RINGS + kRingTailOffset); }
uint32_t* Readable() { return &Tail()->readable; }

// One clone begins on a VM's memory. A request may come late, when the server has given up on it and asked another
// zygote.
void Begin(uint64_t turn) {
  auto expected = static_cast<uint32_t>(turn);
  if (!__atomic_compare_exchange_n(&Tail()->turn, &expected, kBegun, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    Leave(0);
}

// The server may open this process's memory, to read it when the guest parks. Only until Close: a process that runs a
// guest must not be open to its siblings.
void Open() {
  constexpr uint64_t kFutexWake = 1;
  Check(Call(__NR_prctl, PR_SET_DUMPABLE, 1));
  __atomic_store_n(Readable(), kMayBeRead, __ATOMIC_SEQ_CST);
  Call(__NR_futex, Address(Readable()), kFutexWake, 1);
}

void Close() {
  constexpr uint64_t kFutexWait = 0;
  while (__atomic_load_n(Readable(), __ATOMIC_ACQUIRE) == kMayBeRead)
    Call(__NR_futex, Address(Readable()), kFutexWait, kMayBeRead, 0);
  Check(Call(__NR_prctl, PR_SET_DUMPABLE, 0));
  __atomic_store_n(Readable(), 0u, __ATOMIC_RELEASE);
}

void Follow(const PlanStep* steps, uint64_t count) {
  const auto* page = reinterpret_cast<const PageHeader*>(EBB_HYPERCALL_PAGE);
  for (uint64_t i = 0; i < count; ++i) {
    const PlanStep& step = steps[i];
    Check(reinterpret_cast<long (*)(uint64_t, uint64_t, uint64_t)>(page->hypercalls[step.hypercall])(
        step.address, step.size, step.prot));
  }
}

void FollowPlan(uint64_t size, int file, int plan_fd) {
  constexpr uint64_t kMostParts = 1024;  // IOV_MAX
  MapShared(kPlanBase, size, PROT_READ, plan_fd, 0);
  const auto* plan = reinterpret_cast<const PlanHeader*>(kPlanBase);
  const PlanPart* parts = plan->parts();
  Follow(plan->before(), plan->before_count);
  uint64_t offset = plan->pages_offset;
  for (uint64_t done = 0; done < plan->part_count;) {
    uint64_t count = plan->part_count - done, bytes = 0;
    if (count > kMostParts) count = kMostParts;
    for (uint64_t i = 0; i < count; ++i) bytes += parts[done + i].size;
    const long read = Call(__NR_preadv, static_cast<uint64_t>(file), Address(parts + done), count, offset, 0);
    if (read < 0 || static_cast<uint64_t>(read) != bytes) Leave(1);
    offset += bytes;
    done += count;
  }
  Follow(plan->after(), plan->after_count);
  Check(Call(__NR_munmap, kPlanBase, size));
}

void Limit(int resource, uint64_t value) {
  const uint64_t limit[2] = {value, value};
  Check(Call(__NR_setrlimit, static_cast<uint64_t>(resource), Address(limit)));
}

[[noreturn]] void RunClone(const ZygoteRequest& request, const int (&fds)[4]) {
  const int shared_fd = fds[0];
  // The zygote is the clones' parent. It cannot have died before this line without the whole pid namespace, and where
  // there is none its own parent ends the clone by its pidfd.
  Check(Call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL));
  MapShared(EBB_RINGS, request.rings_size, PROT_READ | PROT_WRITE, shared_fd, 0);
  Begin(request.turn);
  if (request.readable != 0) Open();
  MapShared(EBB_DATA, EBB_DATA_SIZE, PROT_READ | PROT_WRITE, shared_fd, request.data_offset);
  MapShared(EBB_CLOCK, EBB_CLOCK_SIZE, PROT_READ, shared_fd, request.clock_offset);
  MapShared(EBB_BOOT_INFO, request.boot_info_size, PROT_READ, shared_fd, request.boot_info_offset);
  if (request.plan_size != 0) FollowPlan(request.plan_size, fds[2], fds[3]);
  if (request.readable != 0) Close();
  Check(Call(__NR_dup2, static_cast<uint64_t>(fds[1]), 0));
  Check(Call(__NR_close_range, 1, ~0u, 0));
  const uint64_t defaults[4] = {};
  Check(Call(__NR_rt_sigaction, SIGCHLD, Address(defaults), 0, 8));
  Limit(RLIMIT_NPROC, 0);
  Limit(RLIMIT_NOFILE, 1);
  Limit(RLIMIT_AS, reinterpret_cast<const PageParams*>(EBB_HYPERCALL_PAGE + kPageParamsOffset)->clone_address_space);
  const auto* page = reinterpret_cast<const PageHeader*>(EBB_HYPERCALL_PAGE);
  reinterpret_cast<void (*)(uint64_t, const ResumeRegisters*)>(page->resume)(request.generation, &request.registers);
  Leave(1);
}

// A zygote of a function: the template's child, whose own clones are nevertheless the template's.
void BecomeZygote(const ZygoteRequest& request, const int (&fds)[4]) {
  Check(Call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL));
  FollowPlan(request.plan_size, fds[2], fds[3]);
  Check(Call(__NR_dup2, static_cast<uint64_t>(fds[0]), kControl));
  Check(Call(__NR_close_range, 1, ~0u, 0));
}

void Answer(long result, int pidfd) {
  ZygoteReply reply = {result};
  Iovec vector = {&reply, sizeof reply};
  Rights<1> rights;
  rights.fds[0] = pidfd;
  Message message = {};
  message.vectors = &vector;
  message.vector_count = 1;
  if (result > 0) {
    message.control = &rights;
    message.control_size = sizeof rights;
  }
  Call(__NR_sendmsg, kControl, Address(&message), kMsgNoSignal);
}

}  // namespace

extern "C" [[noreturn]] __attribute__((section(".page_header"), used)) void ZygoteMain() {
  uint64_t clone_flags = kClonePidfd | SIGCHLD;
  for (;;) {
    ZygoteRequest request;
    Iovec vector = {&request, sizeof request};
    Rights<4> rights;
    for (int& fd : rights.fds) fd = -1;
    Message message = {};
    message.vectors = &vector;
    message.vector_count = 1;
    message.control = &rights;
    message.control_size = sizeof rights;
    const long size = Call(__NR_recvmsg, kControl, Address(&message), 0);
    if (size == -4) continue;                                           // EINTR
    if (size != sizeof request || message.control_size == 0) Leave(0);  // the server is gone
    int pidfd = -1;
    const long pid = Call(__NR_clone, clone_flags, 0, Address(&pidfd));
    if (pid == 0 && request.becomes != 0) {
      BecomeZygote(request, rights.fds);
      clone_flags |= kCloneParent;
      continue;
    }
    if (pid == 0) RunClone(request, rights.fds);
    Answer(pid, pidfd);
    if (pidfd >= 0) Call(__NR_close, static_cast<uint64_t>(pidfd));
    for (const int fd : rights.fds) {
      if (fd >= 0) Call(__NR_close, static_cast<uint64_t>(fd));
    }
  }
}

}  // namespace ebb::tender
