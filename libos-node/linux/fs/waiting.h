// What the waits for readiness (epoll, poll, select) share: deadlines, signal masks, and the tender's turn.
#pragma once

#include <optional>

#include "kernel/result.h"
#include "kernel/wait_queue.h"
#include "linux/abi.h"

namespace ebb::linux_abi {

// Absolute, of clock->Now(). Negative milliseconds: kForever.
uint64_t DeadlineOfMilliseconds(int64_t milliseconds);
// A timespec of the program that holds a duration; address 0: kForever. EINVAL.
Result<uint64_t> DeadlineAt(uint64_t timespec_address);
uint64_t DeadlineOf(uint64_t duration_ns);
inline constexpr bool IsPoll(uint64_t deadline) { return deadline == 0; }

// The signal mask of ppoll, pselect and epoll_pwait, in effect while the object lives.
class MaskedWait {
 public:
  // Address 0: none. EINVAL when the size is wrong.
  Result<> Begin(uint64_t mask_address, uint64_t mask_size);
  // Call with the result of the wait; restores the mask, after a signal only once that was delivered.
  int64_t End(int64_t result);

 private:
  bool active_ = false;
};

// Dispatches what has come in from the tender: no exit.
void TakeEvents();
// Before a wait that would sleep: true when something was dispatched that may have made a file ready. When others can
// run, the tender is told of what is queued for it; when nobody can, the sleep itself tells it, in one exit.
void BeforeSleep();

// The bits that poll and epoll know besides those of File::PollEvents: RDNORM follows IN, WRNORM follows OUT.
uint32_t ExpandEvents(uint32_t events);

}  // namespace ebb::linux_abi
