// The server's side of a zygote.
#include "tender/zygote.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tender/fd_message.h"
#include "tender/guest_memory.h"
#include "tender/pages/page_layout.h"
#include "tender/template_memory.h"

namespace ebb::tender {
namespace {

constexpr int kAnswerTimeoutMs = 10000;

// The pid as this process sees it.
pid_t PidOf(int pidfd) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path, "re"), fclose);
  if (!file) return -1;
  char line[128];
  int pid = -1;
  while (fgets(line, sizeof line, file.get()) != nullptr) {
    if (sscanf(line, "Pid: %d", &pid) == 1) break;
  }
  return pid;
}

// Opens the memory of a clone that waits for it (pages/zygote_page.cc) and lets it go on, whatever comes of it.
std::optional<GuestAccess> OpenWaiting(const SharedMemory& shared, pid_t pid) {
  uint32_t* word = &shared.tail(0)->readable;
  const auto readable = std::atomic_ref(*word);
  const timespec patience{1, 0};
  if (readable.load() == 0) syscall(SYS_futex, word, FUTEX_WAIT, 0, &patience, nullptr, 0);
  auto access = GuestAccess::Open(pid);
  readable.store(kWasRead);
  syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  if (!access) return std::nullopt;
  return std::move(*access);
}

}  // namespace

Result<Zygote> Zygote::Start(const Image& image, const SnapshotFile& snapshot, uint64_t memory_limit, int nice) {
  auto sockets = CreateMessageSockets();
  if (!sockets) return sockets.error();
  Zygote zygote;
  zygote.control_ = std::move(sockets->ours);
  const UniqueFd theirs = std::move(sockets->theirs);
  const UniqueFd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!self) return ErrnoError(ErrorCode::kSystem, "pidfd_open", errno);
  auto notes = CreateChildNotes();
  if (!notes) return notes.error();
  zygote.notes_ = *notes;
  // The zygote's mappings keep it.
  const auto memory = TemplateMemory::Create(image, snapshot, TemplateMemory::Extent::kImage);
  if (!memory) return memory.error();
  const ChildPlan plan{{image, nullptr, ProcessPage(), ParamsOf(image, memory_limit), snapshot.snapshot().boot_info, 1},
                       theirs.get(),
                       self.get(),
                       memory_limit,
                       nice,
                       zygote.notes_,
                       0,
                       false,
                       &snapshot,
                       &memory.value()};
  auto child = StartChild(plan);
  if (!child) return child.error();
  zygote.child_ = std::move(*child);
  zygote.registers_ = snapshot.snapshot().cores.front();
  return zygote;
}

Error Zygote::Failure(const char* what, int error) const {
  const std::string started = DescribeChildFailure(notes_);
  return started.empty() ? ErrnoError(ErrorCode::kSystem, what, error)
                         : Error{ErrorCode::kSandbox, "zygote: " + started};
}

Result<void> Zygote::Send(const ZygoteRequest& request, std::span<const int> descriptors) const {
  if (!SendWithFds(control_.get(), std::as_bytes(std::span(&request, 1)), descriptors))
    return Failure("asking the zygote", errno);
  return {};
}

Result<UniqueFd> Zygote::Receive() const {
  pollfd answered{control_.get(), POLLIN, 0};
  if (poll(&answered, 1, kAnswerTimeoutMs) <= 0) return Failure("waiting for the zygote", ETIMEDOUT);
  ZygoteReply reply{};
  UniqueFd pidfd;
  if (!ReceiveWithFd(control_.get(), std::as_writable_bytes(std::span(&reply, 1)), pidfd))
    return Failure("the zygote's answer", EPIPE);
  if (reply.result <= 0 || !pidfd) return Failure("fork in the zygote", static_cast<int>(-reply.result));
  return pidfd;
}

Result<Zygote> Zygote::Become(const FunctionSnapshot& function) {
  auto sockets = CreateMessageSockets();
  if (!sockets) return sockets.error();
  Zygote zygote;
  zygote.control_ = std::move(sockets->ours);
  const UniqueFd theirs = std::move(sockets->theirs);
  ZygoteRequest request{};
  request.plan_size = function.plan_size();
  request.becomes = 1;
  const int descriptors[] = {theirs.get(), theirs.get(), function.file(), function.plan()};
  if (auto sent = Send(request, descriptors); !sent) return sent.error();
  auto pidfd = Receive();
  if (!pidfd) return pidfd.error();
  zygote.child_.pid = PidOf(pidfd->get());
  zygote.child_.pidfd = std::move(*pidfd);
  zygote.child_.isolation = child_.isolation;
  zygote.notes_ = notes_;
  zygote.registers_ = function.registers();
  return zygote;
}

Result<void> Zygote::Ask(const SharedMemory& shared, uint64_t boot_info_size, uint64_t generation,
                         const FunctionSnapshot* function, GuestProcess& guest) {
  if (!guest.doorbell) guest.doorbell = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!guest.doorbell) return ErrnoError(ErrorCode::kSystem, "eventfd", errno);
  guest.isolation = child_.isolation;
  const ParkedRegisters& from = function != nullptr ? function->registers() : registers_;
  const ZygoteRequest request{generation,
                              shared.rings_size(),
                              shared.data_offset(),
                              shared.clock_offset(),
                              shared.boot_info_offset(),
                              (boot_info_size + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1),
                              Waits() ? 1u : 0u,
                              shared.tail(0)->turn,
                              function != nullptr ? function->plan_size() : 0,
                              0,
                              {from.rip, from.rsp, from.fs_base, from.gs_base}};
  const int descriptors[] = {shared.fd(), guest.doorbell.get(), function != nullptr ? function->file() : -1,
                             function != nullptr ? function->plan() : -1};
  return Send(request, std::span(descriptors).first(function != nullptr ? 4 : 2));
}

Result<void> Zygote::Answer(const SharedMemory& shared, GuestProcess& guest) {
  auto pidfd = Receive();
  if (!pidfd) return pidfd.error();
  guest.pid = PidOf(pidfd->get());
  guest.pidfd = std::move(*pidfd);
  guest.empty_root = HasEmptyRoot(notes_);
  if (Waits()) guest.access = OpenWaiting(shared, guest.pid);
  return {};
}

}  // namespace ebb::tender
