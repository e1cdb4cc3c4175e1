// Content of files: pages, holes, limits.
#include <random>

#include "linux/fs/page_tree.h"
#include "linux/fs/quota.h"
#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

class MemoryFileTest : public FsTest {
 protected:
  int Create(std::string_view path = "/tmp/file") { return static_cast<int>(Open(path, kOCreat | kORdWr)); }
};

TEST_F(MemoryFileTest, PageTreesHoldPagesAnywhere) {
  std::mt19937_64 random(1);
  PageTree tree;
  std::vector<uint64_t> indices = {0, 1, 63, 64, 4095, 4096, 1ull << 40, (1ull << 51) - 1};
  for (int i = 0; i < 200; ++i) indices.push_back(random() >> (13 + random() % 50));
  std::sort(indices.begin(), indices.end());
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  std::vector<uint64_t> order = indices;
  std::shuffle(order.begin(), order.end(), random);
  for (const uint64_t index : order) {
    ASSERT_EQ(tree.Find(index), nullptr);
    std::byte* page = tree.Insert(index);
    ASSERT_NE(page, nullptr);
    __builtin_memcpy(page, &index, sizeof(index));
  }
  ASSERT_EQ(tree.pages(), indices.size());
  for (const uint64_t index : indices) {
    uint64_t found = ~0ull;
    __builtin_memcpy(&found, tree.Find(index), sizeof(found));
    ASSERT_EQ(found, index);
  }
  uint64_t at = tree.Next(0, false);
  for (const uint64_t index : indices) {
    ASSERT_EQ(at, index);
    at = tree.Next(index + 1, false);
  }
  EXPECT_EQ(at, PageTree::kNone);
  uint64_t hole = 0;
  while (hole < indices.size() && indices[hole] == hole) ++hole;
  EXPECT_EQ(tree.Next(0, true), hole);
  const uint64_t border = indices[indices.size() / 2];
  tree.RemoveRange(border, PageTree::kNone);
  EXPECT_EQ(tree.pages(), indices.size() / 2);
  EXPECT_EQ(tree.Next(border, false), PageTree::kNone);
  EXPECT_NE(tree.Find(indices[indices.size() / 2 - 1]), nullptr);
}

TEST_F(MemoryFileTest, HolesCostNothing) {
  const int fd = Create();
  EXPECT_EQ(SysPwrite64(fd, P("x"), 1, 1ll << 40), 1);
  EXPECT_EQ(world().pages, 1u);
  EXPECT_EQ(SysFtruncate(fd, 1ll << 50), 0);
  EXPECT_EQ(Stat("/tmp/file").size, 1ll << 50);
  EXPECT_EQ(Stat("/tmp/file").blocks, 8);
  EXPECT_EQ(SysLseek(fd, 0, 3), 1ll << 40);
  EXPECT_EQ(SysLseek(fd, 1ll << 40, 4), (1ll << 40) + 4096);
  EXPECT_EQ(SysLseek(fd, (1ll << 40) + 4096, 3), Error(Errno::kNxio));
  EXPECT_EQ(SysPwrite64(fd, P("x"), 1, INT64_MAX), Error(Errno::kFBig));
  char byte = 'y';
  EXPECT_EQ(SysPread64(fd, P(&byte), 1, 5000), 1);
  EXPECT_EQ(byte, '\0');
}

TEST_F(MemoryFileTest, WhatIsCutOffReadsAsZeroLater) {
  const int fd = Create();
  EXPECT_EQ(WriteText(fd, std::string(5000, 'x')), 5000);
  EXPECT_EQ(SysFtruncate(fd, 10), 0);
  EXPECT_EQ(SysFtruncate(fd, 5000), 0);
  EXPECT_EQ(ReadFile("/tmp/file"), std::string(10, 'x') + std::string(4990, '\0'));
  // The same for content of the image.
  const int image = static_cast<int>(Open("/bin/node", kORdWr));
  EXPECT_EQ(SysFtruncate(image, 5), 0);
  EXPECT_EQ(SysFtruncate(image, 9000), 0);
  EXPECT_EQ(ReadFile("/bin/node"), std::string(5, 'n') + std::string(8995, '\0'));
}

TEST_F(MemoryFileTest, HolesArePunchedInImageFilesToo) {
  const int fd = static_cast<int>(Open("/bin/node", kORdWr));
  EXPECT_EQ(SysFallocate(fd, 3, 100, 8000), 0);
  EXPECT_EQ(ReadFile("/bin/node"), std::string(100, 'n') + std::string(8000, '\0') + std::string(1900, 'n'));
}

TEST_F(MemoryFileTest, TheQuotaIsTheEnd) {
  tree_quota().SetLimit(tree_quota().used() + kInodeCharge + 3 * 4096);
  const int fd = Create();
  EXPECT_EQ(WriteText(fd, std::string(20000, 'x')), 12288) << "what fits";
  EXPECT_EQ(WriteText(fd, "y"), Error(Errno::kNoSpc));
  EXPECT_EQ(SysPwrite64(fd, P("y"), 1, 100), 1) << "pages it has can be written";
  EXPECT_EQ(Open("/tmp/other", kOCreat | kOWrOnly), Error(Errno::kNoSpc));
  EXPECT_EQ(SysMkdir(P("/tmp/directory"), 0755), Error(Errno::kNoSpc));
  EXPECT_EQ(SysFallocate(fd, 0, 0, 1 << 20), Error(Errno::kNoSpc));
  EXPECT_EQ(SysFallocate(fd, 0, 0, INT64_MAX), Error(Errno::kNoSpc));
  EXPECT_EQ(SysUnlink(P("/tmp/file")), 0);
  EXPECT_EQ(WriteText(fd, "y"), Error(Errno::kNoSpc)) << "still open";
  EXPECT_EQ(SysClose(fd), 0);
  WriteFile("/tmp/other", "fits again");
}

TEST_F(MemoryFileTest, RefusedMemoryIsAFullDisk) {
  const int fd = Create();
  world().page_limit = 2;
  EXPECT_EQ(WriteText(fd, std::string(20000, 'x')), 8192);
  EXPECT_EQ(WriteText(fd, "y"), Error(Errno::kNoSpc));
}

TEST_F(MemoryFileTest, OptionsSetTheQuota) {
  EXPECT_EQ(tree_quota().limit(), world().memory_limit / 2);
  world().options["fs.quota"] = "1000000";
  Start(image_);
  EXPECT_EQ(tree_quota().limit(), 1'000'000u);
  uint64_t info[15];
  EXPECT_EQ(SysStatfs(P("/tmp"), P(info)), 0);
  EXPECT_EQ(info[0], 0x01021994u);
  EXPECT_EQ(info[2], 1'000'000u / 4096);
  EXPECT_LE(info[3], info[2]);
}

TEST_F(MemoryFileTest, UnlinkedFilesLiveWhileOpen) {
  const int fd = Create();
  EXPECT_EQ(WriteText(fd, "content"), 7);
  EXPECT_EQ(SysUnlink(P("/tmp/file")), 0);
  LinuxStat stat = {};
  EXPECT_EQ(SysFstat(fd, P(&stat)), 0);
  EXPECT_EQ(stat.nlink, 0u);
  EXPECT_EQ(SysLseek(fd, 0, 0), 0);
  EXPECT_EQ(ReadAll(fd), "content");
  EXPECT_EQ(world().pages, 1u);
  EXPECT_EQ(SysClose(fd), 0);
  EXPECT_EQ(world().pages, 0u);
}

TEST_F(MemoryFileTest, MemoryFilesCanBeSealed) {
  const int fd = static_cast<int>(SysMemfdCreate(P("name"), 2));
  EXPECT_EQ(WriteText(fd, "content"), 7);
  EXPECT_EQ(SysFcntl(fd, 1034, 0), 0);
  EXPECT_EQ(SysFcntl(fd, 1033, 2 | 4), 0);
  EXPECT_EQ(SysFtruncate(fd, 3), Error(Errno::kPerm));
  EXPECT_EQ(SysFtruncate(fd, 30), Error(Errno::kPerm));
  EXPECT_EQ(SysPwrite64(fd, P("CONTENT+"), 8, 0), 7) << "up to its size";
  EXPECT_EQ(SysFcntl(fd, 1033, 8 | 1), 0);
  EXPECT_EQ(SysPwrite64(fd, P("x"), 1, 0), Error(Errno::kPerm));
  EXPECT_EQ(SysFcntl(fd, 1033, 1), Error(Errno::kPerm));
  const int unsealable = static_cast<int>(SysMemfdCreate(P("name"), 0));
  EXPECT_EQ(SysFcntl(unsealable, 1033, 2), Error(Errno::kPerm));
  EXPECT_EQ(SysMemfdCreate(P(std::string(250, 'n').c_str()), 0), Error(Errno::kInval));
}

TEST_F(MemoryFileTest, CopiesOfAFileIntoItselfDoNotMeetTheCopy) {
  const int fd = Create();
  EXPECT_EQ(WriteText(fd, "0123456789"), 10);
  int64_t from = 0, to = 10;
  EXPECT_EQ(SysCopyFileRange(fd, P(&from), fd, P(&to), 1000, 0), 10);
  EXPECT_EQ(ReadFile("/tmp/file"), "01234567890123456789");
  from = 0;
  to = 5;
  EXPECT_EQ(SysCopyFileRange(fd, P(&from), fd, P(&to), 6, 0), Error(Errno::kInval));
}

TEST_F(MemoryFileTest, SendfileIntoAPipeWaitsForRoom) {
  int pipe[2];
  ASSERT_EQ(SysPipe2(P(pipe), 0), 0);
  WriteFile("/tmp/file", std::string(100'000, 'x'));
  const int fd = static_cast<int>(Open("/tmp/file"));
  size_t received = 0;
  std::string buffer(60'000, '#');
  world().meanwhile = {[&] { received += static_cast<size_t>(SysRead(pipe[0], P(buffer.data()), buffer.size())); }};
  int64_t offset = 0;
  EXPECT_EQ(SysSendfile(pipe[1], fd, P(&offset), 100'000), 100'000);
  EXPECT_EQ(offset, 100'000);
  EXPECT_EQ(received, 60'000u);
  EXPECT_EQ(SysSendfile(1, fd, P(&(offset = 99'999)), 10), 1) << "to the console";
  EXPECT_EQ(world().console[EBB_LOG_STDOUT], "x");
}

}  // namespace
}  // namespace ebb::linux_abi
