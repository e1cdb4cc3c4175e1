// Pipes and eventfds: what they hold, when they block, how they end.
#include "linux/fs/test/world.h"
#include "linux/process/signal.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

class PipeTest : public FsTest {
 protected:
  void Make(uint32_t flags = 0) { ASSERT_EQ(SysPipe2(P(ends_), flags), 0); }
  int64_t Read(size_t size) {
    buffer_.assign(size, '#');
    const int64_t got = SysRead(ends_[0], P(buffer_.data()), size);
    if (got >= 0) buffer_.resize(static_cast<size_t>(got));
    return got;
  }

  int ends_[2] = {-1, -1};
  std::string buffer_;
};

TEST_F(PipeTest, CarriesBytesInOrderAcrossItsRing) {
  Make();
  std::string expected;
  for (int round = 0; round < 50; ++round) {
    const std::string text(static_cast<size_t>(500 + round * 37), static_cast<char>('a' + round % 26));
    ASSERT_EQ(WriteText(ends_[1], text), static_cast<int64_t>(text.size()));
    expected += text;
    ASSERT_EQ(Read(700), 700 < static_cast<int64_t>(expected.size()) ? 700 : static_cast<int64_t>(expected.size()));
    ASSERT_EQ(buffer_, expected.substr(0, buffer_.size()));
    expected.erase(0, buffer_.size());
  }
  int32_t pending = 0;
  EXPECT_EQ(SysIoctl(ends_[0], 0x541b, P(&pending)), 0);
  EXPECT_EQ(static_cast<size_t>(pending), expected.size());
}

TEST_F(PipeTest, ReaderSleepsUntilBytesComeAndSeesTheEnd) {
  Make();
  world().meanwhile = {[&] { EXPECT_EQ(WriteText(ends_[1], "late"), 4); }};
  EXPECT_EQ(Read(10), 4);
  EXPECT_EQ(buffer_, "late");
  world().meanwhile = {[&] { EXPECT_EQ(SysClose(ends_[1]), 0); }};
  EXPECT_EQ(Read(10), 0);
}

TEST_F(PipeTest, NonblockingEndsSayAgain) {
  Make(kONonblock);
  EXPECT_EQ(Read(1), Error(Errno::kAgain));
  const std::string much(100'000, 'x');
  EXPECT_EQ(WriteText(ends_[1], much), 65536);
  EXPECT_EQ(WriteText(ends_[1], "y"), Error(Errno::kAgain));
  EXPECT_EQ(Read(100), 100);
  EXPECT_EQ(WriteText(ends_[1], std::string(101, 'z')), Error(Errno::kAgain)) << "small writes go in as a whole";
  EXPECT_EQ(WriteText(ends_[1], std::string(100, 'z')), 100);
}

TEST_F(PipeTest, ABlockedWriterWritesAll) {
  Make();
  const std::string much(200'000, 'x');
  std::string got;
  const auto drain = [&] {
    EXPECT_GT(Read(50'000), 0);
    got += buffer_;
  };
  world().meanwhile = {drain, drain, drain};
  EXPECT_EQ(WriteText(ends_[1], much), 200'000);
  EXPECT_EQ(got.size(), 150'000u);
}

TEST_F(PipeTest, ABrokenPipeRaisesTheSignal) {
  Make();
  EXPECT_EQ(SysClose(ends_[0]), 0);
  EXPECT_EQ(WriteText(ends_[1], "x"), Error(Errno::kPipe));
  EXPECT_EQ(world().signals_sent, std::vector<int>{kSigPipe});
}

TEST_F(PipeTest, ASignalInterruptsTheSleep) {
  Make();
  world().signal_pending = true;
  EXPECT_EQ(Read(1), Error(Errno::kIntr));
}

TEST_F(PipeTest, ABufferUnmappedDuringTheSleepIsNotTouched) {
  Make();
  std::string memory(100, '#');
  world().meanwhile = {[&] {
    EXPECT_EQ(WriteText(ends_[1], "bytes"), 5);
    world().unmapped_start = P(memory.data());
    world().unmapped_end = world().unmapped_start + memory.size();
  }};
  EXPECT_EQ(SysRead(ends_[0], P(memory.data()), memory.size()), Error(Errno::kFault));
  EXPECT_EQ(memory, std::string(100, '#'));
}

TEST_F(PipeTest, VectorsDoNotWaitForMoreThanThereIs) {
  Make();
  EXPECT_EQ(WriteText(ends_[1], "abcd"), 4);
  char first[4], second[4];
  const IoVec vector[] = {{P(first), 4}, {P(second), 4}};
  EXPECT_EQ(SysReadv(ends_[0], P(vector), 2), 4);
}

TEST_F(PipeTest, CapacityCanBeSet) {
  Make();
  EXPECT_EQ(SysFcntl(ends_[0], 1032, 0), 65536);
  EXPECT_EQ(SysFcntl(ends_[1], 1031, 5000), 8192);
  EXPECT_EQ(SysFcntl(ends_[0], 1032, 0), 8192);
  EXPECT_EQ(WriteText(ends_[1], std::string(8000, 'x')), 8000);
  EXPECT_EQ(SysFcntl(ends_[1], 1031, 4096), Error(Errno::kBusy));
}

TEST_F(PipeTest, OnlyItsOwnDirection) {
  Make();
  char byte = 0;
  EXPECT_EQ(SysRead(ends_[1], P(&byte), 1), Error(Errno::kBadF));
  EXPECT_EQ(SysWrite(ends_[0], P(&byte), 1), Error(Errno::kBadF));
  EXPECT_EQ(SysLseek(ends_[0], 0, 0), Error(Errno::kSPipe));
  EXPECT_EQ(SysPread64(ends_[0], P(&byte), 1, 0), Error(Errno::kSPipe));
  LinuxStat stat = {};
  EXPECT_EQ(SysFstat(ends_[0], P(&stat)), 0);
  EXPECT_EQ(stat.mode & kSIfMt, kSIfIfo);
}

// ---- eventfd

class EventFdTest : public FsTest {};

TEST_F(EventFdTest, CountsAndResets) {
  const int fd = static_cast<int>(SysEventfd2(3, kONonblock));
  uint64_t value = 4;
  EXPECT_EQ(SysWrite(fd, P(&value), 8), 8);
  EXPECT_EQ(SysRead(fd, P(&value), 8), 8);
  EXPECT_EQ(value, 7u);
  EXPECT_EQ(SysRead(fd, P(&value), 8), Error(Errno::kAgain));
  EXPECT_EQ(SysRead(fd, P(&value), 7), Error(Errno::kInval));
  value = UINT64_MAX;
  EXPECT_EQ(SysWrite(fd, P(&value), 8), Error(Errno::kInval));
  value = UINT64_MAX - 1;
  EXPECT_EQ(SysWrite(fd, P(&value), 8), 8);
  value = 1;
  EXPECT_EQ(SysWrite(fd, P(&value), 8), Error(Errno::kAgain));
}

TEST_F(EventFdTest, SemaphoresGiveOneByOne) {
  const int fd = static_cast<int>(SysEventfd2(2, 1 | kONonblock));
  uint64_t value = 0;
  EXPECT_EQ(SysRead(fd, P(&value), 8), 8);
  EXPECT_EQ(value, 1u);
  EXPECT_EQ(SysRead(fd, P(&value), 8), 8);
  EXPECT_EQ(SysRead(fd, P(&value), 8), Error(Errno::kAgain));
}

TEST_F(EventFdTest, ReaderSleepsUntilAnotherThreadWrites) {
  const int fd = static_cast<int>(SysEventfd2(0, 0));
  world().meanwhile = {[&] {
    const uint64_t one = 1;
    EXPECT_EQ(SysWrite(fd, P(&one), 8), 8);
  }};
  uint64_t value = 0;
  EXPECT_EQ(SysRead(fd, P(&value), 8), 8);
  EXPECT_EQ(value, 1u);
}

}  // namespace
}  // namespace ebb::linux_abi
