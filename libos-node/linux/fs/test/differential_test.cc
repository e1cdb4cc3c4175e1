// The same random operations on Linux (a tmpfs directory of the host, as the root of a child process) and on our tree
// must have the same results: values, errors, attributes, content and listings. differential/ has the two sides, what
// is tried, and the comparison.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "linux/fs/file_system.h"
#include "linux/fs/memory_directory.h"
#include "linux/fs/quota.h"
#include "linux/fs/test/differential/comparison.h"
#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

// Makes an empty tmpfs the root of this process. False where that is not allowed.
bool EnterEmptyRoot() {
  const std::string user = std::to_string(geteuid()), group = std::to_string(getegid());
  if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  if (user != "0") {
    const auto put = [](const char* path, const std::string& text) {
      const int fd = open(path, O_WRONLY);
      const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
      close(fd);
      return written;
    };
    if (!put("/proc/self/setgroups", "deny") || !put("/proc/self/uid_map", "0 " + user + " 1") ||
        !put("/proc/self/gid_map", "0 " + group + " 1")) {
      return false;
    }
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  if (mount("none", "/tmp", "tmpfs", 0, "mode=755,size=256m") != 0) return false;
  return chroot("/tmp") == 0 && chdir("/") == 0;
}

constexpr int kNotAllowed = 77;

// In a child process: its root is the directory that is compared with, and nothing it does can leave that.
int CompareInChild(uint32_t seed, int operations, bool with_image) {
  if (!EnterEmptyRoot()) return kNotAllowed;
  umask(022);
  ImageBuilder image;
  ImageTree tree;
  Ref<MemoryDirectory> root;
  if (with_image) {
    const std::string content(6000, 'i');
    image.Directory("/a");
    image.Directory("/a/image");
    image.File("/a/b", content);
    image.File("/a/image/f", "short");
    image.Symlink("/c", "a/image");
    image.File("/d", content, 0755);
    if (tree.Load(image.Build(), 1 << 20) != nullptr) return 1;
    root = MakeRef<MemoryDirectory>(tree, 0u);
    const auto put = [](const char* path, const std::string& text, mode_t mode) {
      const int fd = open(path, O_CREAT | O_WRONLY, mode);
      const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
      close(fd);
      return written;
    };
    if (mkdir("/a", 0755) != 0 || mkdir("/a/image", 0755) != 0 || symlink("a/image", "/c") != 0) return 1;
    if (!put("/a/b", content, 0644) || !put("/a/image/f", "short", 0644) || !put("/d", content, 0755)) return 1;
  } else {
    root = MakeRef<MemoryDirectory>(0755u);
  }
  root->BecomeRoot();
  FileSystem& fs = file_system();
  fs.set_root(*root);
  // Holes of an image file are data.
  Comparison comparison(seed, seed % 2 == 0 && !with_image);
  const std::string difference = comparison.Run(operations);
  if (difference.empty()) {
    if (std::getenv("EBB_OUTCOMES") != nullptr) {
      for (const auto& [outcome, count] : comparison.outcomes())
        std::fprintf(stderr, "%6d %s\n", count, outcome.c_str());
    }
    return 0;
  }
  std::fprintf(stderr, "seed %u, %s\n", seed, difference.c_str());
  return 1;
}

class DifferentialTest : public testing::TestWithParam<uint32_t> {};

void Compare(uint32_t seed, bool with_image) {
  constexpr int kOperations = 4000;
  world() = World{};
  world().memory_limit = 1 << 30;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    tree_quota().SetLimit(0);
    _exit(CompareInChild(seed, kOperations, with_image));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotAllowed)
    GTEST_SKIP() << "no mount namespace of its own is allowed here";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "seed " << seed << ": differs from Linux, see above";
}

TEST_P(DifferentialTest, AnEmptyTree) { Compare(GetParam(), false); }
TEST_P(DifferentialTest, AnImage) { Compare(GetParam(), true); }

INSTANTIATE_TEST_SUITE_P(Seeds, DifferentialTest, testing::Range(1u, 9u));

}  // namespace
}  // namespace ebb::linux_abi
