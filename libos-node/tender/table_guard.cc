#include "tender/table_guard.h"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

namespace ebb::tender {
namespace {

// Of the guest's CPU time.
constexpr long kPeriodNs = 10000000;

int Signal() { return SIGRTMIN; }

}  // namespace

TableGuard::~TableGuard() {
  if (timer_) timer_delete(*timer_);
}

Result<void> TableGuard::Start(pid_t guest, uint64_t memory_limit) {
  allowance_ = Allowance(memory_limit);
  status_ = UniqueFd(open(("/proc/" + std::to_string(guest) + "/status").c_str(), O_RDONLY | O_CLOEXEC));
  if (!status_) return ErrnoError(ErrorCode::kSystem, "the guest's status", errno);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, Signal());
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return ErrnoError(ErrorCode::kSystem, "sigprocmask", errno);
  signals_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return ErrnoError(ErrorCode::kSystem, "signalfd", errno);
  clockid_t clock;
  if (const int error = clock_getcpuclockid(guest, &clock); error != 0)
    return ErrnoError(ErrorCode::kSystem, "the guest's clock", error);
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = Signal();
  timer_t timer;
  if (timer_create(clock, &event, &timer) != 0) return ErrnoError(ErrorCode::kSystem, "timer_create", errno);
  timer_ = timer;
  const itimerspec period{{0, kPeriodNs}, {0, kPeriodNs}};
  if (timer_settime(timer, 0, &period, nullptr) != 0) return ErrnoError(ErrorCode::kSystem, "timer_settime", errno);
  return {};
}

bool TableGuard::Exceeded() {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
  }
  char text[4096];
  const ssize_t size = pread(status_.get(), text, sizeof text - 1, 0);
  if (size <= 0) return false;  // it has just ended
  text[size] = '\0';
  const char* line = std::strstr(text, "\nVmPTE:");
  return line != nullptr && std::strtoull(line + 7, nullptr, 10) << 10 > allowance_;
}

}  // namespace ebb::tender
