// timerfd: expirations counted, re-armed, waited for.
#include "linux/fs/epoll.h"
#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

struct Setting {
  TimeSpec interval;
  TimeSpec value;
};

class TimerFdTest : public FsTest {
 protected:
  int Create(int clock_id = 1) { return static_cast<int>(SysTimerfdCreate(clock_id, kONonblock)); }
  static uint64_t Expirations(int fd) {
    uint64_t count = 0;
    const int64_t got = SysRead(fd, P(&count), 8);
    return got == 8 ? count : 0;
  }
  // Lets time pass, timers firing on the way.
  static void Pass(uint64_t ns) {
    const TimeSpec duration = {static_cast<int64_t>(ns / 1'000'000'000), static_cast<int64_t>(ns % 1'000'000'000)};
    EXPECT_EQ(SysPpoll(0, 0, P(&duration), 0, 0), 0);
  }
};

TEST_F(TimerFdTest, FiresOnce) {
  const int fd = Create();
  const Setting setting = {{0, 0}, {0, 10'000'000}};
  ASSERT_EQ(SysTimerfdSettime(fd, 0, P(&setting), 0), 0);
  EXPECT_EQ(Expirations(fd), 0u);
  Setting left = {};
  Pass(4'000'000);
  EXPECT_EQ(SysTimerfdGettime(fd, P(&left)), 0);
  EXPECT_EQ(left.value.nanoseconds, 6'000'000);
  Pass(20'000'000);
  EXPECT_EQ(Expirations(fd), 1u);
  Pass(20'000'000);
  EXPECT_EQ(Expirations(fd), 0u);
}

TEST_F(TimerFdTest, IntervalsAreCountedWhenReadAndKeepTheirPhase) {
  const int fd = Create();
  const Setting setting = {{0, 10'000'000}, {0, 5'000'000}};
  ASSERT_EQ(SysTimerfdSettime(fd, 0, P(&setting), 0), 0);
  Pass(36'000'000);
  EXPECT_EQ(Expirations(fd), 4u) << "at 5, 15, 25 and 35";
  EXPECT_EQ(Expirations(fd), 0u);
  Setting left = {};
  EXPECT_EQ(SysTimerfdGettime(fd, P(&left)), 0);
  EXPECT_EQ(left.value.nanoseconds, 9'000'000);
  EXPECT_EQ(left.interval.nanoseconds, 10'000'000);
  Pass(10'000'000);
  EXPECT_EQ(Expirations(fd), 1u);
}

TEST_F(TimerFdTest, AbsoluteTimesOfBothClocks) {
  for (const int clock_id : {0, 1}) {
    const int fd = Create(clock_id);
    const uint64_t now = world().now_ns + (clock_id == 0 ? world().realtime_offset_ns : 0);
    const uint64_t at = now + 3'000'000;
    const Setting setting = {{0, 0},
                             {static_cast<int64_t>(at / 1'000'000'000), static_cast<int64_t>(at % 1'000'000'000)}};
    ASSERT_EQ(SysTimerfdSettime(fd, 1, P(&setting), 0), 0);
    Pass(2'000'000);
    EXPECT_EQ(Expirations(fd), 0u);
    Pass(2'000'000);
    EXPECT_EQ(Expirations(fd), 1u);
    const Setting past = {{0, 0}, {1, 0}};
    ASSERT_EQ(SysTimerfdSettime(fd, 1, P(&past), 0), 0);
    Pass(1);
    EXPECT_EQ(Expirations(fd), 1u);
  }
}

TEST_F(TimerFdTest, WakesAnEpollSet) {
  const int fd = Create(), set = static_cast<int>(SysEpollCreate1(0));
  EpollEvent event = {kEpollIn, {1, 0}};
  ASSERT_EQ(SysEpollCtl(set, 1, fd, P(&event)), 0);
  const Setting setting = {{0, 0}, {0, 7'000'000}};
  ASSERT_EQ(SysTimerfdSettime(fd, 0, P(&setting), 0), 0);
  const uint64_t before = world().now_ns;
  EXPECT_EQ(SysEpollWait(set, P(&event), 1, -1), 1);
  EXPECT_EQ(world().now_ns - before, 7'000'000u);
  const Setting off = {};
  Setting old = {};
  ASSERT_EQ(SysTimerfdSettime(fd, 0, P(&off), P(&old)), 0);
  EXPECT_EQ(SysEpollWait(set, P(&event), 1, 5), 0) << "disarmed";
}

TEST_F(TimerFdTest, RefusesBadSettings) {
  const int fd = Create();
  Setting setting = {{0, 0}, {0, 1'000'000'000}};
  EXPECT_EQ(SysTimerfdSettime(fd, 0, P(&setting), 0), Error(Errno::kInval));
  setting = {{0, 0}, {-1, 0}};
  EXPECT_EQ(SysTimerfdSettime(fd, 0, P(&setting), 0), Error(Errno::kInval));
  setting = {};
  EXPECT_EQ(SysTimerfdSettime(fd, 8, P(&setting), 0), Error(Errno::kInval));
  EXPECT_EQ(SysTimerfdSettime(0, 0, P(&setting), 0), Error(Errno::kInval));
  EXPECT_EQ(SysTimerfdCreate(99, 0), Error(Errno::kInval));
}

}  // namespace
}  // namespace ebb::linux_abi
