// Broker: the event loop, accepting from the host, holding back and resuming.
#include "tender/broker/broker.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "tender/broker/broker_impl.h"

namespace ebb::tender {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
// How soon a full completion ring is looked at again when nothing else happens: doubles from the first to the last.
constexpr uint64_t kHoldRetryFirst = kSecond / 1000;
constexpr uint64_t kHoldRetryLast = kSecond / 20;
// A connection that the guest closed may take so long without progress to get rid of its bytes.
constexpr uint64_t kLingerTimeout = 60 * kSecond;
constexpr uint64_t kLingerSweep = 5 * kSecond;
constexpr uint64_t kAcceptPause = kSecond / 10;
constexpr int kMaxAccepts = 64;
constexpr uint32_t kStreamEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr uint32_t kDatagramEvents = EPOLLIN | EPOLLET;

uint64_t Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

Broker::Impl::Impl(const BrokerConfig& config, ebb_core_shared* rings, uint32_t cores, std::span<std::byte> data,
                   Report& report)
    : data_(data),
      report_(report),
      policy_(config.egress),
      log_rate_(config.log_rate),
      log_budget_(static_cast<int64_t>(2 * config.log_rate)),
      max_handles_(ReserveFiles(config.max_handles)) {
  auto* base = reinterpret_cast<std::byte*>(rings);
  for (uint32_t core = 0; core < cores; ++core) {
    rings_.emplace_back(reinterpret_cast<ebb_core_shared*>(base + uint64_t{core} * EBB_RING_STRIDE));
  }
}

Result<void> Broker::Impl::Open(const BrokerConfig& config) {
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return ErrnoError(ErrorCode::kSystem, "epoll_create1", errno);
  if (!own_addresses_.Open()) return ErrnoError(ErrorCode::kSystem, "socket", errno);
  timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer_) return ErrnoError(ErrorCode::kSystem, "timerfd_create", errno);
  if (!Arm(timer_.get(), Tag::kTimer, 0, EPOLLIN, EPOLL_CTL_ADD))
    return ErrnoError(ErrorCode::kSystem, "epoll_ctl", errno);
  if (!config.unix_path.empty()) {
    auto listener = UnixListener::Create(config.unix_path);
    if (!listener) return listener.error();
    unix_ = std::move(*listener);
    listeners_.push_back({unix_.fd(), kServicePort, false, false});
  }
  if (config.tcp_port) {
    if (auto bound = OpenTcp(kServicePort, {INADDR_LOOPBACK, *config.tcp_port}); !bound) return bound.error();
    tcp_port_ = tcp_.back().port;
  }
  for (ExposedPort port : config.exposed) {
    if (auto bound = OpenTcp(port.guest_port, port.host); !bound) return bound.error();
    port.host.port = tcp_.back().port;
    exposed_.push_back(port);
  }
  return {};
}

Result<void> Broker::Impl::OpenTcp(uint16_t guest_port, Endpoint host) {
  auto listener = ListenOn(host);
  if (!listener) return listener.error();
  tcp_.push_back(std::move(*listener));
  listeners_.push_back({tcp_.back().fd.get(), guest_port, true, false});
  return {};
}

// ---- Event loop

bool Broker::Impl::Submit(uint32_t core) {
  const uint64_t before = Published();
  if (core < rings_.size()) Consume(core);
  UpdateTimer();
  return Published() != before;
}

void Broker::Impl::Consume(uint32_t core) {
  CoreRing& ring = rings_[core];
  ring.FlushHeld();
  ebb_sqe sqe;
  // One ring's worth at a time, so that a guest that submits meanwhile cannot keep the broker here.
  for (uint32_t n = 0; n < EBB_SQ_ENTRIES && !ring.holding() && !LogsThrottled() && ring.Fetch(sqe); ++n)
    Execute(core, sqe);
  ring.ReleaseSlots();
}

// A guest that logs without end costs its readers their time, too. What it submits waits until the rate allows more.
bool Broker::Impl::LogsThrottled() {
  if (log_budget_ > 0) return false;
  const uint64_t now = Now();
  const uint64_t passed = std::min(now - log_refilled_ns_, kSecond);
  const auto most = static_cast<int64_t>(2 * log_rate_);
  log_budget_ = std::min(log_budget_ + static_cast<int64_t>(passed * log_rate_ / kSecond), most);
  log_refilled_ns_ = now;
  return log_budget_ <= 0;
}

bool Broker::Impl::Poll(int64_t timeout_ns) {
  const uint64_t before = Published();
  const uint64_t deadline = timeout_ns > 0 ? Now() + static_cast<uint64_t>(timeout_ns) : 0;
  Resume();
  for (;;) {
    const bool go_on = HandleEvents(Published() != before ? 0 : timeout_ns);
    Resume();
    UpdateTimer();
    if (Published() != before) return true;
    if (!go_on || timeout_ns == 0) return false;
    if (timeout_ns > 0) {
      const uint64_t now = Now();
      if (now >= deadline) return false;
      timeout_ns = static_cast<int64_t>(deadline - now);
    }
  }
}

// False when Poll has to return to its caller whatever was published.
bool Broker::Impl::HandleEvents(int64_t timeout_ns) {
  epoll_event events[64];
  const int count = Wait(events, static_cast<int>(std::size(events)), timeout_ns);
  bool go_on = count > 0;
  for (int i = 0; i < count; ++i) {
    const auto id = static_cast<uint32_t>(events[i].data.u64);
    switch (static_cast<Tag>(events[i].data.u64 >> 32)) {
      case Tag::kSocket: {
        // An earlier event of this batch may have ended it.
        const auto at = sockets_.find(id);
        if (at == sockets_.end()) break;
        at->second->OnEvents(events[i].events);
        Settle(id);
        break;
      }
      case Tag::kListener:
        if (listeners_[id].armed) Accept(listeners_[id]);
        break;
      case Tag::kTimer: {
        uint64_t expirations;
        // The timer's work is done below, in any case.
        [[maybe_unused]] const ssize_t size = read(timer_.get(), &expirations, sizeof expirations);
        timer_due_ = 0;
        accept_paused_ = false;
        SweepLingering();
        break;
      }
      case Tag::kWatch: {
        go_on = false;
        const auto at = watches_.find(static_cast<int>(id));
        if (at == watches_.end()) break;
        const auto keep = at->second;  // the callback may unwatch itself
        (*keep)();
        break;
      }
    }
  }
  return go_on;
}

int Broker::Impl::Wait(epoll_event* events, int count, int64_t timeout_ns) {
#ifdef SYS_epoll_pwait2
  static bool missing = false;
  if (!missing) {
    const timespec timeout{timeout_ns / static_cast<int64_t>(kSecond), timeout_ns % static_cast<int64_t>(kSecond)};
    const long result =
        syscall(SYS_epoll_pwait2, epoll_.get(), events, count, timeout_ns < 0 ? nullptr : &timeout, nullptr, 0);
    if (result >= 0 || errno != ENOSYS) return static_cast<int>(result);
    missing = true;
  }
#endif
  const int64_t milliseconds = timeout_ns < 0 ? -1 : std::min<int64_t>((timeout_ns + 999'999) / 1'000'000, INT32_MAX);
  return epoll_wait(epoll_.get(), events, count, static_cast<int>(milliseconds));
}

// Goes on with the cores whose completions had been held back, as far as the guest has made room.
void Broker::Impl::Resume() {
  const bool refilled = log_budget_ <= 0 && !LogsThrottled();
  for (uint32_t core = 0; core < rings_.size(); ++core) {
    const bool held = rings_[core].holding();
    if (held) rings_[core].FlushHeld();
    if ((held || refilled) && !rings_[core].holding()) Consume(core);
  }
  ArmListeners();
}

void Broker::Impl::UpdateTimer() {
  const bool holding = Holding();
  if (!holding) hold_retry_ns_ = 0;
  const bool throttled = log_budget_ <= 0;
  if (!holding && !throttled && !accept_paused_ && (lingering_.empty() || timer_due_ != 0)) return;
  uint64_t next = accept_paused_ ? kAcceptPause : kLingerSweep;
  if (holding) next = std::clamp(hold_retry_ns_ * 2, kHoldRetryFirst, kHoldRetryLast);
  if (throttled) {
    const uint64_t missing = static_cast<uint64_t>(1 - log_budget_) * kSecond / log_rate_;
    next = std::min(next, std::clamp(missing, kHoldRetryFirst, kHoldRetryLast));
  }
  const uint64_t due = Now() + next;
  if (timer_due_ != 0 && timer_due_ <= due) return;
  if (holding) hold_retry_ns_ = next;
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(next / kSecond);
  when.it_value.tv_nsec = static_cast<long>(next % kSecond);
  if (timerfd_settime(timer_.get(), 0, &when, nullptr) == 0) timer_due_ = due;
}

void Broker::Impl::SweepLingering() {
  if (lingering_.empty()) return;
  const uint64_t now = Now();
  std::vector<uint32_t> stuck;
  for (const uint32_t handle : lingering_) {
    auto& stream = static_cast<Stream&>(*sockets_.at(handle));
    if (stream.last_progress() == 0) stream.set_last_progress(now);
    if (now - stream.last_progress() >= kLingerTimeout) stuck.push_back(handle);
  }
  for (const uint32_t handle : stuck) {
    sockets_.at(handle)->Close(true);
    Settle(handle);
  }
}

// ---- Completions

void Broker::Impl::Emit(Operation operation, int32_t result, uint32_t flags, uint64_t arg0) {
  ++stats_.completions;
  rings_[operation.core].Complete({operation.user_data, result, flags, arg0, 0});
}

void Broker::Impl::CompleteLazily(Operation operation, int32_t result) {
  ++stats_.completions;
  rings_[operation.core].CompleteLazily({operation.user_data, result, 0, 0, 0});
}

uint64_t Broker::Impl::Published() const {
  uint64_t sum = 0;
  for (const CoreRing& ring : rings_) sum += ring.published();
  return sum;
}

bool Broker::Impl::Holding() const {
  return std::ranges::any_of(rings_, [](const CoreRing& ring) { return ring.holding(); });
}

bool Broker::Impl::broken() const {
  return std::ranges::any_of(rings_, [](const CoreRing& ring) { return ring.broken(); });
}

const BrokerStats& Broker::Impl::CollectStats() {
  stats_.held_back = 0;
  for (const CoreRing& ring : rings_) stats_.held_back += ring.held_back();
  stats_.handles = static_cast<uint32_t>(sockets_.size());
  return stats_;
}

// ---- Sockets

bool Broker::Impl::Arm(int fd, Tag tag, uint32_t id, uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = uint64_t{static_cast<uint32_t>(tag)} << 32 | id;
  return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

bool Broker::Impl::Register(Socket& socket) {
  const uint32_t events = socket.kind() == Socket::Kind::kStream ? kStreamEvents : kDatagramEvents;
  return Arm(socket.fd(), Tag::kSocket, socket.handle(), events, EPOLL_CTL_ADD);
}

// After anything that may have ended a socket.
void Broker::Impl::Settle(uint32_t handle) {
  const auto at = sockets_.find(handle);
  if (at == sockets_.end()) return;
  Socket& socket = *at->second;
  if (socket.finished()) {
    lingering_.erase(handle);
    sockets_.erase(at);
    ArmListeners();
  } else if (socket.kind() == Socket::Kind::kDatagram && static_cast<Datagram&>(socket).TakeRearm()) {
    Arm(socket.fd(), Tag::kSocket, handle, kDatagramEvents, EPOLL_CTL_MOD);
  }
}

void Broker::Impl::ArmListeners() {
  const bool able = !accept_paused_ && HandlesLeft();
  for (size_t i = 0; i < listeners_.size(); ++i) {
    Listener& listener = listeners_[i];
    const auto listen = listens_.find(listener.guest_port);
    const bool wanted = able && listen != listens_.end() && !rings_[listen->second.core].holding();
    if (listener.armed == wanted) continue;
    // Removed rather than masked: a masked descriptor still reports errors, level-triggered.
    if (Arm(listener.fd, Tag::kListener, static_cast<uint32_t>(i), EPOLLIN, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL))
      listener.armed = wanted;
  }
}

void Broker::Impl::Accept(Listener& listener) {
  for (int n = 0; n < kMaxAccepts && listener.armed; ++n) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    UniqueFd fd(accept4(listener.fd, listener.tcp ? reinterpret_cast<sockaddr*>(&peer) : nullptr,
                        listener.tcp ? &size : nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) accept_paused_ = true;
      return ArmListeners();
    }
    uint16_t port = FromSockaddr(peer).port;
    if (listener.tcp) {
      const int on = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    } else {
      // A unix peer has no port; the guest gets one that tells connections apart.
      port = unix_peer_port_ =
          static_cast<uint16_t>(unix_peer_port_ < 1024 || unix_peer_port_ == UINT16_MAX ? 1024 : unix_peer_port_ + 1);
    }
    auto stream = std::make_unique<Stream>(next_handle_++, std::move(fd), *this);
    if (!Register(*stream)) return;
    const uint32_t handle = stream->handle();
    sockets_.emplace(handle, std::move(stream));
    ++stats_.accepted;
    Emit(listens_.at(listener.guest_port), static_cast<int32_t>(handle), EBB_CQE_MORE,
         uint64_t{EBB_NET_GATEWAY} << 16 | port);
    ArmListeners();
  }
}

Result<void> Broker::Impl::Watch(int fd, std::function<void()> ready) {
  if (!Arm(fd, Tag::kWatch, static_cast<uint32_t>(fd), EPOLLIN, EPOLL_CTL_ADD))
    return ErrnoError(ErrorCode::kSystem, "epoll_ctl", errno);
  watches_[fd] = std::make_shared<std::function<void()>>(std::move(ready));
  return {};
}

void Broker::Impl::Unwatch(int fd) {
  if (watches_.erase(fd) != 0) Arm(fd, Tag::kWatch, 0, 0, EPOLL_CTL_DEL);
}

// ---- The public face

Broker::Broker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Broker::~Broker() = default;

Result<std::unique_ptr<Broker>> Broker::Create(const BrokerConfig& config, ebb_core_shared* rings, uint32_t cores,
                                               std::span<std::byte> data, Report& report) {
  auto impl = std::make_unique<Impl>(config, rings, cores, data, report);
  if (auto opened = impl->Open(config); !opened) return opened.error();
  return std::unique_ptr<Broker>(new Broker(std::move(impl)));
}

bool Broker::Submit(uint32_t core) { return impl_->Submit(core); }
bool Broker::Poll(int64_t timeout_ns) { return impl_->Poll(timeout_ns); }
int Broker::fd() const { return impl_->fd(); }
Result<void> Broker::Watch(int fd, std::function<void()> ready) { return impl_->Watch(fd, std::move(ready)); }
void Broker::Unwatch(int fd) { impl_->Unwatch(fd); }
bool Broker::broken() const { return impl_->broken(); }
uint16_t Broker::tcp_port() const { return impl_->tcp_port(); }
const std::vector<ExposedPort>& Broker::exposed() const { return impl_->exposed(); }
const BrokerStats& Broker::stats() const { return impl_->CollectStats(); }

}  // namespace ebb::tender
