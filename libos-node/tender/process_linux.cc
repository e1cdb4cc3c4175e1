// The process tender: the guest in a confined child (process_child.cc), the broker in this process.
//
// The child sleeps on a futex in its completion ring and rings an eventfd; this process sleeps in the broker's epoll.
// Invariant: the child never outlives Run, whatever ends it.
#include <linux/capability.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>

#include "tender/backend.h"
#include "tender/cpu.h"
#include "tender/guest_memory.h"
#include "tender/guest_park.h"
#include "tender/process_child.h"
#include "tender/seccomp/filters.h"
#include "tender/table_guard.h"

namespace ebb::tender {
namespace {

// Once, some time after the start, the clock is rebased though nothing happens: the rate measured at the start is good
// to 50 ppm only.
constexpr int64_t kFirstRebaseNs = 150000000;

class ProcessBackend final : public Backend {
 public:
  explicit ProcessBackend(VmContext& context) : context_(context), park_(context.shared) {}
  ProcessBackend(VmContext& context, GuestProcess guest)
      : context_(context),
        park_(context.shared),
        doorbell_(std::move(guest.doorbell)),
        adopted_(true),
        empty_root_(guest.empty_root) {
    child_.pid = guest.pid;
    child_.pidfd = std::move(guest.pidfd);
    child_.isolation = guest.isolation;
  }
  ~ProcessBackend() override { EndChild(); }

  Result<void> Start() override;
  Result<ParkedRegisters> RunToPark(const std::function<bool()>& ready, int64_t timeout_ns) override;
  Result<void> Capture(Snapshot snapshot, const std::string& path) override {
    return CaptureProcess(child_.pid, {}, std::move(snapshot), path);
  }
  ExitReport Run() override;

  void Park(const ParkRequest& request) override {
    park_.Request(request, context_.clock->monotonic_offset(), context_.on_parked);
  }
  bool Resume() override { return park_.Resume(); }

  std::vector<pid_t> Pids() const override { return {getpid(), child_.pid}; }
  void DescribeStats(JsonObject& stats) const override;

 private:
  Result<void> WatchGuest();
  Result<void> Confine();
  void OnDoorbell();
  void WakeGuest();
  void EndChild();
  ExitReport ReportExit();

  VmContext& context_;
  GuestPark park_;
  UniqueFd doorbell_;
  ChildNotes* notes_ = nullptr;
  uint64_t start_secret_ = 0;
  Child child_;
  TableGuard tables_;
  bool tables_exceeded_ = false;
  bool adopted_ = false;  // somebody else's child: its end is seen on the pidfd, its status is not
  bool empty_root_ = false;
  bool reaped_ = false;
  bool child_ended_ = false;
  siginfo_t child_status_{};
  uint32_t woken_tail_ = 0;
};

Result<void> ProcessBackend::Start() {
  if (adopted_) return tables_.Start(child_.pid, context_.boot.memory_limit);
  const auto cpu = ReadCpuState();
  if (!cpu) return cpu.error();
  context_.boot.tender = EBB_TENDER_PROCESS;
  context_.boot.xsave_mask = cpu.value().xsave_mask;
  context_.boot.xsave_size = cpu.value().xsave_size;
  FillHypercalls(ProcessPage(), context_.boot.hypercalls);
  auto boot_info = BuildBootInfo(context_.boot);
  if (!boot_info) return boot_info.error();

  // Non-blocking: a guest that fills the counter must not be able to wait in it.
  doorbell_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!doorbell_) return ErrnoError(ErrorCode::kSystem, "eventfd", errno);
  auto notes = CreateChildNotes();
  if (!notes) return notes.error();
  notes_ = *notes;
  const UniqueFd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!self) return ErrnoError(ErrorCode::kSystem, "pidfd_open", errno);

  context_.clock.emplace(context_.shared.clock(), context_.first_reading, 0);
  context_.clock->Rebase();
  const uint64_t limit = context_.boot.memory_limit;
  if (getrandom(&start_secret_, sizeof start_secret_, 0) != static_cast<ssize_t>(sizeof start_secret_))
    return ErrnoError(ErrorCode::kSystem, "getrandom", errno);
  start_secret_ |= 1;
  const ChildPlan plan{{context_.image, &context_.shared, ProcessPage(), ParamsOf(context_.image, limit), *boot_info,
                        context_.boot.core_count},
                       doorbell_.get(),
                       self.get(),
                       limit,
                       context_.nice,
                       notes_,
                       start_secret_,
                       context_.template_boot};
  auto child = StartChild(plan);
  if (!child) return child.error();
  child_ = std::move(*child);
  if (auto guarded = tables_.Start(child_.pid, limit); !guarded) return guarded;
  context_.started_ns = ReadClocks().monotonic_ns;
  return {};
}

// Signals to a child that is nobody need CAP_KILL; a root that keeps nothing else can still unlink its socket.
Result<void> ProcessBackend::Confine() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct kept[2] = {};
  if (child_.isolation.other_user) kept[0].permitted = kept[0].effective = 1u << CAP_KILL;
  if (syscall(SYS_capset, &header, kept) != 0) return ErrnoError(ErrorCode::kSandbox, "capset", errno);
  return ApplyFilter(kBrokerFilter);
}

Result<void> ProcessBackend::WatchGuest() {
  Broker& broker = *context_.broker;
  if (auto watched = broker.Watch(doorbell_.get(), [this] { OnDoorbell(); }); !watched) return watched;
  return broker.Watch(child_.pidfd.get(), [this] { child_ended_ = true; });
}

Result<ParkedRegisters> ProcessBackend::RunToPark(const std::function<bool()>& ready, int64_t timeout_ns) {
  Broker& broker = *context_.broker;
  if (auto watched = WatchGuest(); !watched) return watched.error();
  const uint64_t deadline = ReadClocks().monotonic_ns + static_cast<uint64_t>(timeout_ns);
  ebb_core_shared* core = context_.shared.core(0);
  RingTail* tail = context_.shared.tail(0);
  constexpr int64_t kAskAgainNs = 1000000;
  while (!child_ended_ && !context_.end_requested && !broker.broken()) {
    if (ReadClocks().monotonic_ns > deadline) return Error{ErrorCode::kParkTimeout, ""};
    const bool parking = ready();
    if (parking) {
      if (std::atomic_ref(tail->parked).load(std::memory_order_acquire) == kGuestParked)
        return ParkedRegisters{tail->park_rip, tail->park_rsp, tail->park_fs_base, tail->park_gs_base};
      std::atomic_ref(core->park_requested).store(1, std::memory_order_seq_cst);
      // The guest may be on its way into the wait, past its look at the word: hence again and again.
      syscall(SYS_futex, &core->cq_tail, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    }
    broker.Poll(kAskAgainNs);
    WakeGuest();
  }
  EndChild();
  broker.Submit(0);
  const ExitReport report = context_.end_requested ? ExitReport::Ended() : ReportExit();
  return Error{ErrorCode::kSystem, "the template ended: " + report.Json()};
}

ExitReport ProcessBackend::Run() {
  Broker& broker = *context_.broker;
  if (auto watched = WatchGuest(); !watched) return ExitReport::OfError(watched.error());
  if (tables_.fd() >= 0) {
    auto watched = broker.Watch(tables_.fd(), [this] { tables_exceeded_ = tables_exceeded_ || tables_.Exceeded(); });
    if (!watched) return ExitReport::OfError(watched.error());
  }
  if (auto confined = Confine(); !confined) return ExitReport::OfError(confined.error());

  broker.Poll(kFirstRebaseNs);
  context_.clock->Rebase();
  WakeGuest();
  while (!context_.end_requested && !child_ended_ && !broker.broken() && !tables_exceeded_) {
    broker.Poll(park_.Step());
    WakeGuest();
  }
  const bool by_itself = child_ended_;
  EndChild();
  broker.Submit(0);  // last words
  broker.Poll(0);
  if (by_itself) return ReportExit();
  if (context_.end_requested) return ExitReport::Ended();
  if (tables_exceeded_)
    return {ExitReport::Reason::kMemory, std::nullopt, std::nullopt,
            "the page tables of the guest's scattered memory took too much"};
  return {ExitReport::Reason::kFault, std::nullopt, std::nullopt, "the guest broke its rings"};
}

void ProcessBackend::OnDoorbell() {
  uint64_t count = 0;
  if (read(doorbell_.get(), &count, sizeof count) < 0) return;  // spurious
  if (context_.first_submit_ns == 0) context_.first_submit_ns = ReadClocks().monotonic_ns;
  context_.broker->Submit(0);
}

void ProcessBackend::WakeGuest() {
  ebb_core_shared* core = context_.shared.core(0);
  const uint32_t tail = std::atomic_ref(core->cq_tail).load(std::memory_order_relaxed);
  if (tail == woken_tail_) return;
  woken_tail_ = tail;
  // Pairs with the guest's: waiting = 1, fence, look at cq_tail.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (std::atomic_ref(core->waiting).load(std::memory_order_relaxed) == 0) return;
  context_.clock->Rebase();
  syscall(SYS_futex, &core->cq_tail, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

void ProcessBackend::EndChild() {
  if (child_.pid < 0 || reaped_) return;
  syscall(SYS_pidfd_send_signal, child_.pidfd.get(), SIGKILL, nullptr, 0);
  reaped_ = true;
  if (adopted_) {
    pollfd ended{child_.pidfd.get(), POLLIN, 0};
    while (poll(&ended, 1, -1) < 0 && errno == EINTR) {
    }
    return;
  }
  while (waitid(P_PID, static_cast<id_t>(child_.pid), &child_status_, WEXITED) != 0) {
    if (errno != EINTR) break;
  }
}

ExitReport ProcessBackend::ReportExit() {
  const RingTail tail = *context_.shared.tail(0);  // one copy: hostile
  if (tail.exited == kGuestExited)
    return ExitReport::OfGuest(tail.exit_kind, tail.exit_code, context_.shared.ReportText());
  std::string failure = notes_ != nullptr ? DescribeChildFailure(notes_) : "";
  if (failure.empty() && start_secret_ != 0 && tail.exited == start_secret_) {
    const char* stage = tail.exit_kind == static_cast<uint64_t>(StartStage::kUnmap) ? "munmap" : "seccomp";
    failure = ErrnoError(ErrorCode::kSandbox, stage, static_cast<int>(tail.exit_code)).detail;
  }
  if (!failure.empty()) return ExitReport::OfError(Error{ErrorCode::kSandbox, failure});
  if (adopted_) {
    // Its status went to the zygote, which does not wait for anybody.
    ExitReport report{ExitReport::Reason::kFault, std::nullopt, std::nullopt,
                      "the guest process died. " + context_.shared.ReportText()};
    report.guest_process = true;
    return report;
  }
  if (child_status_.si_code == CLD_EXITED) {
    return {ExitReport::Reason::kFault, std::nullopt, std::nullopt, "the guest left without an exit hypercall"};
  }
  if (child_status_.si_status == SIGKILL) {
    ExitReport report{ExitReport::Reason::kTender, std::nullopt, SIGKILL,
                      "somebody killed the guest process (out of memory on the host?)"};
    report.guest_process = true;
    return report;
  }
  ExitReport report{ExitReport::Reason::kFault, std::nullopt, child_status_.si_status, context_.shared.ReportText()};
  report.guest_process = true;
  return report;
}

void ProcessBackend::DescribeStats(JsonObject& stats) const {
  const RingTail tail = *context_.shared.tail(0);
  stats.Number("exits", tail.enters_waiting).Number("faults", tail.faults);
  JsonObject sandbox;
  sandbox.Bool("seccomp", true)
      .Bool("namespaces", child_.isolation.namespaces)
      .Bool("userNamespace", child_.isolation.user_namespace);
  sandbox.Bool("otherUser", child_.isolation.other_user)
      .Bool("emptyRoot", notes_ != nullptr ? HasEmptyRoot(notes_) : empty_root_);
  stats.Raw("sandbox", sandbox.Finish());
}

}  // namespace

Result<std::unique_ptr<Backend>> CreateProcessBackend(VmContext& context) {
  return std::unique_ptr<Backend>(std::make_unique<ProcessBackend>(context));
}

std::unique_ptr<Backend> AdoptProcess(VmContext& context, GuestProcess guest) {
  return std::make_unique<ProcessBackend>(context, std::move(guest));
}

}  // namespace ebb::tender
