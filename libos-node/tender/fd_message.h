// One message with descriptors, over a SOCK_SEQPACKET pair.
#ifndef EBB_TENDER_FD_MESSAGE_H_
#define EBB_TENDER_FD_MESSAGE_H_

#include <cstddef>
#include <span>

#include "tender/result.h"
#include "tender/unique_fd.h"

namespace ebb::tender {

inline constexpr size_t kMostFds = 4;

struct MessageSockets {
  UniqueFd ours, theirs;
};
Result<MessageSockets> CreateMessageSockets();

// False, with errno set, when it could not be sent. At most kMostFds descriptors.
bool SendWithFds(int socket, std::span<const std::byte> bytes, std::span<const int> fds);
// All of `bytes`, and the descriptor that came with it, if one did. False, with errno set, for anything else.
bool ReceiveWithFd(int socket, std::span<std::byte> bytes, UniqueFd& fd);

}  // namespace ebb::tender

#endif  // EBB_TENDER_FD_MESSAGE_H_
