// Signals of the program: handlers, masks, delivery with Linux's frame on the program's stack. Delivery happens when a
// thread returns to the program.
#pragma once

#include <cstdint>

#include "abi/ebb_abi.h"
#include "kernel/user_frame.h"

namespace ebb {
class Thread;
}

namespace ebb::linux_abi {

constexpr int kSigHup = 1, kSigInt = 2, kSigIll = 4, kSigTrap = 5, kSigAbrt = 6, kSigBus = 7, kSigFpe = 8, kSigKill = 9,
              kSigSegv = 11, kSigPipe = 13, kSigTerm = 15, kSigChld = 17, kSigCont = 18, kSigStop = 19, kSigTstp = 20,
              kSigTtin = 21, kSigTtou = 22, kSigUrg = 23, kSigWinch = 28, kSigSys = 31;
constexpr int kSignals = 64;

struct SigInfo {
  int32_t signo;
  int32_t error;
  int32_t code;
  int32_t pad;
  uint64_t fields[14];
};
static_assert(sizeof(SigInfo) == 128);

struct AltStack {
  uint64_t sp = 0;
  int32_t flags = 2;  // SS_DISABLE
  int32_t pad = 0;
  uint64_t size = 0;
};
static_assert(sizeof(AltStack) == 24);

struct SignalState {
  uint64_t mask = 0;     // bit n-1: signal n
  uint64_t pending = 0;  // for this thread; process-wide ones go to the first thread that does not block them
  uint64_t saved_mask = 0;
  bool restore_mask = false;  // rt_sigsuspend and the p* waits: mask to put back after delivery
  AltStack alt_stack;
};

// Sends to one thread; it becomes pending (or is dropped when ignored).
void SendSignal(Thread& thread, int signal);
// Before the program continues: delivers what is pending and not blocked. True when the frame was changed.
bool DeliverSignals(Thread& thread, UserFrame& frame);
// A CPU fault of the program: delivers it now, or ends the machine when there is no handler.
void DeliverFault(Thread& thread, UserFrame& frame, uint32_t vector, uint64_t error_code, uint64_t address);

// Temporarily replaces the mask for a blocking call (ppoll, epoll_pwait, sigsuspend); put back after the signal was
// delivered, or by EndMaskedWait.
void BeginMaskedWait(uint64_t mask);
void EndMaskedWait(bool interrupted);

int64_t SysRtSigaction(int signal, uint64_t action, uint64_t old_action, uint64_t mask_size);
int64_t SysRtSigprocmask(int how, uint64_t set, uint64_t old_set, uint64_t mask_size);
int64_t SysRtSigpending(uint64_t set, uint64_t mask_size);
int64_t SysRtSigsuspend(uint64_t set, uint64_t mask_size);
int64_t SysRtSigtimedwait(uint64_t set, uint64_t info, uint64_t timeout, uint64_t mask_size);
int64_t SysRtSigreturn();
int64_t SysSigaltstack(uint64_t stack, uint64_t old_stack);
int64_t SysKill(int pid, int signal);
int64_t SysTkill(int tid, int signal);
int64_t SysTgkill(int group, int tid, int signal);
int64_t SysPause();

}  // namespace ebb::linux_abi
