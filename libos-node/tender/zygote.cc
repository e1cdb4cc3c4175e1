// The server's side of a zygote.
#include "tender/zygote.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tender/guest_memory.h"
#include "tender/pages/page_layout.h"

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

}  // namespace

Result<Zygote> Zygote::Start(const Image& image, const SnapshotFile& snapshot, uint64_t memory_limit) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return ErrnoError(ErrorCode::kSystem, "socketpair", errno);
  Zygote zygote;
  zygote.control_ = UniqueFd(pair[0]);
  const UniqueFd theirs(pair[1]);
  const UniqueFd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!self) return ErrnoError(ErrorCode::kSystem, "pidfd_open", errno);
  auto notes = CreateChildNotes();
  if (!notes) return notes.error();
  zygote.notes_ = *notes;
  const ChildPlan plan{{image, nullptr, ProcessPage(), ParamsOf(image, memory_limit), snapshot.snapshot().boot_info, 1},
                       theirs.get(),
                       self.get(),
                       memory_limit,
                       0,
                       zygote.notes_,
                       0,
                       false,
                       &snapshot};
  auto child = StartChild(plan);
  if (!child) return child.error();
  zygote.child_ = std::move(*child);
  return zygote;
}

Error Zygote::Failure(const char* what, int error) const {
  const std::string started = DescribeChildFailure(notes_);
  return started.empty() ? ErrnoError(ErrorCode::kSystem, what, error)
                         : Error{ErrorCode::kSandbox, "zygote: " + started};
}

Result<GuestProcess> Zygote::Clone(const SharedMemory& shared, uint64_t boot_info_size, uint64_t generation) {
  GuestProcess guest;
  guest.doorbell = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!guest.doorbell) return ErrnoError(ErrorCode::kSystem, "eventfd", errno);

  ZygoteRequest request{generation,
                        shared.rings_size(),
                        shared.data_offset(),
                        shared.clock_offset(),
                        shared.boot_info_offset(),
                        (boot_info_size + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1)};
  const int descriptors[2] = {shared.fd(), guest.doorbell.get()};
  iovec vector{&request, sizeof request};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptors)] = {};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(rights), descriptors, sizeof descriptors);
  if (sendmsg(control_.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof request))
    return Failure("asking the zygote", errno);

  pollfd answered{control_.get(), POLLIN, 0};
  if (poll(&answered, 1, kAnswerTimeoutMs) <= 0) return Failure("waiting for the zygote", ETIMEDOUT);
  ZygoteReply reply{};
  vector = {&reply, sizeof reply};
  message.msg_controllen = sizeof control;
  if (recvmsg(control_.get(), &message, MSG_CMSG_CLOEXEC) != static_cast<ssize_t>(sizeof reply))
    return Failure("the zygote's answer", EPIPE);
  rights = CMSG_FIRSTHDR(&message);
  if (reply.result <= 0 || rights == nullptr) return Failure("fork in the zygote", static_cast<int>(-reply.result));
  int pidfd = -1;
  std::memcpy(&pidfd, CMSG_DATA(rights), sizeof pidfd);
  guest.pidfd = UniqueFd(pidfd);
  guest.pid = PidOf(pidfd);
  guest.isolation = child_.isolation;
  guest.empty_root = HasEmptyRoot(notes_);
  return guest;
}

}  // namespace ebb::tender
