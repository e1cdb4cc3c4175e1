// The server: template, zygote, connections, and the processes of the clones.
#include "tender/serve.h"
#include "tender/fd_message.h"
#include "tender/guest_handover.h"
#include "tender/keep_only.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <vector>

#include "tender/channel.h"
#include "tender/function_capture.h"
#include "tender/function_snapshot.h"
#include "tender/function_zygotes.h"
#include "tender/kvm_template.h"
#include "tender/snapshot_file.h"
#include "tender/template_boot.h"
#include "tender/vm.h"
#include "tender/zygote.h"

namespace ebb::tender {
namespace {

// Of a CLONE frame: paths and ports.
constexpr size_t kMaxRequest = 16384;
constexpr size_t kMaxWords = 16384;
constexpr uint64_t kEndTimeoutNs = 1'000'000'000;

class Server final : public ParentRequests {
 public:
  explicit Server(const Options& options) : options_(options), first_reading_(ReadClocks()) {}

  int Run() {
    ExitReport exit = ExitReport::Ended();
    if (auto started = Start(); !started) {
      exit = ExitReport::OfError(started.error());
      std::fprintf(stderr, "%s\n", started.error().Text().c_str());
    } else {
      report_->Ready();
      exit = Loop();
    }
    if (listener_) unlink(options_.listen_path.c_str());
    EndClones();
    if (report_) report_->Exit(exit);
    return exit.ProcessStatus();
  }

  void OnSync(uint64_t token) override { report_->Synced(token); }
  void OnStatsRequest() override {
    JsonObject stats;
    const std::string zygote = zygote_ ? "," + std::to_string(zygote_->pid()) : "";
    stats.Raw("pids", "[" + std::to_string(getpid()) + zygote + "]")
        .Number("clones", generation_)
        .Number("running", brokers_.size())
        .Number("functionZygotes", function_zygotes_.size())
        .Bool("booted", booted_)
        .Text("why", why_);
    report_->Stats(stats.Finish());
  }
  void OnEnd() override { end_requested_ = true; }
  // Of a VM, not of a server.
  void OnPark(const ParkRequest&) override { end_requested_ = true; }
  void OnResume() override { end_requested_ = true; }

 private:
  struct Waiting {
    UniqueFd fd;
    std::vector<char> bytes;
  };
  // A VM: what outlives its broker.
  struct Running {
    UniqueFd guest;
    pid_t guest_pid;
    std::string id;
    std::optional<GuestAccess> access;
    UniqueFd connection;  // of whoever asked: its end is seen when the VM's processes are gone
    UniqueFd words;       // the broker's stderr
    Parent parent = Parent::kTemplate;
  };

  Result<void> Start() {
    KeepOnly({*options_.report_fd});
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
    sigset_t with_children = signals;
    sigaddset(&with_children, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &with_children, nullptr) != 0)
      return ErrnoError(ErrorCode::kSystem, "sigprocmask", errno);
    stop_fd_ = UniqueFd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    child_fd_ = UniqueFd(signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!stop_fd_ || !child_fd_) return ErrnoError(ErrorCode::kSystem, "signalfd", errno);
    signal(SIGPIPE, SIG_IGN);
    // Each VM costs this process three descriptors.
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
      files.rlim_cur = files.rlim_max;
      setrlimit(RLIMIT_NOFILE, &files);
    }
    if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0) return ErrnoError(ErrorCode::kSystem, "pdeathsig", errno);
    auto channel = VmReport::OverChannel(UniqueFd(*options_.report_fd), stop_fd_.get(), *this);
    if (!channel) return channel.error();
    report_ = std::move(*channel);

    auto image = Image::Open(options_.image, ImageCheck::kStamped);
    if (!image) return image.error();
    image_.emplace(std::move(*image));
    if (auto loaded = LoadTemplate(); !loaded) return loaded;
    return Listen();
  }

  Result<void> LoadTemplate() {
    const auto binding = BindingOf(*image_, options_.memory_mb << 20);
    if (!binding) return binding.error();
    auto expected = TemplateBootInfo(options_, *image_);
    if (!expected) return expected.error();
    boot_info_ = std::move(*expected);
    auto kept = OpenTemplate(binding.value());
    if (kept) return Restore(std::move(*kept));
    why_ = kept.error().Text();
    booted_ = true;
    if (auto booted = BootInChild(binding.value()); !booted) return booted;
    auto made = OpenTemplate(binding.value());
    return made ? Restore(std::move(*made)) : made.error();
  }

  Result<void> Restore(SnapshotFile file) {
    template_.emplace(std::move(file));
    if (IsKvm()) {
      auto laid_out = KvmTemplate::Create(*image_, *template_, boot_info_, options_.memory_mb << 20);
      if (!laid_out) return laid_out.error();
      kvm_.emplace(std::move(*laid_out));
      return {};
    }
    auto zygote = Zygote::Start(*image_, *template_, options_.memory_mb << 20, options_.nice);
    if (!zygote) return zygote.error();
    zygote_.emplace(std::move(*zygote));
    return {};
  }

  Result<SnapshotFile> OpenTemplate(const SnapshotBinding& binding) {
    auto file = SnapshotFile::Open(options_.snapshot_path, binding);
    if (!file) return file;
    // The addresses of the hypercalls are the tender's to choose; the guest reads them anew.
    const auto same = [&](const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
      constexpr size_t kFrom = offsetof(ebb_boot_info, hypercalls), kTo = offsetof(ebb_boot_info, memory_limit);
      return a.size() == b.size() && std::memcmp(a.data(), b.data(), kFrom) == 0 &&
             std::memcmp(a.data() + kTo, b.data() + kTo, a.size() - kTo) == 0;
    };
    if (file.value().snapshot().cores.size() != 1 || !same(file.value().snapshot().boot_info, boot_info_))
      return Error{ErrorCode::kSnapshotStale, "another environment"};
    return file;
  }

  // In a process of its own: this one stays small and free of a guest's traces.
  Result<void> BootInChild(const SnapshotBinding& binding) {
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) return ErrnoError(ErrorCode::kSystem, "pipe", errno);
    const UniqueFd reader(pipe_fds[0]);
    UniqueFd writer(pipe_fds[1]);
    const pid_t pid = fork();
    if (pid < 0) return ErrnoError(ErrorCode::kSystem, "fork", errno);
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      const auto booted = BootTemplate(options_, *image_, binding);
      if (!booted) {
        const std::string text = booted.error().Text();
        if (write(writer.get(), text.data(), text.size()) < 0) _exit(2);
      }
      _exit(booted ? 0 : 1);
    }
    writer.Reset();
    std::string said;
    char buffer[4096];
    for (;;) {
      pollfd entries[] = {{reader.get(), POLLIN, 0}, {report_->fd(), POLLIN, 0}, {stop_fd_.get(), POLLIN, 0}};
      if (poll(entries, 3, -1) < 0) continue;
      if (entries[1].revents != 0) report_->OnReadable();
      if (end_requested_ || entries[2].revents != 0) {
        // With it its guest, which becomes a child of this process.
        kill(pid, SIGKILL);
        while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
        }
        return Error{ErrorCode::kSystem, "ended while the template was made"};
      }
      if (entries[0].revents == 0) continue;
      const ssize_t size = read(reader.get(), buffer, sizeof buffer);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) break;
      said.append(buffer, static_cast<size_t>(size));
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return Error{ErrorCode::kSystem, "no template: " + (said.empty() ? "its tender died" : said)};
  }

  Result<void> Listen() {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return ErrnoError(ErrorCode::kSocket, "socket", errno);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    options_.listen_path.copy(address.sun_path, sizeof address.sun_path - 1);
    const mode_t mask = umask(0177);
    const bool bound = bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    umask(mask);
    if (!bound || listen(fd.get(), 512) != 0) return ErrnoError(ErrorCode::kSocket, options_.listen_path, errno);
    listener_ = std::move(fd);
    return {};
  }

  ExitReport Loop() {
    while (!end_requested_) {
      std::vector<pollfd> entries = {{stop_fd_.get(), POLLIN, 0},
                                     {child_fd_.get(), POLLIN, 0},
                                     {report_->fd(), POLLIN, 0},
                                     {listener_.get(), POLLIN, 0}};
      for (const Waiting& waiting : waiting_) entries.push_back({waiting.fd.get(), POLLIN, 0});
      if (poll(entries.data(), entries.size(), -1) < 0) {
        if (errno == EINTR) continue;
        return ExitReport::OfError(ErrnoError(ErrorCode::kSystem, "poll", errno));
      }
      if (entries[0].revents != 0) break;
      if (entries[1].revents != 0 && !Reap()) {
        return ExitReport::OfError(Error{ErrorCode::kSystem, "the zygote ended"});
      }
      if (entries[2].revents != 0) report_->OnReadable();
      std::vector<Waiting> now = std::move(waiting_);
      waiting_.clear();
      for (size_t i = 0; i < now.size(); ++i) {
        if (entries[4 + i].revents == 0)
          waiting_.push_back(std::move(now[i]));
        else
          Receive(std::move(now[i]));
      }
      if (entries[3].revents != 0) Accept();
    }
    return ExitReport::Ended();
  }

  void Accept() {
    for (;;) {
      UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd) return;
      // The request comes with the connection as a rule.
      Receive({std::move(fd), {}});
    }
  }

  void Receive(Waiting waiting) {
    char buffer[4096];
    const ssize_t size = recv(waiting.fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
      waiting_.push_back(std::move(waiting));
      return;
    }
    if (size <= 0) return;
    waiting.bytes.insert(waiting.bytes.end(), buffer, buffer + size);
    FrameHeader header{};
    if (waiting.bytes.size() >= sizeof header) {
      std::memcpy(&header, waiting.bytes.data(), sizeof header);
      const auto type = static_cast<FrameType>(header.type);
      if ((type != FrameType::kClone && type != FrameType::kCapture) || header.length > kMaxRequest) return;
      // A parent says no more before it has an answer.
      if (waiting.bytes.size() > sizeof header + header.length) return;
    }
    if (waiting.bytes.size() < sizeof header + header.length) {
      waiting_.push_back(std::move(waiting));
      return;
    }
    const std::string_view payload(waiting.bytes.data() + sizeof header, header.length);
    if (static_cast<FrameType>(header.type) == FrameType::kClone)
      Clone(std::move(waiting.fd), payload);
    else
      Capture(std::move(waiting.fd), payload);
  }

  static std::vector<std::string> Strings(std::string_view payload) {
    std::vector<std::string> strings;
    while (!payload.empty()) {
      const size_t end = std::min(payload.find('\0'), payload.size());
      strings.emplace_back(payload.substr(0, end));
      payload.remove_prefix(std::min(end + 1, payload.size()));
    }
    return strings;
  }

  void Clone(UniqueFd connection, std::string_view request) {
    const ClockReading asked = ReadClocks();
    std::vector<std::string> arguments = {"run", "--image", options_.image};
    for (std::string& argument : Strings(request)) arguments.push_back(std::move(argument));
    auto options = ParseOptions(arguments);
    if (!options) return Refuse(std::move(connection), options.error());
    const FunctionSnapshot* function = nullptr;
    if (!options->function_path.empty()) {
      auto opened = functions_.Open(options->function_path, *template_, *image_);
      if (!opened) return Refuse(std::move(connection), opened.error());
      function = *opened;
    }
    const FunctionSnapshot* prefault = nullptr;
    if (IsKvm() && function == nullptr && !options->prefault_path.empty()) {
      // It saves time only.
      if (auto opened = functions_.Open(options->prefault_path, *template_, *image_)) prefault = *opened;
    }
    auto shared = SharedMemory::Create(1);
    if (!shared) return Refuse(std::move(connection), shared.error());
    std::memcpy(shared.value().boot_info().data(), boot_info_.data(), boot_info_.size());
    Clock clock(shared.value().clock(), first_reading_, 0);
    const uint64_t parked_at_ns = function != nullptr ? function->parked_at_ns() : template_->snapshot().parked_at_ns;
    if (asked.monotonic_ns < parked_at_ns) clock.SetMonotonicOffset(parked_at_ns - asked.monotonic_ns);
    clock.Rebase();
    CloneParts parts{*image_,        *shared, clock, asked, options_.memory_mb << 20, std::move(connection),
                     Network(asked), {}};
    ++generation_;
    UniqueFd handover;
    if (IsKvm()) {
      parts.kvm = &*kvm_;
      parts.start = {function, prefault};
      parts.generation = generation_;
    } else {
      auto sockets = CreateMessageSockets();
      if (!sockets) return Refuse(std::move(parts.connection), sockets.error());
      handover = std::move(sockets->ours);
      parts.handover = std::move(sockets->theirs);
    }
    Running running{UniqueFd(), -1, options->id, {}, UniqueFd(fcntl(parts.connection.get(), F_DUPFD_CLOEXEC, 0)), {}};
    // What it says when it dies; it never waits for a reader.
    int words[2];
    if (pipe2(words, O_CLOEXEC | O_NONBLOCK) != 0)
      return Refuse(std::move(parts.connection), ErrnoError(ErrorCode::kSystem, "pipe", errno));
    running.words = UniqueFd(words[0]);
    const UniqueFd writer(words[1]);

    // The zygote and this process fork at the same time.
    if (!IsKvm()) {
      if (auto sent = AskForGuest(*shared, function, parts.guest, running.parent); !sent)
        return Refuse(std::move(parts.connection), sent.error());
    }
    const pid_t pid = fork();
    const int fork_error = errno;
    if (pid == 0) {
      LetChildrenBe();
      prctl(PR_SET_NAME, "ebbbroker", 0, 0, 0);
      dup2(writer.get(), STDERR_FILENO);
      _exit(RunClone(options.value(), std::move(parts)));
    }
    if (IsKvm()) {
      running.guest_pid = pid;
      running.guest = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    } else if (auto answered = AwaitGuest(*shared, function, parts.guest, running.parent); !answered) {
      HandOver(handover.get(), answered.error());
    } else {
      HandOver(handover.get(), parts.guest);
      running.guest_pid = parts.guest.pid;
      running.guest = std::move(parts.guest.pidfd);
      running.access = std::move(parts.guest.access);
    }
    if (pid < 0) {
      if (!IsKvm()) KillGuest(running.guest.get());
      return Refuse(std::move(parts.connection), ErrnoError(ErrorCode::kSystem, "fork", fork_error));
    }
    brokers_.emplace(pid, std::move(running));
    if (!IsKvm() && function != nullptr) function_zygotes_.Started(*function, *zygote_);
  }

  // Of the function's zygote, if there is one and it lives, else of the template's.
  Result<void> AskForGuest(const SharedMemory& shared, const FunctionSnapshot* function, GuestProcess& guest,
                           Parent& parent) {
    Zygote* zygote = function != nullptr ? function_zygotes_.Find(*function) : nullptr;
    if (zygote != nullptr && zygote->Ask(shared, boot_info_.size(), generation_, nullptr, guest)) {
      parent = Parent::kFunction;
      return {};
    }
    if (zygote != nullptr) function_zygotes_.Drop(*function);
    parent = Parent::kTemplate;
    return zygote_->Ask(shared, boot_info_.size(), generation_, function, guest);
  }
  Result<void> AwaitGuest(const SharedMemory& shared, const FunctionSnapshot* function, GuestProcess& guest,
                          Parent& parent) {
    if (parent == Parent::kTemplate) return zygote_->Answer(shared, guest);
    if (auto answered = function_zygotes_.Find(*function)->Answer(shared, guest)) return answered;
    function_zygotes_.Drop(*function);
    // It may have died, or be late, before or after it made the guest: there must not be two.
    uint32_t turn = 0;
    if (!std::atomic_ref(shared.tail(0)->turn).compare_exchange_strong(turn, 1))
      return Error{ErrorCode::kSystem, "the function's zygote died while the VM started"};
    if (auto asked = AskForGuest(shared, function, guest, parent); !asked) return asked;
    return zygote_->Answer(shared, guest);
  }

  // Read for every clone it would be a third of what a broker costs at its start.
  const BrokerConfig& Network(const ClockReading& now) {
    constexpr uint64_t kGoodForNs = 1000000000;
    if (!network_ || now.monotonic_ns - network_read_ns_ > kGoodForNs) {
      ReadHostNetwork(network_.emplace());
      network_read_ns_ = now.monotonic_ns;
    }
    return *network_;
  }
  bool IsKvm() const { return options_.tender == TenderChoice::kKvm; }

  // The state and memory of a clone, which its broker has parked.
  void Capture(UniqueFd connection, std::string_view request) {
    ParkedState state{};
    if (request.size() < sizeof state) return;
    std::memcpy(&state, request.data(), sizeof state);
    const std::vector<std::string> strings = Strings(request.substr(sizeof state));
    if (strings.size() != 2 || strings[0].empty() || strings[1].empty()) return;
    const auto found = std::find_if(brokers_.begin(), brokers_.end(),
                                    [&](const auto& broker) { return broker.second.id == strings[0]; });
    if (found == brokers_.end())
      return Refuse(std::move(connection), Error{ErrorCode::kSnapshotDenied, "no such clone"});
    if (auto opened = OpenAccess(found->second); !opened) return Refuse(std::move(connection), opened.error());
    const pid_t pid = fork();
    if (pid < 0) return Refuse(std::move(connection), ErrnoError(ErrorCode::kSystem, "fork", errno));
    if (pid != 0) return;
    LetChildrenBe();
    _exit(RunCapture({std::move(connection), *found->second.access, IsKvm() ? kvm_->view() : GuestView{}, *template_,
                      found->second.parent, state, strings[1]}));
  }

  Result<void> OpenAccess(Running& running) {
    if (!running.access) {
      auto opened = GuestAccess::Open(running.guest_pid);
      if (!opened) return opened.error();
      running.access.emplace(std::move(*opened));
      // The number may have become another process's since.
      pollfd ended{running.guest.get(), POLLIN, 0};
      if (poll(&ended, 1, 0) != 0) {
        running.access.reset();
        return Error{ErrorCode::kSnapshotDenied, "it has ended"};
      }
    }
    return {};
  }

  // In a child: its parent's signals are not its own.
  static void LetChildrenBe() {
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_UNBLOCK, &children, nullptr);
  }

  void Refuse(UniqueFd connection, const Error& error) {
    auto channel = VmReport::OverChannel(std::move(connection), stop_fd_.get(), *this);
    if (channel) channel.value()->Exit(ExitReport::OfError(error));
  }

  static void KillGuest(int pidfd) { syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0); }

  // Each with its own last report, but for those that do not end in time (they may be stopped); nothing of them is left
  // when this returns.
  void EndClones() {
    for (const auto& [pid, running] : brokers_) kill(pid, SIGTERM);
    const uint64_t deadline = ReadClocks().monotonic_ns + kEndTimeoutNs;
    bool killed = false;
    int status = 0;
    while (!brokers_.empty()) {
      const pid_t pid = waitpid(-1, &status, killed ? 0 : WNOHANG);
      if (pid < 0 && errno != EINTR) return;
      if (pid == 0) {
        pollfd child{child_fd_.get(), POLLIN, 0};
        constexpr int kStepMs = 100;
        poll(&child, 1, kStepMs);
        signalfd_siginfo info;
        while (read(child_fd_.get(), &info, sizeof info) > 0) {
        }
        if (ReadClocks().monotonic_ns < deadline) continue;
        for (const auto& [broker, running] : brokers_) kill(broker, SIGKILL);
        killed = true;
        continue;
      }
      Bury(pid, status);
    }
  }

  // A broker that was killed could neither end its guest nor say why.
  void Bury(pid_t pid, int status) {
    const auto broker = brokers_.find(pid);
    if (broker == brokers_.end()) return;
    const Running& running = broker->second;
    KillGuest(running.guest.get());
    std::string said(kMaxWords, '\0');
    said.resize(static_cast<size_t>(std::max<ssize_t>(0, read(running.words.get(), said.data(), said.size()))));
    JsonObject end;
    end.Number("pid", static_cast<uint64_t>(pid)).Text("stderr", said);
    if (WIFSIGNALED(status)) {
      const char* name = sigabbrev_np(WTERMSIG(status));
      end.Text("signal", std::string("SIG") + (name == nullptr ? "?" : name));
    } else {
      end.Number("status", static_cast<uint64_t>(WEXITSTATUS(status)));
    }
    const std::string text = end.Finish();
    const FrameHeader header{static_cast<uint32_t>(text.size()), static_cast<uint8_t>(FrameType::kBroker), 0, 0, 0};
    std::string frame(reinterpret_cast<const char*>(&header), sizeof header);
    frame += text;
    send(running.connection.get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    brokers_.erase(broker);
  }

  // False: the zygote is among the dead.
  bool Reap() {
    signalfd_siginfo info;
    while (read(child_fd_.get(), &info, sizeof info) > 0) {
    }
    int status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (zygote_ && pid == zygote_->pid()) return false;
      Bury(pid, status);
    }
    return true;
  }

  const Options& options_;
  ClockReading first_reading_;
  UniqueFd stop_fd_, child_fd_, listener_;
  std::unique_ptr<VmReport> report_;
  std::optional<Image> image_;
  std::vector<uint8_t> boot_info_;
  std::optional<SnapshotFile> template_;
  FunctionCache functions_;
  bool booted_ = false;
  std::string why_;
  std::optional<Zygote> zygote_;  // of the process tender
  FunctionZygotes function_zygotes_;
  std::optional<KvmTemplate> kvm_;
  std::optional<BrokerConfig> network_;
  uint64_t network_read_ns_ = 0;
  uint64_t generation_ = 0;
  std::vector<Waiting> waiting_;
  std::map<pid_t, Running> brokers_;
  bool end_requested_ = false;
};

}  // namespace

int Serve(const Options& options) { return Server(options).Run(); }

}  // namespace ebb::tender
