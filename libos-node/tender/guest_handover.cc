// Messages of a handover.
#include "tender/guest_handover.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ebb::tender {
namespace {

struct Message {
  int64_t pid;  // -1: none
  uint32_t code;
  uint32_t empty_root;
  char detail[500];
};

void Send(int socket, const Message& message, int fd) {
  iovec vector{const_cast<Message*>(&message), sizeof message};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  // A broker that died is found by its server elsewhere.
  (void)sendmsg(socket, &header, MSG_NOSIGNAL);
}

}  // namespace

Result<HandoverSockets> CreateHandover() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return ErrnoError(ErrorCode::kSystem, "socketpair", errno);
  return HandoverSockets{UniqueFd(pair[0]), UniqueFd(pair[1])};
}

void HandOver(int socket, const GuestProcess& guest) {
  Send(socket, {guest.pid, 0, guest.empty_root ? 1u : 0u, ""}, guest.pidfd.get());
}

void HandOver(int socket, const Error& error) {
  Message message{-1, static_cast<uint32_t>(error.code), 0, ""};
  const size_t size = std::min(error.detail.size(), sizeof message.detail - 1);
  std::copy_n(error.detail.begin(), size, message.detail);
  Send(socket, message, -1);
}

Result<void> TakeOver(int socket, GuestProcess& guest) {
  Message message{};
  iovec vector{&message, sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t size = 0;
  do {
    size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size != sizeof message) return Error{ErrorCode::kSystem, "the template's server is gone"};
  if (message.pid < 0) return Error{static_cast<ErrorCode>(message.code), message.detail};
  const cmsghdr* rights = CMSG_FIRSTHDR(&header);
  if (rights == nullptr) return Error{ErrorCode::kSystem, "no descriptor of the guest"};
  int pidfd = -1;
  std::memcpy(&pidfd, CMSG_DATA(rights), sizeof pidfd);
  guest.pid = static_cast<pid_t>(message.pid);
  guest.pidfd = UniqueFd(pidfd);
  guest.empty_root = message.empty_root != 0;
  return {};
}

}  // namespace ebb::tender
