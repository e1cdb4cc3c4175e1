// Messages of a handover.
#include "tender/guest_handover.h"

#include <algorithm>
#include <span>

#include "tender/fd_message.h"

namespace ebb::tender {
namespace {

struct Message {
  int64_t pid;  // -1: none
  uint32_t code;
  uint32_t empty_root;
  char detail[500];
};

}  // namespace

// A broker that died is found by its server elsewhere: nobody asks whether it was sent.
void HandOver(int socket, const GuestProcess& guest) {
  const Message message{guest.pid, 0, guest.empty_root ? 1u : 0u, ""};
  const int pidfd = guest.pidfd.get();
  SendWithFds(socket, std::as_bytes(std::span(&message, 1)), std::span(&pidfd, 1));
}

void HandOver(int socket, const Error& error) {
  Message message{-1, static_cast<uint32_t>(error.code), 0, ""};
  const size_t size = std::min(error.detail.size(), sizeof message.detail - 1);
  std::copy_n(error.detail.begin(), size, message.detail);
  SendWithFds(socket, std::as_bytes(std::span(&message, 1)), {});
}

Result<void> TakeOver(int socket, GuestProcess& guest) {
  Message message{};
  UniqueFd pidfd;
  if (!ReceiveWithFd(socket, std::as_writable_bytes(std::span(&message, 1)), pidfd))
    return Error{ErrorCode::kSystem, "the template's server is gone"};
  if (message.pid < 0) return Error{static_cast<ErrorCode>(message.code), message.detail};
  if (!pidfd) return Error{ErrorCode::kSystem, "no descriptor of the guest"};
  guest.pid = static_cast<pid_t>(message.pid);
  guest.pidfd = std::move(pidfd);
  guest.empty_root = message.empty_root != 0;
  return {};
}

}  // namespace ebb::tender
