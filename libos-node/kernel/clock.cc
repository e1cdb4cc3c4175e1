#include "kernel/clock.h"

#include "kernel/clock_page.h"

namespace ebb {
namespace {

constinit const Clock the_clock;

}  // namespace

uint64_t Clock::Now() const { return ReadClockPage().monotonic; }

uint64_t Clock::Realtime() const {
  const ClockSample sample = ReadClockPage();
  return sample.monotonic + static_cast<uint64_t>(sample.realtime_offset);
}

constinit const Clock* const clock = &the_clock;

}  // namespace ebb
