#include "kernel/buddy_page_allocator.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "kernel/test/fake_tender.h"

namespace ebb {
namespace {

TEST(BuddyPageAllocator, RunsAreAlignedDistinctAndKeepTheirContent) {
  test::FakeTender tender(256ull << 20);
  std::mt19937 random(1);
  std::map<uint64_t, std::pair<uint64_t, uint8_t>> live;  // address -> size, fill
  for (int step = 0; step < 4000; ++step) {
    if (live.size() < 200 && random() % 3 != 0) {
      const uint64_t pages = 1 + random() % 40;
      const uint64_t at = page_allocator().Allocate(pages);
      ASSERT_NE(at, 0u);
      uint64_t rounded = 1;
      while (rounded < pages) rounded *= 2;
      ASSERT_EQ(at % (rounded * EBB_PAGE_SIZE), 0u);
      const uint64_t size = pages * EBB_PAGE_SIZE;
      const auto next = live.lower_bound(at);
      ASSERT_TRUE(next == live.end() || at + size <= next->first);
      ASSERT_TRUE(next == live.begin() || std::prev(next)->first + std::prev(next)->second.first <= at);
      const auto fill = static_cast<uint8_t>(random());
      std::memset(reinterpret_cast<void*>(at), fill, size);
      live[at] = {size, fill};
    } else if (!live.empty()) {
      auto victim = std::next(live.begin(), static_cast<long>(random() % live.size()));
      const auto* bytes = reinterpret_cast<const uint8_t*>(victim->first);
      for (uint64_t i = 0; i < victim->second.first; i += 511) ASSERT_EQ(bytes[i], victim->second.second);
      page_allocator().Free(victim->first);
      live.erase(victim);
    }
  }
}

TEST(BuddyPageAllocator, FreedMemoryMergesAndIsUsedAgain) {
  test::FakeTender tender(64ull << 20);
  std::vector<uint64_t> runs;
  for (int i = 0; i < 512; ++i) runs.push_back(page_allocator().Allocate(1));
  const uint64_t committed = page_allocator().committed_bytes();
  for (const uint64_t run : runs) page_allocator().Free(run);
  EXPECT_NE(page_allocator().Allocate(512), 0u);
  EXPECT_EQ(page_allocator().committed_bytes(), committed);
}

TEST(BuddyPageAllocator, TheLimitIsReportedNotCrossed) {
  test::FakeTender tender(8ull << 20);
  uint64_t runs = 0;
  while (page_allocator().Allocate(256) != 0) ASSERT_LT(++runs, 100u);
  EXPECT_EQ(runs, 8u);
  EXPECT_LE(tender.committed(), 8ull << 20);
}

}  // namespace
}  // namespace ebb
