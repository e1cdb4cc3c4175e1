// Handover of a guest process to its broker: both are made at the same time, by the zygote and by the server, and the
// server passes on what names the process as soon as it has it.
#ifndef EBB_TENDER_GUEST_HANDOVER_H_
#define EBB_TENDER_GUEST_HANDOVER_H_

#include "tender/backend.h"
#include "tender/result.h"

namespace ebb::tender {

// Over a pair of message sockets (fd_message.h): pid, pidfd, and what the zygote turned out to be confined by.
void HandOver(int socket, const GuestProcess& guest);
// That there will be none, and why.
void HandOver(int socket, const Error& error);
// Fills in `guest`; the error that was handed over, or kSystem when the server died.
Result<void> TakeOver(int socket, GuestProcess& guest);

}  // namespace ebb::tender

#endif  // EBB_TENDER_GUEST_HANDOVER_H_
