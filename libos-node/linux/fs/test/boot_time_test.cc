// The promise: an image of 3,000 entries is checked and indexed in less than half a millisecond.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "linux/fs/image_tree.h"
#include "linux/fs/open.h"
#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

class BootTimeTest : public FsTest {};

TEST_F(BootTimeTest, ThreeThousandEntries) {
  ImageBuilder large;
  for (int i = 0; i < 100; ++i) {
    const std::string directory = "/package-" + std::to_string(i);
    large.Directory(directory);
    for (int j = 0; j < 29; ++j) large.File(directory + "/a-module-file-" + std::to_string(j) + ".js", "x");
  }
  const ebb_fs_header* image = large.Build();
  ASSERT_EQ(image->entry_count, 3001u);
  int64_t best_ns = INT64_MAX;
  for (int attempt = 0; attempt < 20; ++attempt) {
    const auto start = std::chrono::steady_clock::now();
    InitializeFileSystem(image);
    best_ns = std::min(best_ns, std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count());
  }
  EXPECT_EQ(ReadFile("/package-99/a-module-file-28.js"), "x");
  EXPECT_EQ(List("/package-7").size(), 31u);
  RecordProperty("microseconds", static_cast<int>(best_ns / 1000));
  std::printf("3001 entries: %d microseconds\n", static_cast<int>(best_ns / 1000));
#ifdef NDEBUG
  EXPECT_LT(best_ns, 500'000);
#else
  EXPECT_LT(best_ns, 20'000'000) << "without optimisation only that it is no square of the count";
#endif
}

}  // namespace
}  // namespace ebb::linux_abi
