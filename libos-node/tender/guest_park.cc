// The words through which a guest process parks.
#include "tender/guest_park.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "tender/clock.h"

namespace ebb::tender {
namespace {

constexpr uint64_t kNsPerMs = 1000000;
// A guest may be on its way into its wait, past its look at the request: hence again and again.
constexpr uint64_t kAskAgainNs = kNsPerMs;

void Wake(uint32_t* word) { syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0); }

}  // namespace

bool GuestPark::IsParked() const {
  return std::atomic_ref(shared_.tail(0)->parked).load(std::memory_order_acquire) == kGuestParked;
}

void GuestPark::LetGo() {
  std::atomic_ref(shared_.core(0)->park_requested).store(0, std::memory_order_seq_cst);
  RingTail* tail = shared_.tail(0);
  tail->park_result = 0;
  std::atomic_ref(tail->parked).store(0, std::memory_order_release);
  Wake(&tail->parked);
}

void GuestPark::Finish(const ParkedState* state) {
  const Answer answer = std::exchange(answer_, nullptr);
  answer(state);
}

void GuestPark::Request(const ParkRequest& request, uint64_t monotonic_offset_ns, Answer answer) {
  if (state_ != State::kRunning) return answer(nullptr);
  state_ = State::kAsked;
  deadline_ns_ = ReadClocks().monotonic_ns + request.rest_ms * kNsPerMs;
  hold_ns_ = request.hold_ms * kNsPerMs;
  monotonic_offset_ns_ = monotonic_offset_ns;
  answer_ = std::move(answer);
}

bool GuestPark::Resume() {
  if (state_ != State::kHeld) return false;
  const bool held = IsParked();  // a hostile guest may have let itself go
  state_ = State::kRunning;
  LetGo();
  return held;
}

int64_t GuestPark::Step() {
  if (state_ == State::kRunning) {
    if (IsParked()) LetGo();  // too late
    return -1;
  }
  const uint64_t now = ReadClocks().monotonic_ns;
  if (state_ == State::kAsked) {
    if (IsParked()) {
      const RingTail* tail = shared_.tail(0);
      const ParkedState state{tail->park_rip, tail->park_rsp, tail->park_fs_base, tail->park_gs_base,
                              now + monotonic_offset_ns_};
      state_ = State::kHeld;
      deadline_ns_ = now + hold_ns_;
      Finish(&state);
    } else if (now >= deadline_ns_) {
      state_ = State::kRunning;
      std::atomic_ref(shared_.core(0)->park_requested).store(0, std::memory_order_seq_cst);
      Finish(nullptr);
      return -1;
    } else {
      ebb_core_shared* core = shared_.core(0);
      std::atomic_ref(core->park_requested).store(1, std::memory_order_seq_cst);
      Wake(&core->cq_tail);
      return static_cast<int64_t>(std::min(kAskAgainNs, deadline_ns_ - now));
    }
  }
  if (now >= deadline_ns_) {
    state_ = State::kRunning;
    LetGo();
    return -1;
  }
  return static_cast<int64_t>(deadline_ns_ - now);
}

}  // namespace ebb::tender
