#include "kernel/gp_allocator.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "kernel/page_allocator.h"
#include "kernel/test/fake_tender.h"

namespace ebb {
namespace {

void Churn(GeneralPurposeAllocator& allocator) {
  std::mt19937 random(2);
  std::map<uint8_t*, std::pair<size_t, uint8_t>> live;
  for (int step = 0; step < 20000; ++step) {
    if (live.size() < 500 && random() % 2 == 0) {
      const size_t size = random() % 8 == 0 ? random() % 100000 : random() % 3000;
      auto* at = static_cast<uint8_t*>(allocator.Allocate(size));
      ASSERT_NE(at, nullptr);
      ASSERT_EQ(reinterpret_cast<uint64_t>(at) % 16, 0u);
      const auto next = live.lower_bound(at);
      ASSERT_TRUE(next == live.end() || at + size <= next->first);
      const auto fill = static_cast<uint8_t>(random());
      std::memset(at, fill, size);
      live[at] = {size, fill};
    } else if (!live.empty()) {
      auto victim = std::next(live.begin(), static_cast<long>(random() % live.size()));
      for (size_t i = 0; i < victim->second.first; ++i) ASSERT_EQ(victim->first[i], victim->second.second);
      allocator.Free(victim->first);
      live.erase(victim);
    }
  }
  for (auto& [at, unused] : live) allocator.Free(at);
}

TEST(SlabAllocator, ObjectsAreDistinctAndKeepTheirContent) {
  test::FakeTender tender(256ull << 20);
  Churn(gp_allocator());
}

TEST(SlabAllocator, FreedObjectsAreUsedAgain) {
  test::FakeTender tender(64ull << 20);
  for (int i = 0; i < 1000; ++i) gp_allocator().Free(gp_allocator().Allocate(100));
  const uint64_t committed = page_allocator().committed_bytes();
  for (int i = 0; i < 100000; ++i) gp_allocator().Free(gp_allocator().Allocate(100));
  EXPECT_EQ(page_allocator().committed_bytes(), committed);
}

TEST(PageGranularAllocator, ObjectsAreDistinctAndKeepTheirContent) {
  test::FakeTender tender(512ull << 20);
  PageGranularAllocator allocator;
  Churn(allocator);
}

}  // namespace
}  // namespace ebb
