// Descriptors as ancillary data.
#include "tender/fd_message.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace ebb::tender {

Result<MessageSockets> CreateMessageSockets() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return ErrnoError(ErrorCode::kSystem, "socketpair", errno);
  return MessageSockets{UniqueFd(pair[0]), UniqueFd(pair[1])};
}

bool SendWithFds(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  iovec vector{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMostFds * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

bool ReceiveWithFd(int socket, std::span<std::byte> bytes, UniqueFd& fd) {
  iovec vector{bytes.data(), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  do {
    size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (const cmsghdr* rights = CMSG_FIRSTHDR(&message); size >= 0 && rights != nullptr) {
    int received = -1;
    std::memcpy(&received, CMSG_DATA(rights), sizeof received);
    fd = UniqueFd(received);
  }
  if (size == static_cast<ssize_t>(bytes.size())) return true;
  if (size >= 0) errno = EPIPE;
  return false;
}

}  // namespace ebb::tender
