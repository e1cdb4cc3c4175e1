// KvmTables as a processor reads them: which guest addresses are present, as large pages or small, and never as another
// address.
#include "tender/kvm_tables.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <random>
#include <vector>

namespace ebb::tender {
namespace {

constexpr uint64_t kLarge = 2ull << 20;
constexpr uint64_t kBase = EBB_ARENA_BASE;
constexpr uint64_t kTablesBacked = 8ull << 20;

class KvmTablesTest : public testing::Test {
 protected:
  KvmTablesTest() {
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    low_ = static_cast<uint8_t*>(mmap(nullptr, kSpan, PROT_NONE, kFlags, -1, 0));
    EXPECT_EQ(mprotect(low_, kLowSize, PROT_READ | PROT_WRITE), 0);
    EXPECT_EQ(mprotect(low_ + kTables, kTablesBacked, PROT_READ | PROT_WRITE), 0);
    tables().Build();
  }
  ~KvmTablesTest() override { munmap(low_, kSpan); }

  KvmTables tables() const { return KvmTables(low_); }

  // 0: not present, else the size of the page.
  uint64_t PageSizeAt(uint64_t address) const {
    constexpr uint64_t kPresent = 1, kLargeBit = 0x80, kAddress = 0x000ffffffffff000;
    uint64_t table = kPml4;
    for (int shift = 39; shift >= 12; shift -= 9) {
      const uint64_t entry = reinterpret_cast<const uint64_t*>(low_ + table)[address >> shift & 511];
      if ((entry & kPresent) == 0) return 0;
      EXPECT_EQ(entry & 7, 7u) << "writable, for ring 3";
      const bool large = shift == 21 && (entry & kLargeBit) != 0;
      if (shift == 12 || large) {
        EXPECT_EQ(entry & kAddress, address & ~((1ull << shift) - 1)) << "guest-virtual = guest-physical";
        return 1ull << shift;
      }
      table = entry & kAddress;
    }
    return 0;
  }

  static constexpr uint64_t kSpan = kTables + kTablesBacked;
  uint8_t* low_;
  uint64_t next_ = kTables;
};

TEST_F(KvmTablesTest, WholeLargePagesNeedNoTables) {
  tables().MapPages(kBase, 3 * kLarge, next_);
  EXPECT_EQ(next_, kTables);
  EXPECT_EQ(PageSizeAt(kBase), kLarge);
  EXPECT_EQ(PageSizeAt(kBase + 3 * kLarge - 1), kLarge);
  EXPECT_EQ(PageSizeAt(kBase + 3 * kLarge), 0u);
  EXPECT_EQ(PageSizeAt(kBase - 1), 0u);
  tables().UnmapPages(kBase, 3 * kLarge, next_);
  EXPECT_EQ(PageSizeAt(kBase + kLarge), 0u);
  EXPECT_EQ(next_, kTables);
}

TEST_F(KvmTablesTest, TheEndsOfARangeAreSmallPages) {
  tables().MapPages(kBase + kLarge - EBB_PAGE_SIZE, 2 * kLarge, next_);
  EXPECT_EQ(PageSizeAt(kBase + kLarge - EBB_PAGE_SIZE), EBB_PAGE_SIZE);
  EXPECT_EQ(PageSizeAt(kBase + kLarge), kLarge);
  EXPECT_EQ(PageSizeAt(kBase + 2 * kLarge), EBB_PAGE_SIZE);
  EXPECT_EQ(PageSizeAt(kBase + 3 * kLarge - EBB_PAGE_SIZE), 0u);
  EXPECT_LE(next_, kTables + KvmTables::TablesFor(2 * kLarge));
}

TEST_F(KvmTablesTest, ALargePageIsSplitWhenAPartGoesAndStaysSplit) {
  tables().MapPages(kBase, kLarge, next_);
  tables().UnmapPages(kBase + 8 * EBB_PAGE_SIZE, 4 * EBB_PAGE_SIZE, next_);
  EXPECT_EQ(next_, kTables + EBB_PAGE_SIZE);
  EXPECT_EQ(PageSizeAt(kBase + 7 * EBB_PAGE_SIZE), EBB_PAGE_SIZE);
  EXPECT_EQ(PageSizeAt(kBase + 8 * EBB_PAGE_SIZE), 0u);
  EXPECT_EQ(PageSizeAt(kBase + 12 * EBB_PAGE_SIZE), EBB_PAGE_SIZE);
  tables().UnmapPages(kBase, kLarge, next_);
  tables().MapPages(kBase, kLarge, next_);
  EXPECT_EQ(PageSizeAt(kBase), EBB_PAGE_SIZE) << "its table stays its own";
  EXPECT_EQ(next_, kTables + EBB_PAGE_SIZE);
}

TEST_F(KvmTablesTest, RandomRangesAgreeWithAModel) {
  constexpr uint64_t kPages = 4 * 512;
  const uint64_t start = kBase + (1ull << 30) - 2 * kLarge;  // across a gibibyte
  std::vector<bool> present(kPages);
  std::mt19937 random(3);
  for (int step = 0; step < 600; ++step) {
    const bool aligned = random() % 3 == 0;
    const uint64_t unit = aligned ? 512 : 1;
    const uint64_t first = random() % (kPages / unit) * unit;
    const uint64_t count = (1 + random() % std::min<uint64_t>(aligned ? 2 : 700, (kPages - first) / unit)) * unit;
    const bool map = random() % 2 == 0;
    // As CommitMap calls: runs of pages that are all absent, or all present.
    for (uint64_t page = first; page < first + count;) {
      uint64_t end = page;
      while (end < first + count && present[end] == present[page]) ++end;
      if (map && !present[page]) tables().MapPages(start + page * EBB_PAGE_SIZE, (end - page) * EBB_PAGE_SIZE, next_);
      if (!map && present[page]) tables().UnmapPages(start + page * EBB_PAGE_SIZE, (end - page) * EBB_PAGE_SIZE, next_);
      page = end;
    }
    for (uint64_t page = first; page < first + count; ++page) present[page] = map;
    for (uint64_t page = 0; page < kPages; ++page)
      ASSERT_EQ(PageSizeAt(start + page * EBB_PAGE_SIZE) != 0, present[page]) << page << " after step " << step;
  }
  EXPECT_LE(next_, kTables + 4 * EBB_PAGE_SIZE) << "one table for each 2 MiB at most";
}

}  // namespace
}  // namespace ebb::tender
