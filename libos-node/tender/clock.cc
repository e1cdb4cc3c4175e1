// Calibration and rebasing of the guest's clock page.
#include "tender/clock.h"

#include <x86intrin.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <ctime>

namespace ebb::tender {
namespace {

constexpr uint32_t kShift = 32;
constexpr uint64_t kSecond = 1000000000ull;
// A window shorter than this measures the rate worse than what is known already.
constexpr uint64_t kRateWindowNs = 100000000ull;
// How much a page that is ahead is slowed down: 0.1 %, more than any clock drifts.
constexpr uint64_t kSlewDivisor = 1000;

uint64_t Now(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t Scale(uint64_t ticks, uint64_t mult) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(ticks) * mult) >> kShift);
}

uint64_t RateOf(uint64_t ns, uint64_t ticks) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(ns) << kShift) / std::max<uint64_t>(ticks, 1));
}

}  // namespace

ClockReading ReadClocks() {
  ClockReading best{};
  uint64_t best_gap = UINT64_MAX;
  for (int i = 0; i < 3; ++i) {
    const uint64_t before = __rdtsc();
    const uint64_t monotonic = Now(CLOCK_MONOTONIC);
    const uint64_t gap = __rdtsc() - before;
    if (gap < best_gap) {
      best_gap = gap;
      best = {before + gap / 2, monotonic};
    }
  }
  return best;
}

Clock::Clock(ebb_clock* page, const ClockReading& first, uint64_t tsc_khz) : page_(page), anchor_(first) {
  if (tsc_khz != 0) {
    rate_ = RateOf(1000000, tsc_khz);
  } else {
    while (Now(CLOCK_MONOTONIC) < first.monotonic_ns + 1000000) _mm_pause();
    const ClockReading now = ReadClocks();
    rate_ = RateOf(now.monotonic_ns - first.monotonic_ns, now.tsc - first.tsc);
  }
}

void Clock::SetGuestTscOffset(uint64_t offset) {
  tsc_offset_ = offset;
  sequence_ = 0;  // the next Rebase starts afresh
}

uint64_t Clock::GuestNow(uint64_t tsc) const {
  const uint64_t guest_tsc = tsc + tsc_offset_;
  return guest_tsc > tsc_base_ ? base_ns_ + Scale(guest_tsc - tsc_base_, mult_) : base_ns_;
}

void Clock::RebaseAt(const ClockReading& now) {
  if (now.monotonic_ns > anchor_.monotonic_ns + kRateWindowNs && now.tsc > anchor_.tsc) {
    const uint64_t measured = RateOf(now.monotonic_ns - anchor_.monotonic_ns, now.tsc - anchor_.tsc);
    const uint64_t difference = measured > rate_ ? measured - rate_ : rate_ - measured;
    // A jump means that the TSC or the host slept: measure afresh from here.
    if (difference > rate_ / kSlewDivisor)
      anchor_ = now;
    else
      rate_ = measured;
  }
  uint64_t base_ns = now.monotonic_ns + monotonic_offset_;
  uint64_t mult = rate_;
  if (sequence_ != 0) {
    const uint64_t guest_ns = GuestNow(now.tsc);
    if (guest_ns > base_ns) {
      base_ns = guest_ns;
      mult -= mult / kSlewDivisor;
    }
  }
  mult_ = mult;
  base_ns_ = base_ns;
  tsc_base_ = now.tsc + tsc_offset_;

  const auto store = [](auto& field, auto value) { std::atomic_ref(field).store(value, std::memory_order_relaxed); };
  store(page_->sequence, ++sequence_);
  std::atomic_thread_fence(std::memory_order_release);
  store(page_->shift, kShift);
  store(page_->mult, mult_);
  store(page_->tsc_base, tsc_base_);
  store(page_->base_ns, base_ns_);
  store(page_->realtime_offset_ns,
        static_cast<int64_t>(Now(CLOCK_REALTIME) - Now(CLOCK_MONOTONIC) - monotonic_offset_));
  std::atomic_ref(page_->sequence).store(++sequence_, std::memory_order_release);
}

}  // namespace ebb::tender
