// Signals of the program: dispositions, masks, sending, and delivery when a thread returns to the program. The frame on
// the program's stack is signal_frame.h's, the calls are signal_calls.cc's.
#pragma once

#include <cstdint>

#include "abi/ebb_abi.h"
#include "kernel/result.h"
#include "kernel/user_frame.h"
#include "linux/process/signal_queue.h"

namespace ebb {
class Thread;
}

namespace ebb::linux_abi {

constexpr int kSigHup = 1, kSigInt = 2, kSigIll = 4, kSigTrap = 5, kSigAbrt = 6, kSigBus = 7, kSigFpe = 8, kSigKill = 9,
              kSigSegv = 11, kSigPipe = 13, kSigAlrm = 14, kSigTerm = 15, kSigChld = 17, kSigCont = 18, kSigStop = 19,
              kSigTstp = 20, kSigTtin = 21, kSigTtou = 22, kSigUrg = 23, kSigWinch = 28, kSigSys = 31;
constexpr int kSignals = 64;
constexpr uint64_t kUnblockable = SignalBit(kSigKill) | SignalBit(kSigStop);

constexpr uint64_t kSaSigInfo = 4, kSaRestorer = 0x04000000, kSaOnStack = 0x08000000, kSaRestart = 0x10000000,
                   kSaNoDefer = 0x40000000, kSaResetHand = 0x80000000;
constexpr uint64_t kDefaultHandler = 0, kIgnoreHandler = 1;

// What rt_sigaction exchanges on x86-64.
struct KernelSigAction {
  uint64_t handler;
  uint64_t flags;
  uint64_t restorer;
  uint64_t mask;
};

constexpr int32_t kSsOnStack = 1, kSsDisable = 2;
constexpr int32_t kSsAutoDisarm = INT32_MIN;  // bit 31

struct AltStack {
  uint64_t sp = 0;
  int32_t flags = kSsDisable;  // kSsDisable, kSsAutoDisarm
  int32_t pad = 0;
  uint64_t size = 0;

  bool Contains(uint64_t rsp) const { return (flags & kSsDisable) == 0 && rsp > sp && rsp - sp <= size; }
};
static_assert(sizeof(AltStack) == 24);

struct SignalState {
  uint64_t mask = 0;  // bit n-1: signal n
  SignalQueue pending;
  uint64_t awaited = 0;  // sigwait and kin: taken there, blocked or not
  uint64_t saved_mask = 0;
  bool restore_mask = false;  // rt_sigsuspend and the p* waits: mask to put back after delivery
  AltStack alt_stack;
};

// EINVAL, or ENOMEM when it is too small. Does not ask whether the old one is in use.
Result<> SetAltStack(AltStack& current, AltStack wanted);

KernelSigAction& ActionOf(int signal);
// The signals that wait for the process as a whole.
SignalQueue& process_signals();
SigInfo SignalFrom(int signal, int code);

// Sends to one thread; dropped when ignored. False: the queue of a real-time signal is full.
bool SendSignalInfo(Thread& thread, const SigInfo& info);
// Sends to the process: the first thread that may takes it.
bool SendProcessSignal(const SigInfo& info);
// The kernel's own: SIGPIPE.
void SendSignal(Thread& thread, int signal);
// Some thread stopped taking these (it blocked them, or ended): wakes another one that may.
void RetargetProcessSignals(uint64_t signals);
// An action was set: what is ignored now does not wait any more.
void DropIgnored(int signal);

// Before the program continues: delivers what is pending and not blocked. True when the frame was changed.
bool DeliverSignals(Thread& thread, UserFrame& frame);
// A CPU fault of the program: delivers it now, or ends the machine when there is no handler.
void DeliverFault(Thread& thread, UserFrame& frame, uint32_t vector, uint64_t error_code, uint64_t address);

// Temporarily replaces the mask for a blocking call (ppoll, epoll_pwait, sigsuspend); put back after the signal was
// delivered, or by EndMaskedWait.
void BeginMaskedWait(uint64_t mask);
void EndMaskedWait(bool interrupted);

// signal_calls.cc
int64_t SysRtSigaction(int signal, uint64_t action, uint64_t old_action, uint64_t mask_size);
int64_t SysRtSigprocmask(int how, uint64_t set, uint64_t old_set, uint64_t mask_size);
int64_t SysRtSigpending(uint64_t set, uint64_t mask_size);
int64_t SysRtSigsuspend(uint64_t set, uint64_t mask_size);
int64_t SysRtSigtimedwait(uint64_t set, uint64_t info, uint64_t timeout, uint64_t mask_size);
int64_t SysRtSigqueueinfo(int pid, int signal, uint64_t info);
int64_t SysRtTgsigqueueinfo(int group, int tid, int signal, uint64_t info);
int64_t SysSigaltstack(uint64_t stack, uint64_t old_stack);
int64_t SysKill(int pid, int signal);
int64_t SysTkill(int tid, int signal);
int64_t SysTgkill(int group, int tid, int signal);
int64_t SysPause();
// signal_frame.cc
int64_t SysRtSigreturn();
// interval_timer.cc
int64_t SysAlarm(uint32_t seconds);
int64_t SysGetitimer(int which, uint64_t out);
int64_t SysSetitimer(int which, uint64_t value, uint64_t old_value);

}  // namespace ebb::linux_abi
