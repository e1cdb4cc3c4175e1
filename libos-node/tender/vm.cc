// A VM: image, shared memory, broker, backend and report channel put together, and the parent's requests answered.
//
// Order of a start: signals and channel, image, shared memory, backend (the guest is built; in the process tender its
// child runs already), broker, confinement, guest. Order of an end: guest gone, broker gone (its socket unlinked), then
// the EXIT frame: whoever reads it finds nothing left.
#include "tender/vm.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>

#include "tender/backend.h"
#include "tender/broker/host_network.h"
#include "tender/channel.h"
#include "tender/cpu_share.h"
#include "tender/crash_dump.h"
#include "tender/function_snapshot.h"
#include "tender/guest_handover.h"
#include "tender/keep_only.h"
#include "tender/landlock.h"

namespace ebb::tender {
namespace {

constexpr const char* kCounterNames[] = {"syscalls", "syscallsTrapped", "syscallsUnknown", "enters",
                                         "waits",    "protects",        "discards",        "ticks",
                                         "switches", "faults",          "committed"};
static_assert(std::size(kCounterNames) == EBB_COUNT_COMMITTED + 1);

uint64_t MonotonicNs() { return ReadClocks().monotonic_ns; }

class Vm final : public ParentRequests {
 public:
  explicit Vm(const Options& options) : options_(options), first_reading_(ReadClocks()) {}
  Vm(const Options& options, CloneParts& clone) : options_(options), first_reading_(clone.asked), clone_(&clone) {}

  int Run() {
    ExitReport exit = ExitReport::Ended();
    if (auto installed = InstallCrashDump(); !installed) {
      exit = ExitReport::OfError(installed.error());
    } else if (auto opened = OpenChannel(); !opened) {
      exit = ExitReport::OfError(opened.error());
    } else if (auto prepared = clone_ != nullptr ? PrepareClone() : Prepare(); !prepared) {
      exit = ExitReport::OfError(prepared.error());
    } else if (auto withdrawn = Withdraw(); !withdrawn) {
      exit = ExitReport::OfError(withdrawn.error());
    } else {
      crash_facts().phase = Phase::kRun;
      exit = backend_->Run();
    }
    crash_facts().phase = Phase::kEnd;
    if (options_.stats && backend_) std::fprintf(stderr, "%s\n", StatsJson().c_str());
    crash_facts().exits = nullptr;
    backend_.reset();
    if (context_) context_->broker.reset();
    if (exit.reason == ExitReport::Reason::kTender) std::fprintf(stderr, "%s\n", exit.detail.c_str());
    if (report_ && (report_->fd() >= 0 || exit.reason != ExitReport::Reason::kTender)) report_->Exit(exit);
    return exit.ProcessStatus();
  }

  void OnSync(uint64_t token) override {
    context_->broker->Submit(0);
    report_->Synced(token);
  }
  void OnStatsRequest() override { report_->Stats(StatsJson()); }
  void OnEnd() override {
    if (context_) context_->end_requested = true;
  }
  void OnPark(const ParkRequest& request) override {
    context_->on_parked = [this](const ParkedState* state) { report_->Parked(state); };
    backend_->Park(request);
  }
  void OnResume() override { report_->Resumed(backend_->Resume()); }

 private:
  Result<void> OpenChannel() {
    // What the parent happened to leave open is none of a VM's business.
    if (clone_ != nullptr) {
      std::vector<int> kept = {clone_->connection.get(), clone_->handover.get(), clone_->guest.doorbell.get()};
      if (clone_->kvm != nullptr) kept.push_back(clone_->shared.fd());
      const auto& [function, prefault] = clone_->start;
      if (clone_->kvm != nullptr && function != nullptr) kept.insert(kept.end(), {function->file(), function->plan()});
      if (clone_->kvm != nullptr && prefault != nullptr) kept.push_back(prefault->plan());
      KeepOnly(kept);
    } else {
      KeepOnly({options_.report_fd.value_or(STDERR_FILENO)});
    }
    // Blocked from here on and read from a descriptor: no handler, no race with a wait.
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &stops, nullptr) != 0) return ErrnoError(ErrorCode::kSystem, "sigprocmask", errno);
    stop_fd_ = UniqueFd(signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!stop_fd_) return ErrnoError(ErrorCode::kSystem, "signalfd", errno);
    signal(SIGPIPE, SIG_IGN);
    // A parent that is gone has nobody to leave a clean end to; SIGKILL also reaches a tender that is stopped or hangs.
    // The parent may have died before this line: then its channel is closed already, which the broker finds.
    const int parent_death = clone_ != nullptr || options_.report_fd ? SIGKILL : SIGTERM;
    if (prctl(PR_SET_PDEATHSIG, parent_death, 0, 0, 0) != 0) return ErrnoError(ErrorCode::kSystem, "pdeathsig", errno);
    if (clone_ == nullptr && !options_.report_fd) {
      report_ = VmReport::OverStdio(stop_fd_.get());
      return {};
    }
    auto channel = VmReport::OverChannel(
        clone_ != nullptr ? std::move(clone_->connection) : UniqueFd(*options_.report_fd), stop_fd_.get(), *this);
    if (!channel) return channel.error();
    report_ = std::move(*channel);
    return {};
  }

  Result<void> Prepare() {
    if (!options_.cpu_group.empty()) {
      if (auto joined = JoinCpuGroup(options_.cpu_group); !joined) return joined;
    }
    if (options_.nice != 0) LowerPriority(options_.nice);
    auto image = Image::Open(options_.image, ImageCheck::kStamped);
    if (!image) return image.error();
    image_.emplace(std::move(*image));
    auto shared = SharedMemory::Create(1);
    if (!shared) return shared.error();
    shared_.emplace(std::move(*shared));
    crash_facts().core = shared_->core(0);

    BootParameters boot{};
    boot.trace = options_.trace;
    boot.memory_limit = options_.memory_mb << 20;
    boot.options = image_->options();
    boot.environment = options_.environment;
    boot.arguments = options_.arguments;
    context_.reset(new VmContext{.image = *image_,
                                 .shared = *shared_,
                                 .first_reading = first_reading_,
                                 .boot = std::move(boot),
                                 .clock = std::nullopt,
                                 .broker = nullptr,
                                 .parent_fd = report_->fd(),
                                 .stop_fd = stop_fd_.get(),
                                 .nice = options_.nice});
    if (auto chosen = ChooseBackend(); !chosen) return chosen;
    crash_facts().tender = kind_;
    if (auto started = backend_->Start(); !started) return started;
    return StartBroker();
  }

  // What no VM needs once it is built; the backend's own confinement follows.
  Result<void> Withdraw() {
    auto restricted = RestrictFiles(options_.socket_path);
    if (!restricted) return restricted.error();
    landlocked_ = *restricted;
    return {};
  }

  Result<void> PrepareClone() {
    if (auto joined = JoinGroup(0); !joined) return joined;
    if (options_.nice != 0) {
      setsid();  // of its own, for its own priority; the guest has the zygote's
      LowerPriority(options_.nice);
    }
    BootParameters boot{};
    boot.memory_limit = clone_->memory_limit;
    context_.reset(new VmContext{.image = clone_->image,
                                 .shared = clone_->shared,
                                 .first_reading = first_reading_,
                                 .boot = std::move(boot),
                                 .clock = clone_->clock,
                                 .broker = nullptr,
                                 .parent_fd = report_->fd(),
                                 .stop_fd = stop_fd_.get()});
    context_->started_ns = first_reading_.monotonic_ns;
    crash_facts().core = clone_->shared.core(0);
    kind_ = clone_->kvm != nullptr ? "kvm" : "process";
    crash_facts().tender = kind_;
    if (clone_->kvm != nullptr) {
      auto backend = CloneKvmBackend(*context_, *clone_->kvm, clone_->start, clone_->generation);
      if (!backend) return backend.error();
      backend_ = std::move(*backend);
      return StartBroker();
    }
    // The guest is made meanwhile, and runs before it is known here; nothing of a tenant reaches it before Run.
    if (auto started = StartBroker(); !started) return started;
    if (auto taken = TakeOver(clone_->handover.get(), clone_->guest); !taken) return taken;
    clone_->handover.Reset();
    if (auto joined = JoinGroup(clone_->guest.pid); !joined) return joined;
    backend_ = AdoptProcess(*context_, std::move(clone_->guest));
    return backend_->Start();
  }

  Result<void> JoinGroup(pid_t pid) const {
    return options_.cpu_group.empty() ? Result<void>() : JoinCpuGroup(options_.cpu_group, pid);
  }

  Result<void> ChooseBackend() {
    if (options_.tender != TenderChoice::kProcess) {
      auto kvm = CreateKvmBackend(*context_);
      if (kvm) {
        backend_ = std::move(*kvm);
        kind_ = "kvm";
        return {};
      }
      if (options_.tender == TenderChoice::kKvm) return kvm.error();
    }
    auto process = CreateProcessBackend(*context_);
    if (!process) return process.error();
    backend_ = std::move(*process);
    kind_ = "process";
    return {};
  }

  Result<void> StartBroker() {
    BrokerConfig config = clone_ != nullptr ? clone_->network : BrokerConfig{};
    config.unix_path = options_.socket_path;
    config.tcp_port = options_.port;
    config.exposed = options_.expose;
    if (clone_ == nullptr) ReadHostNetwork(config);
    config.egress.gateway_ports = {options_.gateway_ports.begin(), options_.gateway_ports.end()};
    config.egress.allow_private = options_.allow_private;
    config.max_handles = options_.max_sockets;
    config.log_rate = uint64_t{options_.log_rate_mb} << 20;
    SharedMemory& shared = context_->shared;
    auto broker = Broker::Create(config, shared.core(0), 1, shared.data(), *report_);
    if (!broker) return broker.error();
    context_->broker = std::move(*broker);
    if (auto watched = context_->broker->Watch(stop_fd_.get(), [this] { OnEnd(); }); !watched) return watched;
    if (report_->fd() < 0) return {};
    return context_->broker->Watch(report_->fd(), [this] { report_->OnReadable(); });
  }

  std::string StatsJson() const {
    const ebb_core_shared* core = context_->shared.core(0);
    JsonObject counters;
    for (size_t i = 0; i < std::size(kCounterNames); ++i) {
      counters.Number(kCounterNames[i], *const_cast<const volatile uint64_t*>(&core->counters[i]));
    }
    std::string pids;
    for (const pid_t pid : backend_->Pids()) pids += (pids.empty() ? "[" : ",") + std::to_string(pid);
    JsonObject stats;
    stats.Text("tender", kind_)
        .Raw("pids", pids + "]")
        .Number("uptimeMs", (MonotonicNs() - first_reading_.monotonic_ns) / 1000000);
    const auto since_start = [&](uint64_t ns) { return ns == 0 ? 0 : (ns - first_reading_.monotonic_ns) / 1000; };
    stats.Number("startedUs", since_start(context_->started_ns))
        .Number("firstSubmitUs", since_start(context_->first_submit_ns));
    stats.Bool("landlock", landlocked_).Raw("counters", counters.Finish());
    backend_->DescribeStats(stats);
    if (context_->broker) {
      const BrokerStats& broker = context_->broker->stats();
      JsonObject object;
      object.Number("submissions", broker.submissions)
          .Number("completions", broker.completions)
          .Number("rejected", broker.rejected);
      object.Number("denied", broker.denied).Number("accepted", broker.accepted).Number("connected", broker.connected);
      object.Number("bytesSent", broker.bytes_sent)
          .Number("bytesReceived", broker.bytes_received)
          .Number("logRecords", broker.log_records);
      object.Number("heldBack", broker.held_back)
          .Number("handles", broker.handles)
          .Number("tcpPort", context_->broker->tcp_port());
      stats.Raw("broker", object.Finish());
      std::string exposed;
      for (const ExposedPort& port : context_->broker->exposed()) {
        JsonObject entry;
        entry.Number("guestPort", port.guest_port).Text("host", EndpointText(port.host));
        exposed += (exposed.empty() ? "[" : ",") + entry.Finish();
      }
      if (!exposed.empty()) stats.Raw("exposed", exposed + "]");
    }
    return stats.Finish();
  }

  const Options& options_;
  ClockReading first_reading_;
  CloneParts* clone_ = nullptr;
  UniqueFd stop_fd_;
  std::unique_ptr<VmReport> report_;
  std::optional<Image> image_;
  std::optional<SharedMemory> shared_;
  std::unique_ptr<VmContext> context_;
  std::unique_ptr<Backend> backend_;
  const char* kind_ = "";
  bool landlocked_ = false;
};

}  // namespace

int RunVm(const Options& options) {
  // stderr may be the parent's pipe; a program that dies of a tender error says so there once.
  return Vm(options).Run();
}

int RunClone(const Options& options, CloneParts parts) { return Vm(options, parts).Run(); }

}  // namespace ebb::tender
