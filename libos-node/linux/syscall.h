// Dispatch of the program's syscalls.
#pragma once

#include "kernel/user_frame.h"

namespace ebb::linux_abi {

// Serves the call in the frame and leaves the frame as the program must continue.
void HandleSyscall(UserFrame& frame);
// Serves a call by its number and the argument registers of the frame, and nothing beyond: ENOSYS when there is no
// such.
int64_t ServeSyscall(uint64_t number, const UserFrame& frame);
// What has to happen before the program continues: preemption, events, signals, vector registers.
void FinishReturn(UserFrame& frame);

}  // namespace ebb::linux_abi
