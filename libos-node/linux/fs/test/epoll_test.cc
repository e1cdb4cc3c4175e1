// epoll: which events are told, how often, and when a wait ends.
#include "linux/fs/epoll.h"

#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

constexpr int kAdd = 1, kDelete = 2, kModify = 3;

class EpollTest : public FsTest {
 protected:
  EpollTest() {
    set_ = static_cast<int>(SysEpollCreate1(0));
    EXPECT_EQ(SysPipe2(P(pipe_), kONonblock), 0);
    event_ = static_cast<int>(SysEventfd2(0, kONonblock));
  }

  static int64_t Control(int set, int operation, int fd, uint32_t events, uint32_t data = 0) {
    const EpollEvent event = {events, {data, data + 1}};
    return SysEpollCtl(set, operation, fd, P(&event));
  }
  int64_t Control(int operation, int fd, uint32_t events, uint32_t data = 0) {
    return Control(set_, operation, fd, events, data);
  }

  int64_t Wait(int timeout_ms, int count = 8) {
    for (EpollEvent& event : events_) event = {};
    return SysEpollWait(set_, P(events_), count, timeout_ms);
  }
  void Signal() const {
    const uint64_t one = 1;
    EXPECT_EQ(SysWrite(event_, P(&one), 8), 8);
  }
  void Drain() const {
    uint64_t value;
    EXPECT_EQ(SysRead(event_, P(&value), 8), 8);
  }

  int set_ = -1, event_ = -1;
  int pipe_[2] = {-1, -1};
  EpollEvent events_[8];
};

TEST_F(EpollTest, LevelTriggeredTellsAsLongAsItHolds) {
  ASSERT_EQ(Control(kAdd, event_, kEpollIn, 42), 0);
  EXPECT_EQ(Wait(0), 0);
  Signal();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Wait(0), 1);
    EXPECT_EQ(events_[0].events, kEpollIn);
    EXPECT_EQ(events_[0].data[0], 42u);
    EXPECT_EQ(events_[0].data[1], 43u);
  }
  Drain();
  EXPECT_EQ(Wait(0), 0);
}

TEST_F(EpollTest, EdgeTriggeredTellsOncePerChange) {
  ASSERT_EQ(Control(kAdd, event_, kEpollIn | kEpollEt), 0);
  Signal();
  EXPECT_EQ(Wait(0), 1);
  EXPECT_EQ(Wait(0), 0);
  Signal();
  EXPECT_EQ(Wait(0), 1) << "a new write is a new edge, though it was readable before";
  EXPECT_EQ(Wait(0), 0);
}

TEST_F(EpollTest, OneShotNeedsRearming) {
  ASSERT_EQ(Control(kAdd, event_, kEpollIn | kEpollOneShot), 0);
  Signal();
  EXPECT_EQ(Wait(0), 1);
  Signal();
  EXPECT_EQ(Wait(0), 0);
  ASSERT_EQ(Control(kModify, event_, kEpollIn | kEpollOneShot), 0);
  EXPECT_EQ(Wait(0), 1);
}

TEST_F(EpollTest, EndsAreAlwaysTold) {
  ASSERT_EQ(Control(kAdd, pipe_[0], 0), 0);
  ASSERT_EQ(Control(kAdd, pipe_[1], kEpollOut | kEpollEt), 0);
  ASSERT_EQ(Wait(0), 1);
  EXPECT_EQ(events_[0].events, kEpollOut);
  ASSERT_EQ(SysClose(pipe_[1]), 0);
  ASSERT_EQ(Wait(0), 1);
  EXPECT_EQ(events_[0].events, kEpollHup);
}

TEST_F(EpollTest, OnlyWantedEventsWakeTheWaiter) {
  ASSERT_EQ(Control(kAdd, pipe_[1], kEpollErr), 0);
  // Room in the pipe is no error: the wait goes on to its end.
  world().meanwhile = {[&] { EXPECT_EQ(WriteText(pipe_[1], "x"), 1); },
                       [&] {
                         char byte;
                         EXPECT_EQ(SysRead(pipe_[0], P(&byte), 1), 1);
                       }};
  const uint64_t before = world().now_ns;
  EXPECT_EQ(Wait(20), 0);
  EXPECT_EQ(world().now_ns - before, 20'000'000u);
}

TEST_F(EpollTest, SleepsUntilReady) {
  ASSERT_EQ(Control(kAdd, event_, kEpollIn, 7), 0);
  world().meanwhile = {[&] { Signal(); }};
  const uint64_t before = world().now_ns;
  ASSERT_EQ(Wait(-1), 1);
  EXPECT_EQ(events_[0].data[0], 7u);
  EXPECT_EQ(world().now_ns, before);
}

TEST_F(EpollTest, TimesOutAndIsInterrupted) {
  const uint64_t before = world().now_ns;
  EXPECT_EQ(Wait(1500), 0);
  EXPECT_EQ(world().now_ns - before, 1'500'000'000u);
  world().signal_pending = true;
  EXPECT_EQ(Wait(-1), Error(Errno::kIntr));
  const uint64_t mask = 0xff;
  EXPECT_EQ(SysEpollPwait(set_, P(events_), 8, -1, P(&mask), 8), Error(Errno::kIntr));
  EXPECT_EQ(world().mask_during_wait, 0xffu);
  EXPECT_EQ(world().mask_ends, 1);
  EXPECT_EQ(SysEpollPwait(set_, P(events_), 8, -1, P(&mask), 4), Error(Errno::kInval));
}

TEST_F(EpollTest, ManyReadyFilesGetTheirTurn) {
  std::vector<int> fds;
  for (uint32_t i = 0; i < 20; ++i) {
    fds.push_back(static_cast<int>(SysEventfd2(1, 0)));
    ASSERT_EQ(Control(kAdd, fds.back(), kEpollIn, i), 0);
  }
  std::vector<int> told(20, 0);
  for (int round = 0; round < 10; ++round) {
    ASSERT_EQ(Wait(0, 4), 4);
    for (int i = 0; i < 4; ++i) ++told[events_[i].data[0]];
  }
  EXPECT_EQ(told, std::vector<int>(20, 2));
}

TEST_F(EpollTest, ClosingTheLastDescriptorEndsTheWatch) {
  ASSERT_EQ(Control(kAdd, event_, kEpollIn, 1), 0);
  Signal();
  const int copy = static_cast<int>(SysDup(event_));
  ASSERT_EQ(SysClose(event_), 0);
  EXPECT_EQ(Wait(0), 1) << "the open file lives on in the copy, as in Linux";
  ASSERT_EQ(SysClose(copy), 0);
  EXPECT_EQ(Wait(0), 0);
  event_ = static_cast<int>(SysEventfd2(0, 0));
  EXPECT_EQ(Control(kAdd, event_, kEpollIn), 0) << "the number is free again";
}

TEST_F(EpollTest, SetsInSetsPassReadinessOn) {
  const int inner = static_cast<int>(SysEpollCreate1(0));
  ASSERT_EQ(Control(inner, kAdd, event_, kEpollIn), 0);
  ASSERT_EQ(Control(kAdd, inner, kEpollIn, 5), 0);
  EXPECT_EQ(Wait(0), 0);
  world().meanwhile = {[&] { Signal(); }};
  ASSERT_EQ(Wait(-1), 1);
  EXPECT_EQ(events_[0].data[0], 5u);
  Drain();
  EXPECT_EQ(Wait(0), 0);
  EXPECT_EQ(Control(inner, kAdd, set_, kEpollIn), Error(Errno::kLoop));
}

TEST_F(EpollTest, NestingHasALimit) {
  int outer = set_;
  int64_t result = 0;
  int depth = 0;
  for (; depth < 10 && result == 0; ++depth) {
    const int next = static_cast<int>(SysEpollCreate1(0));
    result = Control(next, kAdd, outer, kEpollIn);
    outer = next;
  }
  EXPECT_EQ(result, Error(Errno::kLoop));
  EXPECT_LE(depth, 6);
}

TEST_F(EpollTest, NestingIsLimitedFromTheOutsideToo) {
  int inner = set_;
  int64_t result = 0;
  int depth = 0;
  for (; depth < 10 && result == 0; ++depth) {
    const int next = static_cast<int>(SysEpollCreate1(0));
    result = Control(inner, kAdd, next, kEpollIn);
    inner = next;
  }
  EXPECT_EQ(result, Error(Errno::kLoop));
  EXPECT_LE(depth, 6);
}

TEST_F(EpollTest, RefusesWhatLinuxRefuses) {
  ASSERT_EQ(Control(kAdd, event_, kEpollIn), 0);
  EXPECT_EQ(Control(kAdd, event_, kEpollIn), Error(Errno::kExist));
  EXPECT_EQ(Control(kModify, pipe_[0], kEpollIn), Error(Errno::kNoEnt));
  EXPECT_EQ(Control(kDelete, pipe_[0], 0), Error(Errno::kNoEnt));
  EXPECT_EQ(Control(kAdd, set_, kEpollIn), Error(Errno::kInval));
  EXPECT_EQ(Control(kAdd, 99, kEpollIn), Error(Errno::kBadF));
  EXPECT_EQ(Control(7, event_, kEpollIn), Error(Errno::kInval));
  EXPECT_EQ(SysEpollCtl(set_, kAdd, pipe_[0], 0), Error(Errno::kFault));
  EXPECT_EQ(SysEpollCtl(set_, kDelete, event_, 0), 0);
  const int file = static_cast<int>(Open("/etc/hosts"));
  EXPECT_EQ(Control(kAdd, file, kEpollIn), Error(Errno::kPerm));
  EXPECT_EQ(SysEpollCtl(file, kAdd, event_, P(events_)), Error(Errno::kInval));
  EXPECT_EQ(SysEpollWait(event_, P(events_), 1, 0), Error(Errno::kInval));
  EXPECT_EQ(SysEpollWait(set_, P(events_), 0, 0), Error(Errno::kInval));
  EXPECT_EQ(SysEpollWait(set_, 0, 1, 0), Error(Errno::kFault));
  EXPECT_EQ(SysEpollCreate(0), Error(Errno::kInval));
}

TEST_F(EpollTest, TheTenderGetsItsTurn) {
  ASSERT_EQ(Control(kAdd, event_, kEpollIn), 0);
  world().tender_polls = 0;
  EXPECT_EQ(Wait(0), 0);
  EXPECT_EQ(world().tender_polls, 1) << "a program that only polls must see what comes in";
  world().on_tender_poll = [&] { Signal(); };
  EXPECT_EQ(Wait(0), 1) << "and at once";
  world().on_tender_poll = nullptr;
  world().tender_polls = 0;
  EXPECT_EQ(Wait(0), 1);
  EXPECT_EQ(world().tender_polls, 1) << "a program that always has work must not keep its output";
  Drain();
  world().tender_polls = 0;
  EXPECT_EQ(Wait(10), 0);
  EXPECT_EQ(world().tender_polls, 0) << "the sleep is the one exit";
  world().others_runnable = true;
  EXPECT_EQ(Wait(10), 0);
  EXPECT_EQ(world().tender_polls, 1) << "nobody sleeps, so nobody else tells the tender";
}

}  // namespace
}  // namespace ebb::linux_abi
