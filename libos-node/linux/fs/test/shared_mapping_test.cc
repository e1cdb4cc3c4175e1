// Files whose pages lie in mappings: both see each other's changes, and nothing is lost when a mapping ends.
#include "linux/mm/shared_mappings.h"

#include <sys/mman.h>

#include <cstring>

#include "linux/fd_table.h"
#include "linux/fs/inode_file.h"
#include "linux/fs/quota.h"
#include "linux/fs/test/world.h"

namespace ebb::test {
namespace {

using namespace linux_abi;

constexpr uint64_t kPage = EBB_PAGE_SIZE;

// Memory of the arena, zero, as a mapping has it.
class Arena {
 public:
  explicit Arena(uint64_t pages) : size_(pages * kPage) {
    at_ = mmap(reinterpret_cast<void*>(EBB_ARENA_BASE + 0x10000000), size_, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    EXPECT_NE(at_, MAP_FAILED);
  }
  ~Arena() { munmap(at_, size_); }
  std::span<std::byte> memory() const { return {static_cast<std::byte*>(at_), size_}; }
  uint64_t start() const { return reinterpret_cast<uint64_t>(at_); }
  char* text(uint64_t offset = 0) const { return static_cast<char*>(at_) + offset; }

 private:
  void* at_;
  uint64_t size_;
};

struct SharedMappingTest : FsTest {
  SharedMappingTest() : arena(4) {
    EXPECT_EQ(SysChdir(P("/tmp")), 0);
    fd = static_cast<int>(Open("file", kORdWr | kOCreat));
    std::string content(3 * kPage - 100, 'a');
    EXPECT_EQ(SysPwrite64(fd, P(content.data()), content.size(), 0), static_cast<int64_t>(content.size()));
  }
  File& file() { return **fds().Get(fd); }
  char Read(uint64_t offset) {
    char byte = '?';
    return SysPread64(fd, P(&byte), 1, static_cast<int64_t>(offset)) == 1 ? byte : '!';
  }
  void Write(uint64_t offset, std::string_view text) {
    EXPECT_EQ(SysPwrite64(fd, P(text.data()), text.size(), static_cast<int64_t>(offset)),
              static_cast<int64_t>(text.size()));
  }

  Arena arena;
  SharedMappings mappings;
  int fd;
};

TEST_F(SharedMappingTest, StoresAndWritesAreOneContent) {
  const uint64_t used = tree_quota().used();
  ASSERT_TRUE(mappings.Add(arena.start(), 4 * kPage, file(), 0));
  EXPECT_EQ(tree_quota().used(), used - 3 * kPage);
  EXPECT_EQ(arena.text()[5], 'a');
  EXPECT_EQ(arena.text()[3 * kPage - 100], '\0');
  Write(10, "file");
  EXPECT_EQ(std::string_view(arena.text(10), 4), "file");
  std::memcpy(arena.text(kPage - 2), "memory", 6);
  EXPECT_EQ(Read(kPage - 2), 'm');
  EXPECT_EQ(Read(kPage + 3), 'y');
  mappings.Remove(arena.start(), arena.start() + 4 * kPage);
  std::memset(arena.text(), 'z', 4 * kPage);
  EXPECT_EQ(tree_quota().used(), used);
  EXPECT_EQ(Read(10), 'f');
  EXPECT_EQ(Read(kPage + 3), 'y');
  EXPECT_EQ(Read(3 * kPage - 101), 'a');
}

TEST_F(SharedMappingTest, TheFileIsReadAndWrittenFromItsOwnMapping) {
  ASSERT_TRUE(mappings.Add(arena.start(), 4 * kPage, file(), 0));
  std::memcpy(arena.text(), "0123456789", 10);
  EXPECT_EQ(SysPwrite64(fd, P(arena.text()), 10, 3), 10);
  EXPECT_EQ(std::string_view(arena.text(), 14), "0120123456789a");
  EXPECT_EQ(SysPread64(fd, P(arena.text(1)), 10, 3), 10);
  EXPECT_EQ(std::string_view(arena.text(), 14), "0012345678989a");
  mappings.Remove(arena.start(), arena.start() + 4 * kPage);
}

TEST_F(SharedMappingTest, TheFileGrowsAndShrinksUnderTheMapping) {
  ASSERT_TRUE(mappings.Add(arena.start(), 4 * kPage, file(), 0));
  // Beyond the end nothing is content, until the file reaches there.
  arena.text()[3 * kPage + 7] = 'b';
  EXPECT_EQ(Read(3 * kPage + 7), '!');
  EXPECT_EQ(SysFtruncate(fd, 4 * kPage), 0);
  EXPECT_EQ(Read(3 * kPage + 7), 'b');
  arena.text()[3 * kPage + 8] = 'c';
  EXPECT_EQ(Read(3 * kPage + 8), 'c');
  EXPECT_EQ(SysFtruncate(fd, kPage + 1), 0);
  EXPECT_EQ(arena.text()[kPage], 'a');
  EXPECT_EQ(arena.text()[kPage + 1], '\0');
  EXPECT_EQ(arena.text()[3 * kPage + 8], '\0');
  Write(2 * kPage, "again");
  EXPECT_EQ(std::string_view(arena.text(2 * kPage), 5), "again");
  EXPECT_EQ(arena.text()[2 * kPage - 1], '\0');
  mappings.Remove(arena.start(), arena.start() + 4 * kPage);
  EXPECT_EQ(Read(kPage), 'a');
  EXPECT_EQ(Read(2 * kPage + 4), 'n');
  EXPECT_EQ(Read(2 * kPage + 5), '!');
}

TEST_F(SharedMappingTest, AHoleStaysShared) {
  constexpr int kKeepSize = 1, kPunchHole = 2;
  ASSERT_TRUE(mappings.Add(arena.start(), 3 * kPage, file(), 0));
  EXPECT_EQ(SysFallocate(fd, kKeepSize | kPunchHole, 0, 2 * kPage), 0);
  EXPECT_EQ(arena.text()[kPage], '\0');
  arena.text()[kPage + 1] = 'h';
  EXPECT_EQ(Read(kPage + 1), 'h');
  mappings.Remove(arena.start(), arena.start() + 3 * kPage);
  EXPECT_EQ(Read(kPage + 1), 'h');
  EXPECT_EQ(Read(kPage), '\0');
  EXPECT_EQ(Read(2 * kPage), 'a');
}

TEST_F(SharedMappingTest, PartsEndByThemselves) {
  ASSERT_TRUE(mappings.Add(arena.start(), 3 * kPage, file(), 0));
  for (int page = 0; page < 3; ++page) arena.text(page * kPage)[1] = static_cast<char>('0' + page);
  mappings.Remove(arena.start() + kPage, arena.start() + 2 * kPage);
  std::memset(arena.text(kPage), 'z', kPage);
  EXPECT_EQ(Read(kPage + 1), '1');
  arena.text(2 * kPage)[1] = 'x';
  EXPECT_EQ(Read(2 * kPage + 1), 'x');
  uint64_t offset = 0;
  EXPECT_EQ(mappings.Find(arena.start() + kPage, offset), nullptr);
  EXPECT_EQ(mappings.Find(arena.start() + 2 * kPage + 9, offset), &file());
  EXPECT_EQ(offset, 2 * kPage + 9);
  mappings.Remove(arena.start(), arena.start() + 3 * kPage);
  EXPECT_EQ(Read(1), '0');
  EXPECT_EQ(Read(2 * kPage + 1), 'x');
}

TEST_F(SharedMappingTest, OneRangeLiesInOneMapping) {
  EXPECT_EQ(*mappings.Join(file(), 0, kPage), 0u);
  ASSERT_TRUE(mappings.Add(arena.start(), 2 * kPage, file(), 0));
  EXPECT_EQ(*mappings.Join(file(), 2 * kPage, kPage), 0u);
  EXPECT_EQ(mappings.Join(file(), kPage, 2 * kPage).error(), Errno::kNoDev);
  // Through another description of the same file.
  const int other = static_cast<int>(Open("file", kORdWr));
  EXPECT_EQ(*mappings.Join(**fds().Get(other), kPage, kPage), arena.start() + kPage);
  EXPECT_TRUE(mappings.Shared(arena.start(), 2 * kPage));
  EXPECT_TRUE(mappings.Leave(arena.start() + kPage, kPage));
  EXPECT_FALSE(mappings.Leave(arena.start(), 2 * kPage));
  mappings.Remove(arena.start(), arena.start() + 2 * kPage);
  EXPECT_EQ(*mappings.Join(file(), 0, kPage), 0u);
}

TEST_F(SharedMappingTest, OutlivesDescriptorsAndNames) {
  ASSERT_TRUE(mappings.Add(arena.start(), 4 * kPage, file(), 0));
  const int again = static_cast<int>(Open("file"));
  EXPECT_EQ(SysClose(fd), 0);
  EXPECT_EQ(SysUnlink(P("file")), 0);
  arena.text()[0] = 'q';
  fd = again;
  EXPECT_EQ(Read(0), 'q');
  EXPECT_EQ(SysClose(fd), 0);
  const uint64_t used = tree_quota().used();
  mappings.Remove(arena.start(), arena.start() + 4 * kPage);
  EXPECT_LT(tree_quota().used(), used);
}

}  // namespace
}  // namespace ebb::test
