// The frame of Linux on the program's stack: made when a handler is entered, taken back by rt_sigreturn.
#pragma once

#include <cstdint>

#include "kernel/user_frame.h"
#include "linux/process/signal.h"

namespace ebb::linux_abi {

// Of the processor, for faults; zero for all other signals.
struct FaultContext {
  uint64_t error_code = 0;
  uint64_t vector = 0;
  uint64_t address = 0;
};

struct HandledFault {
  SigInfo info = {};  // signo 0: none
  FaultContext context;
  UserFrame frame = {};
};

// Saves the program's registers, vectors included, in a signal frame, and lets `frame` enter the handler of the signal.
// False when the stack has no room.
bool PushSignalFrame(Thread& thread, UserFrame& frame, const SigInfo& info, const FaultContext& fault);

// What the auxiliary vector tells as AT_MINSIGSTKSZ.
uint64_t SmallestSignalStack();

}  // namespace ebb::linux_abi
