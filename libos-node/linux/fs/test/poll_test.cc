// poll and select.
#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

constexpr uint16_t kIn = 1, kOut = 4, kErr = 8, kHup = 16, kNval = 32, kReadNormal = 64;

struct Entry {
  int32_t fd;
  uint16_t events;
  uint16_t ready;
};

class PollTest : public FsTest {
 protected:
  PollTest() { EXPECT_EQ(SysPipe2(P(pipe_), kONonblock), 0); }
  int pipe_[2] = {-1, -1};
};

TEST_F(PollTest, TellsWhatHolds) {
  Entry entries[] = {{pipe_[0], kIn, 99}, {pipe_[1], kOut, 99}, {-1, kIn, 99}, {77, kIn, 99}};
  EXPECT_EQ(SysPoll(P(entries), 4, -1), 2);
  EXPECT_EQ(entries[0].ready, 0);
  EXPECT_EQ(entries[1].ready, kOut);
  EXPECT_EQ(entries[2].ready, 0);
  EXPECT_EQ(entries[3].ready, kNval);
  EXPECT_EQ(WriteText(pipe_[1], "x"), 1);
  entries[0].events = kIn | kReadNormal;
  EXPECT_EQ(SysPoll(P(entries), 1, 0), 1);
  EXPECT_EQ(entries[0].ready, kIn | kReadNormal);
  const int file = static_cast<int>(Open("/etc/hosts"));
  Entry regular = {file, kIn | kOut, 0};
  EXPECT_EQ(SysPoll(P(&regular), 1, -1), 1);
  EXPECT_EQ(regular.ready, kIn | kOut);
}

TEST_F(PollTest, SleepsUntilReadyOrTheEndOfTime) {
  Entry entries[] = {{pipe_[0], kIn, 0}, {pipe_[0], 0, 0}};
  world().meanwhile = {[&] { EXPECT_EQ(WriteText(pipe_[1], "x"), 1); }};
  EXPECT_EQ(SysPoll(P(entries), 2, -1), 1);
  EXPECT_EQ(entries[0].ready, kIn);
  char byte;
  EXPECT_EQ(SysRead(pipe_[0], P(&byte), 1), 1);
  const uint64_t before = world().now_ns;
  EXPECT_EQ(SysPoll(P(entries), 2, 30), 0);
  EXPECT_EQ(world().now_ns - before, 30'000'000u);
  world().meanwhile = {[&] { EXPECT_EQ(SysClose(pipe_[1]), 0); }};
  EXPECT_EQ(SysPoll(P(entries), 2, -1), 2);
  EXPECT_EQ(entries[1].ready, kHup) << "not asked for, told all the same";
}

TEST_F(PollTest, ClosedDuringTheSleepIsSafe) {
  Entry entries[] = {{pipe_[0], kIn, 0}};
  world().meanwhile = {[&] { EXPECT_EQ(SysClose(pipe_[0]), 0); }};
  EXPECT_EQ(SysPoll(P(entries), 1, 5), 0);
}

TEST_F(PollTest, SignalsAndTheirMask) {
  Entry entries[] = {{pipe_[0], kIn, 0}};
  world().signal_pending = true;
  const uint64_t mask = 5;
  const TimeSpec timeout = {1, 0};
  EXPECT_EQ(SysPpoll(P(entries), 1, P(&timeout), P(&mask), 8), Error(Errno::kIntr));
  EXPECT_EQ(world().mask_during_wait, 5u);
  EXPECT_EQ(SysPpoll(P(entries), 1, P(&timeout), P(&mask), 7), Error(Errno::kInval));
  EXPECT_EQ(SysPoll(P(entries), 70000, 0), Error(Errno::kInval));
  EXPECT_EQ(SysPoll(16, 1, 0), Error(Errno::kFault));
}

TEST_F(PollTest, SelectByBits) {
  uint64_t read_set[2] = {}, write_set[2] = {}, except_set[2] = {};
  const auto set = [](uint64_t* bits, int fd) { bits[fd / 64] |= 1ull << (fd % 64); };
  ASSERT_EQ(SysDup2(pipe_[0], 70), 70);
  set(read_set, 70);
  set(write_set, pipe_[1]);
  set(except_set, pipe_[1]);
  EXPECT_EQ(SysSelect(71, P(read_set), P(write_set), P(except_set), 0), 1);
  EXPECT_EQ(read_set[1], 0u);
  EXPECT_EQ(write_set[0], 1ull << pipe_[1]);
  EXPECT_EQ(except_set[0], 0u);
  set(read_set, 70);
  world().meanwhile = {[&] {
    world().now_ns += 250'000'000;
    EXPECT_EQ(WriteText(pipe_[1], "x"), 1);
  }};
  TimeVal rest = {1, 0};
  EXPECT_EQ(SysSelect(71, P(read_set), 0, 0, P(&rest)), 1);
  EXPECT_EQ(read_set[1], 1ull << 6);
  EXPECT_EQ(rest.seconds, 0);
  EXPECT_EQ(rest.microseconds, 750'000) << "Linux tells what is left";
  read_set[0] = 1ull << 40;
  EXPECT_EQ(SysSelect(64, P(read_set), 0, 0, P(&rest)), Error(Errno::kBadF));
  EXPECT_EQ(SysSelect(-1, 0, 0, 0, 0), Error(Errno::kInval));
  const uint64_t mask = 9;
  const uint64_t mask_and_size[2] = {P(&mask), 8};
  TimeSpec timeout = {0, 5'000'000};
  EXPECT_EQ(SysPselect6(0, 0, 0, 0, P(&timeout), P(mask_and_size)), 0);
  EXPECT_EQ(world().mask_during_wait, 9u);
  EXPECT_EQ(timeout.nanoseconds, 0);
}

TEST_F(PollTest, SelectOnABrokenPipeIsWritable) {
  EXPECT_EQ(SysClose(pipe_[0]), 0);
  uint64_t write_set = 1ull << pipe_[1];
  EXPECT_EQ(SysSelect(64, 0, P(&write_set), 0, 0), 1);
  Entry entry = {pipe_[1], kOut, 0};
  EXPECT_EQ(SysPoll(P(&entry), 1, 0), 1);
  EXPECT_EQ(entry.ready, kOut | kErr);
}

}  // namespace
}  // namespace ebb::linux_abi
