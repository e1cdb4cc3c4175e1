// Names, directories and attributes, where the comparison with Linux (differential_test.cc) does not reach.
#include <cstring>

#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

constexpr uint32_t kFollow = 0x400, kEmptyPath = 0x1000;

class TreeTest : public FsTest {
 protected:
  static std::string Cwd() {
    char buffer[4096];
    return SysGetcwd(P(buffer), sizeof(buffer)) > 0 ? buffer : "";
  }
};

TEST_F(TreeTest, WhatTheProgramNeedsIsThere) {
  EXPECT_EQ(Stat("/tmp").mode, kSIfDir | 01777u);
  EXPECT_EQ(Stat("/dev/shm").mode, kSIfDir | 01777u);
  EXPECT_EQ(Stat("/proc").mode, kSIfDir | 0555u);
  for (const char* absent : {"/sys/fs/cgroup/memory.max", "/proc/version_signature", "/dev/tty", "/etc/passwd"}) {
    EXPECT_EQ(StatError(absent), Error(Errno::kNoEnt)) << absent;
  }
}

TEST_F(TreeTest, LinksAreFollowedFortyTimes) {
  EXPECT_EQ(SysChdir(P("/tmp")), 0);
  WriteFile("0", "end");
  for (int i = 1; i <= 41; ++i)
    EXPECT_EQ(SysSymlink(P(std::to_string(i - 1).c_str()), P(std::to_string(i).c_str())), 0);
  EXPECT_EQ(ReadFile("40"), "end");
  EXPECT_EQ(Open("41"), Error(Errno::kLoop));
  EXPECT_EQ(SysSymlink(P("loop"), P("loop")), 0);
  EXPECT_EQ(Open("loop/x"), Error(Errno::kLoop));
}

TEST_F(TreeTest, LongTextsOfLinksAreFine) {
  std::string deep = "/tmp";
  for (int i = 0; i < 15; ++i) {
    deep += "/" + std::string(200, static_cast<char>('a' + i));
    ASSERT_EQ(SysMkdir(P(deep.c_str()), 0755), 0);
  }
  WriteFile(deep + "/file", "deep");
  ASSERT_EQ(SysSymlink(P(deep.c_str()), P("/tmp/link")), 0);
  std::string back = "/tmp/link";
  while (back.size() < 3900) back += "/../" + std::string(200, 'o');
  EXPECT_EQ(ReadFile(back + "/file"), "deep") << "longer than a path may be, once the text is in";
  EXPECT_EQ(Open(std::string(4096, 'x')), Error(Errno::kNameTooLong));
}

TEST_F(TreeTest, TheCurrentDirectoryCanGoAway) {
  ASSERT_EQ(SysMkdir(P("/tmp/d"), 0755), 0);
  ASSERT_EQ(SysChdir(P("/tmp/d")), 0);
  EXPECT_EQ(Cwd(), "/tmp/d");
  ASSERT_EQ(SysRename(P("/tmp/d"), P("/tmp/e")), 0);
  EXPECT_EQ(Cwd(), "/tmp/e");
  ASSERT_EQ(SysRmdir(P("/tmp/e")), 0);
  char buffer[64];
  EXPECT_EQ(SysGetcwd(P(buffer), sizeof(buffer)), Error(Errno::kNoEnt));
  EXPECT_EQ(Open("file", kOCreat | kOWrOnly), Error(Errno::kNoEnt));
  EXPECT_EQ(SysMkdir(P("directory"), 0755), Error(Errno::kNoEnt));
  EXPECT_EQ(StatError("."), 0);
  EXPECT_EQ(SysChdir(P("..")), 0);
  EXPECT_EQ(Cwd(), "/tmp");
}

TEST_F(TreeTest, ALongChainOfRemovedDirectoriesEndsWell) {
  ASSERT_EQ(SysChdir(P("/tmp")), 0);
  constexpr int kDepth = 3000;
  std::vector<int> parents;
  for (int i = 0; i < kDepth; ++i) {
    parents.push_back(static_cast<int>(Open(".", kODirectory)));
    ASSERT_EQ(SysMkdir(P("d"), 0755), 0);
    ASSERT_EQ(SysChdir(P("d")), 0);
  }
  for (int i = kDepth; i-- > 0;) {
    ASSERT_EQ(SysUnlinkat(parents[static_cast<size_t>(i)], P("d"), 0x200), 0);
    ASSERT_EQ(SysClose(parents[static_cast<size_t>(i)]), 0);
  }
  ASSERT_EQ(SysChdir(P("/")), 0);
}

TEST_F(TreeTest, NamelessFilesGetANameByLinking) {
  const int fd = static_cast<int>(Open("/tmp", kOTmpFile | kORdWr, 0600));
  ASSERT_GE(fd, 0);
  EXPECT_EQ(WriteText(fd, "content"), 7);
  EXPECT_EQ(List("/tmp").size(), 2u);
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  EXPECT_EQ(SysLinkat(kCwd, P(link.c_str()), kCwd, P("/tmp/named"), kFollow), 0);
  EXPECT_EQ(ReadFile("/tmp/named"), "content");
  EXPECT_EQ(SysUnlink(P("/tmp/named")), 0);
  EXPECT_EQ(SysLinkat(fd, P(""), kCwd, P("/tmp/again"), kEmptyPath), Error(Errno::kNoEnt))
      << "gone for good, as in Linux";
  const int never = static_cast<int>(Open("/tmp", kOTmpFile | kORdWr | kOExcl, 0600));
  EXPECT_EQ(SysLinkat(never, P(""), kCwd, P("/tmp/again"), kEmptyPath), Error(Errno::kNoEnt));
}

TEST_F(TreeTest, ManyNamesAreListedOnceEachWhileTheyGo) {
  constexpr int kCount = 3000;
  ASSERT_EQ(SysMkdir(P("/tmp/many"), 0755), 0);
  for (int i = 0; i < kCount; ++i) WriteFile("/tmp/many/" + std::to_string(i), "");
  EXPECT_EQ(List("/tmp/many").size(), kCount + 2u);
  // As `rm -r`: removes what it has listed, then lists on.
  const int fd = static_cast<int>(Open("/tmp/many", kODirectory));
  alignas(8) char buffer[2000] = {};
  int removed = 0;
  for (;;) {
    const int64_t got = SysGetdents64(fd, P(buffer), sizeof(buffer));
    ASSERT_GE(got, 0);
    if (got == 0) break;
    for (int64_t at = 0; at < got;) {
      uint16_t size;
      std::memcpy(&size, buffer + at + 16, sizeof(size));
      if (buffer[at + 19] != '.') {
        ASSERT_EQ(SysUnlinkat(fd, P(buffer + at + 19), 0), 0);
        ++removed;
      }
      at += size;
    }
  }
  EXPECT_EQ(removed, kCount);
  EXPECT_EQ(SysRmdir(P("/tmp/many")), 0);
  EXPECT_EQ(SysGetdents64(fd, P(buffer), sizeof(buffer)), Error(Errno::kNoEnt));
}

TEST_F(TreeTest, ListingsHaveTypesAndBothForms) {
  const int fd = static_cast<int>(Open("/etc", kODirectory));
  alignas(8) char buffer[512] = {};
  EXPECT_EQ(SysGetdents64(fd, P(buffer), 10), Error(Errno::kInval));
  EXPECT_EQ(SysGetdents64(fd, P(buffer), sizeof(buffer)), 24 * 2 + 32 * 3);
  EXPECT_EQ(buffer[18], 4);
  EXPECT_EQ(SysLseek(fd, INT64_MAX, 0), INT64_MAX);
  EXPECT_EQ(SysLseek(fd, 1, 1), Error(Errno::kInval));
  EXPECT_EQ(SysLseek(fd, 0, 0), 0);
  EXPECT_EQ(SysGetdents(fd, P(buffer), sizeof(buffer)), 24 * 2 + 32 * 3);
  EXPECT_EQ(buffer[23], 4);
  EXPECT_EQ(SysGetdents64(static_cast<int>(Open("/etc/hosts")), P(buffer), sizeof(buffer)), Error(Errno::kNotDir));
}

TEST_F(TreeTest, ExchangeSwaps) {
  WriteFile("/tmp/a", "A");
  ASSERT_EQ(SysMkdir(P("/tmp/d"), 0755), 0);
  ASSERT_EQ(SysRenameat2(kCwd, P("/tmp/a"), kCwd, P("/tmp/d"), 2), 0);
  EXPECT_EQ(ReadFile("/tmp/d"), "A");
  EXPECT_EQ(List("/tmp/a").size(), 2u);
  EXPECT_EQ(Stat("/tmp").nlink, 3u);
  EXPECT_EQ(SysRenameat2(kCwd, P("/tmp/d"), kCwd, P("/tmp/a"), 1), Error(Errno::kExist));
}

TEST_F(TreeTest, TimesComeFromTheClockOrTheProgram) {
  WriteFile("/tmp/f", "x");
  const int64_t second = static_cast<int64_t>((world().now_ns + world().realtime_offset_ns) / 1'000'000'000);
  EXPECT_EQ(Stat("/tmp/f").mtime.seconds, second);
  world().now_ns += 10'000'000'000;
  EXPECT_EQ(SysChmod(P("/tmp/f"), 0600), 0);
  EXPECT_EQ(Stat("/tmp/f").mtime.seconds, second);
  EXPECT_EQ(Stat("/tmp/f").ctime.seconds, second + 10);
  const TimeSpec times[2] = {{0, 0x3ffffffe}, {5, 7}};
  EXPECT_EQ(SysUtimensat(kCwd, P("/tmp/f"), P(times), 0), 0);
  EXPECT_EQ(Stat("/tmp/f").atime.seconds, second);
  EXPECT_EQ(Stat("/tmp/f").mtime.seconds, 5);
  EXPECT_EQ(Stat("/tmp/f").mtime.nanoseconds, 7);
  const int fd = static_cast<int>(Open("/tmp/f"));
  EXPECT_EQ(SysUtimensat(fd, 0, 0, 0), 0);
  EXPECT_EQ(Stat("/tmp/f").mtime.seconds, second + 10);
  const int64_t old[2] = {100, 200};
  EXPECT_EQ(SysUtime(P("/tmp/f"), P(old)), 0);
  EXPECT_EQ(Stat("/tmp/f").mtime.seconds, 200);
  const TimeVal values[2] = {{1, 2}, {3, 1'000'000}};
  EXPECT_EQ(SysUtimes(P("/tmp/f"), P(values)), Error(Errno::kInval));
}

TEST_F(TreeTest, StatxTellsTheSameAndTheBirth) {
  WriteFile("/tmp/f", "12345");
  alignas(8) char raw[256] = {};
  ASSERT_EQ(SysStatx(kCwd, P("/tmp/f"), 0, 0xfff, P(raw)), 0);
  const auto field = [&]<class T>(size_t offset, T) {
    T value;
    std::memcpy(&value, raw + offset, sizeof(value));
    return value;
  };
  EXPECT_EQ(field(0, uint32_t{}), 0xfffu);
  EXPECT_EQ(field(28, uint16_t{}), kSIfReg | 0644);
  EXPECT_EQ(field(40, uint64_t{}), 5u);
  EXPECT_EQ(field(80, int64_t{}), Stat("/tmp/f").mtime.seconds);
  EXPECT_EQ(SysStatx(kCwd, P(""), kEmptyPath, 0xfff, P(raw)), 0);
  EXPECT_EQ(field(28, uint16_t{}) & kSIfMt, kSIfDir);
  int pipe[2];
  ASSERT_EQ(SysPipe(P(pipe)), 0);
  EXPECT_EQ(SysStatx(pipe[0], P(""), kEmptyPath, 0xfff, P(raw)), 0);
  EXPECT_EQ(field(0, uint32_t{}), 0x7ffu);
  EXPECT_EQ(SysStatx(kCwd, P("/tmp/f"), 0x6000, 0, P(raw)), Error(Errno::kInval));
  EXPECT_EQ(SysStatx(kCwd, P("/tmp/f"), 0, 0x80000000, P(raw)), Error(Errno::kInval));
}

TEST_F(TreeTest, TheUmaskTakesBits) {
  EXPECT_EQ(SysUmask(077), 022);
  WriteFile("/tmp/f", "");
  EXPECT_EQ(Stat("/tmp/f").mode, kSIfReg | 0600u);
  EXPECT_EQ(SysMkdir(P("/tmp/d"), 0777), 0);
  EXPECT_EQ(Stat("/tmp/d").mode, kSIfDir | 0700u);
  EXPECT_EQ(SysUmask(022), 077);
}

TEST_F(TreeTest, OwnersAreKept) {
  WriteFile("/tmp/f", "");
  EXPECT_EQ(SysChmod(P("/tmp/f"), 06755), 0);
  EXPECT_EQ(SysChown(P("/tmp/f"), 10, 0xffffffff), 0);
  EXPECT_EQ(Stat("/tmp/f").uid, 10u);
  EXPECT_EQ(Stat("/tmp/f").gid, 0u);
  EXPECT_EQ(Stat("/tmp/f").mode, kSIfReg | 0755u);
}

TEST_F(TreeTest, ExtendedAttributesAreNotSupported) {
  EXPECT_EQ(SysXattrOfPath(P("/etc/hosts")), Error(Errno::kOpNotSupp));
  EXPECT_EQ(SysXattrOfLink(P("/etc/nothing")), Error(Errno::kNoEnt));
  EXPECT_EQ(SysXattrOfFd(0), Error(Errno::kOpNotSupp));
  EXPECT_EQ(SysXattrOfFd(99), Error(Errno::kBadF));
}

TEST_F(TreeTest, BadPointersAreFaults) {
  LinuxStat stat;
  EXPECT_EQ(SysOpen(0, 0, 0), Error(Errno::kFault));
  EXPECT_EQ(SysStat(P("/"), 8), Error(Errno::kFault));
  EXPECT_EQ(SysStat(8, P(&stat)), Error(Errno::kFault));
  EXPECT_EQ(SysGetcwd(8, 100), Error(Errno::kFault));
  EXPECT_EQ(SysReadlink(P("/etc/alias"), 8, 10), Error(Errno::kFault));
  EXPECT_EQ(SysGetdents64(static_cast<int>(Open("/etc")), 8, 100), Error(Errno::kFault));
  EXPECT_EQ(SysRead(static_cast<int>(Open("/etc/hosts")), 8, 10), Error(Errno::kFault));
}

}  // namespace
}  // namespace ebb::linux_abi
