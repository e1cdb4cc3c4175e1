// Descriptors: numbers, copies, flags, and what is refused.
#include "linux/fd_table.h"
#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

class DescriptorTest : public FsTest {};

TEST_F(DescriptorTest, TheLowestFreeNumberIsTaken) {
  EXPECT_EQ(Open("/etc/hosts"), 3);
  EXPECT_EQ(Open("/etc/hosts"), 4);
  EXPECT_EQ(Open("/etc/hosts"), 5);
  EXPECT_EQ(SysClose(4), 0);
  EXPECT_EQ(SysClose(3), 0);
  EXPECT_EQ(SysClose(3), Error(Errno::kBadF));
  EXPECT_EQ(SysFcntl(5, 0, 10), 10);
  EXPECT_EQ(SysFcntl(5, 0, 4), 4);
  EXPECT_EQ(SysDup(5), 3);
  EXPECT_EQ(SysDup(5), 6);
  EXPECT_EQ(SysFcntl(5, 0, 10), 11);
  EXPECT_EQ(SysClose(-1), Error(Errno::kBadF));
  EXPECT_EQ(SysClose(1 << 30), Error(Errno::kBadF));
}

TEST_F(DescriptorTest, CopiesShareThePosition) {
  const int fd = static_cast<int>(Open("/etc/hosts"));
  const int copy = static_cast<int>(SysDup(fd));
  char bytes[4];
  EXPECT_EQ(SysRead(fd, P(bytes), 4), 4);
  EXPECT_EQ(SysLseek(copy, 0, 1), 4);
}

TEST_F(DescriptorTest, ReplacingClosesWhatWasThere) {
  int pipe[2];
  ASSERT_EQ(SysPipe(P(pipe)), 0);
  const int file = static_cast<int>(Open("/etc/hosts"));
  EXPECT_EQ(SysDup2(file, pipe[1]), pipe[1]);
  char byte;
  EXPECT_EQ(SysRead(pipe[0], P(&byte), 1), 0) << "the only writer is gone";
  EXPECT_EQ(SysDup2(file, file), file);
  EXPECT_EQ(SysDup3(file, file, 0), Error(Errno::kInval));
  EXPECT_EQ(SysDup3(file, 20, kOCloexec), 20);
  EXPECT_EQ(SysFcntl(20, 1, 0), 1);
  EXPECT_EQ(SysDup2(99, 5), Error(Errno::kBadF));
  EXPECT_EQ(SysDup2(file, 65536), Error(Errno::kBadF));
  EXPECT_EQ(SysDup(file), pipe[1] + 2) << "numbers below are taken";
}

TEST_F(DescriptorTest, TheTableHasAnEnd) {
  const int fd = static_cast<int>(Open("/etc/hosts"));
  EXPECT_EQ(SysFcntl(fd, 0, 65535), 65535);
  EXPECT_EQ(SysFcntl(fd, 0, 65535), Error(Errno::kMFile));
  EXPECT_EQ(SysFcntl(fd, 0, 65536), Error(Errno::kInval));
  EXPECT_EQ(SysFcntl(fd, 0, static_cast<uint64_t>(-1)), Error(Errno::kInval));
}

TEST_F(DescriptorTest, RangesAreClosed) {
  for (int i = 3; i < 10; ++i) ASSERT_EQ(Open("/etc/hosts"), i);
  EXPECT_EQ(SysCloseRange(4, 6, 0), 0);
  EXPECT_EQ(SysFcntl(4, 1, 0), Error(Errno::kBadF));
  EXPECT_EQ(SysFcntl(7, 1, 0), 0);
  EXPECT_EQ(SysCloseRange(7, ~0u, 4), 0);
  EXPECT_EQ(SysFcntl(8, 1, 0), 1);
  EXPECT_EQ(SysCloseRange(5, 4, 0), Error(Errno::kInval));
}

TEST_F(DescriptorTest, FlagsCanBeSet) {
  const int fd = static_cast<int>(Open("/tmp/f", kOCreat | kORdWr | kOCloexec));
  EXPECT_EQ(SysFcntl(fd, 1, 0), 1);
  EXPECT_EQ(SysIoctl(fd, 0x5450, 0), 0);
  EXPECT_EQ(SysFcntl(fd, 1, 0), 0);
  EXPECT_EQ(SysFcntl(fd, 4, kOAppend | kONonblock | kOWrOnly), 0);
  EXPECT_EQ(SysFcntl(fd, 3, 0), static_cast<int64_t>(kORdWr | kOAppend | kONonblock | kOLargeFile))
      << "not the access mode";
  const int32_t off = 0;
  EXPECT_EQ(SysIoctl(fd, 0x5421, P(&off)), 0);
  EXPECT_EQ(SysFcntl(fd, 3, 0), static_cast<int64_t>(kORdWr | kOAppend | kOLargeFile));
  EXPECT_EQ(SysIoctl(fd, 0x5401, 0), Error(Errno::kNotTty));
  EXPECT_EQ(SysIoctl(1, 0x5413, 0), Error(Errno::kNotTty));
}

TEST_F(DescriptorTest, LocksAreAlwaysFree) {
  const int fd = static_cast<int>(Open("/tmp/f", kOCreat | kORdWr));
  struct {
    int16_t type = 1, whence = 0;
    int64_t start = 0, size = 0;
    int32_t pid = 0, pad = 0;
  } lock;
  EXPECT_EQ(SysFcntl(fd, 6, P(&lock)), 0);
  EXPECT_EQ(SysFcntl(fd, 5, P(&lock)), 0);
  EXPECT_EQ(lock.type, 2);
  EXPECT_EQ(SysFlock(fd, 2), 0);
  EXPECT_EQ(SysFlock(fd, 3), Error(Errno::kInval));
  const int read_only = static_cast<int>(Open("/tmp/f"));
  lock.type = 1;
  EXPECT_EQ(SysFcntl(read_only, 6, P(&lock)), Error(Errno::kBadF));
}

TEST_F(DescriptorTest, PathDescriptorsGiveNoContent) {
  const int fd = static_cast<int>(Open("/etc/hosts", kOPath));
  char byte;
  EXPECT_EQ(SysRead(fd, P(&byte), 1), Error(Errno::kBadF));
  EXPECT_EQ(SysFchmod(fd, 0600), Error(Errno::kBadF));
  EXPECT_EQ(SysFtruncate(fd, 0), Error(Errno::kBadF));
  EXPECT_EQ(SysIoctl(fd, 0x5421, 0), Error(Errno::kBadF));
  LinuxStat stat;
  EXPECT_EQ(SysFstat(fd, P(&stat)), 0);
  const int link = static_cast<int>(Open("/etc/alias", kOPath | kONoFollow));
  char text[10];
  EXPECT_EQ(SysReadlinkat(link, P(""), P(text), sizeof(text)), 5);
  const int directory = static_cast<int>(Open("/etc", kOPath));
  EXPECT_GE(SysOpenat(directory, P("hosts"), 0, 0), 0);
  EXPECT_EQ(SysFchdir(directory), 0);
  EXPECT_EQ(SysFchdir(fd), Error(Errno::kNotDir));
}

TEST_F(DescriptorTest, VectorsMoveManyBuffers) {
  const int fd = static_cast<int>(Open("/tmp/f", kOCreat | kORdWr));
  const std::string parts[] = {"one ", "", "two ", "three"};
  std::vector<IoVec> vector;
  for (const std::string& part : parts) vector.push_back({P(part.data()), part.size()});
  for (int i = 0; i < 3; ++i) vector.insert(vector.end(), vector.begin(), vector.begin() + 4);
  EXPECT_EQ(SysWritev(fd, P(vector.data()), vector.size()), 13 * 4);
  EXPECT_EQ(ReadFile("/tmp/f"), "one two threeone two threeone two threeone two three");
  char a[3] = {}, b[100] = {};
  const IoVec into[] = {{P(a), 3}, {P(b), 100}};
  EXPECT_EQ(SysPreadv(fd, P(into), 2, 4, 0), 48);
  EXPECT_EQ(std::string(a, 3), "two");
  EXPECT_EQ(SysPwritev(fd, P(vector.data()), 1, 100, 0), 4);
  EXPECT_EQ(SysPreadv2(fd, P(into), 2, -1, 0, 0), 52);
  EXPECT_EQ(SysPreadv2(fd, P(into), 2, 0, 0, 8), Error(Errno::kOpNotSupp));
  EXPECT_EQ(SysPreadv(fd, P(into), 2, -5, 0), Error(Errno::kInval));
  const IoVec bad[] = {{P(a), 3}, {8, 100}};
  EXPECT_EQ(SysReadv(fd, P(bad), 2), Error(Errno::kFault));
  const IoVec huge[] = {{P(a), UINT64_MAX}};
  EXPECT_EQ(SysReadv(fd, P(huge), 1), Error(Errno::kInval));
  EXPECT_EQ(SysReadv(fd, P(into), 1025), Error(Errno::kInval));
}

TEST_F(DescriptorTest, StandardStreams) {
  char byte;
  EXPECT_EQ(SysRead(0, P(&byte), 1), 0);
  EXPECT_EQ(WriteText(1, "out"), 3);
  EXPECT_EQ(WriteText(2, "error"), 5);
  const IoVec parts[] = {{P("a "), 2}, {P("line\n"), 5}};
  world().console_writes = 0;
  EXPECT_EQ(SysWritev(1, P(parts), 2), 7);
  EXPECT_EQ(world().console_writes, 1) << "one call, one record";
  EXPECT_EQ(world().console[EBB_LOG_STDOUT], "outa line\n");
  EXPECT_EQ(world().console[EBB_LOG_STDERR], "error");
  const std::string much(10'000, 'm');
  world().console.clear();
  EXPECT_EQ(WriteText(1, much), 10'000);
  EXPECT_EQ(world().console[EBB_LOG_STDOUT], much);
  LinuxStat stat = {};
  EXPECT_EQ(SysFstat(1, P(&stat)), 0);
  EXPECT_EQ(stat.mode & kSIfMt, kSIfIfo) << "Node writes synchronously to pipes";
  EXPECT_EQ(SysFstat(0, P(&stat)), 0);
  EXPECT_EQ(stat.mode & kSIfMt, kSIfChr);
  EXPECT_EQ(SysRead(1, P(&byte), 1), Error(Errno::kBadF));
}

}  // namespace
}  // namespace ebb::linux_abi
