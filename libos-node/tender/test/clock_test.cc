// Clock: the page follows the host, never goes back, and learns the rate.
#include "tender/clock.h"

#include <gtest/gtest.h>

namespace ebb::tender {
namespace {

uint64_t PageNow(const ebb_clock& page, uint64_t tsc) {
  return page.base_ns +
         static_cast<uint64_t>(static_cast<unsigned __int128>(tsc - page.tsc_base) * page.mult >> page.shift);
}

constexpr uint64_t kKhz = 2000000;  // two ticks a nanosecond
ClockReading At(uint64_t ns, double ticks_per_ns = 2) {
  return {static_cast<uint64_t>(static_cast<double>(ns) * ticks_per_ns), ns};
}

TEST(Clock, FollowsAKnownRate) {
  ebb_clock page{};
  Clock clock(&page, At(1000), kKhz);
  clock.RebaseAt(At(5000));
  EXPECT_EQ(page.sequence % 2, 0u);
  EXPECT_EQ(PageNow(page, 10000), 5000u);
  EXPECT_NEAR(static_cast<double>(PageNow(page, 10000 + 2000000000)), 1000005000.0, 2.0);
}

TEST(Clock, GuestOffsetIsKept) {
  ebb_clock page{};
  Clock clock(&page, At(0), kKhz);
  clock.SetGuestTscOffset(0 - 4000ull);
  clock.RebaseAt(At(5000));
  EXPECT_EQ(PageNow(page, 10000 - 4000), 5000u);
}

TEST(Clock, NeverGoesBackAndCatchesUp) {
  ebb_clock page{};
  // The TSC is believed to run at 2 ticks a nanosecond but makes 2.0002: the page runs ahead by 100 ppm until the rate
  // is measured.
  const auto reading = [](uint64_t ns) { return At(ns, 2.0002); };
  Clock clock(&page, reading(0), kKhz);
  clock.RebaseAt(reading(1000));
  uint64_t last = 0;
  double worst_late = 0;
  for (uint64_t ns = 2000; ns < 3000000000ull; ns += 7000000) {
    const ClockReading now = reading(ns);
    const uint64_t before = PageNow(page, now.tsc);
    clock.RebaseAt(now);
    const uint64_t after = PageNow(page, now.tsc);
    ASSERT_GE(after, before);
    ASSERT_GE(after, last);
    last = after;
    if (ns > 1500000000ull)
      worst_late = std::max(worst_late, std::abs(static_cast<double>(after) - static_cast<double>(ns)));
  }
  EXPECT_LT(worst_late, 100.0);  // ns, a second after the start
}

TEST(Clock, ASleepingHostIsFollowed) {
  ebb_clock page{};
  Clock clock(&page, At(0), kKhz);
  clock.RebaseAt(At(1000));
  // One second passes without ticks.
  clock.RebaseAt({2000, 1000000000});
  EXPECT_EQ(PageNow(page, 2000), 1000000000u);
  clock.RebaseAt({2000 + 2000000, 1001000000});
  EXPECT_NEAR(static_cast<double>(PageNow(page, 2000 + 4000000)), 1002000000.0, 1000.0);
}

TEST(Clock, MeasuresTheRealTsc) {
  ebb_clock page{};
  Clock clock(&page, ReadClocks(), 0);
  clock.Rebase();
  const ClockReading now = ReadClocks();
  EXPECT_NEAR(static_cast<double>(PageNow(page, now.tsc)), static_cast<double>(now.monotonic_ns), 100000.0);
}

}  // namespace
}  // namespace ebb::tender
