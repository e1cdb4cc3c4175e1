// CommitMap against a page-by-page model, with random requests.
#include "tender/pages/commit_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace ebb::tender {
namespace {

struct ModelPage {
  bool held = false;
  uint64_t prot = 0;
  int content = 0;  // 0: zero
};

// What the operating system would hold, and a check that each call is right for the pages it names.
struct FakeOs {
  std::map<uint64_t, ModelPage> pages;
  bool refuse_map = false;
  long calls = 0;

  template <typename Action>
  long Each(uint64_t address, uint64_t size, bool must_be_held, Action action) {
    ++calls;
    EXPECT_GT(size, 0u);
    for (uint64_t at = address; at < address + size; at += EBB_PAGE_SIZE) {
      ModelPage& page = pages[at];
      EXPECT_EQ(page.held, must_be_held) << std::hex << at;
      action(page);
    }
    return 0;
  }
  long Map(uint64_t address, uint64_t size, uint64_t prot) {
    if (refuse_map) return CommitMap::kOutOfMemory;
    return Each(address, size, false, [&](ModelPage& page) { page = {true, prot, 0}; });
  }
  long Protect(uint64_t address, uint64_t size, uint64_t prot) {
    return Each(address, size, true, [&](ModelPage& page) { page.prot = prot; });
  }
  long Release(uint64_t address, uint64_t size) {
    return Each(address, size, true, [&](ModelPage& page) {
      EXPECT_EQ(page.prot, 0u);
      page = {};
    });
  }
  long Clear(uint64_t address, uint64_t size) {
    return Each(address, size, true, [&](ModelPage& page) {
      EXPECT_NE(page.prot, 0u);
      page.content = 0;
    });
  }
};

class CommitMapTest : public testing::Test {
 protected:
  CommitMapTest()
      : held_(CommitMap::kBitmapSize / 8),
        accessible_(CommitMap::kBitmapSize / 8),
        state_{0, held_.data(), accessible_.data()} {}

  std::vector<uint64_t> held_, accessible_;
  CommitMap::State state_;
  FakeOs os_;
};

TEST_F(CommitMapTest, RandomRequestsAgreeWithTheModel) {
  constexpr uint64_t kPages = 300, kLimit = 200 * EBB_PAGE_SIZE;
  std::mt19937 random(42);
  std::map<uint64_t, ModelPage> model;
  for (int step = 0; step < 20000; ++step) {
    const uint64_t first = random() % kPages, count = 1 + random() % (kPages - first);
    const uint64_t address = EBB_HEAP_BASE + first * EBB_PAGE_SIZE, size = count * EBB_PAGE_SIZE;
    const auto each = [&](auto action) {
      for (uint64_t at = address; at < address + size; at += EBB_PAGE_SIZE) action(model[at]);
    };
    uint64_t held = 0;
    for (const auto& [at, page] : model) held += page.held ? EBB_PAGE_SIZE : 0;
    ASSERT_EQ(state_.committed, held);
    switch (random() % 3) {
      case 0: {
        const uint64_t prot = random() % 4;
        uint64_t fresh = 0;
        each([&](ModelPage& page) { fresh += page.held ? 0 : EBB_PAGE_SIZE; });
        const bool fits = prot == 0 || held + fresh <= kLimit;
        ASSERT_EQ(CommitMap::Protect(state_, os_, kLimit, address, size, prot), fits ? 0 : CommitMap::kOutOfMemory);
        if (fits) {
          each([&](ModelPage& page) {
            if (page.held) page.prot = prot;
            if (!page.held && prot != 0) page = {true, prot, 0};
          });
        }
        break;
      }
      case 1:
        ASSERT_EQ(CommitMap::Discard(state_, os_, address, size), 0);
        each([&](ModelPage& page) {
          if (page.held && page.prot == 0) page = {};
          page.content = 0;
        });
        break;
      default:
        // The guest writes.
        each([&](ModelPage& page) {
          if (page.held && page.prot != 0) page.content = 1;
        });
        for (auto& [at, page] : os_.pages) {
          if (at >= address && at < address + size && page.held && page.prot != 0) page.content = 1;
        }
    }
    for (const auto& [at, page] : model) {
      const ModelPage& real = os_.pages[at];
      ASSERT_EQ(real.held, page.held);
      ASSERT_EQ(real.prot, page.prot);
      ASSERT_EQ(real.content, page.content);
    }
  }
}

TEST_F(CommitMapTest, ARunIsOneCall) {
  ASSERT_EQ(CommitMap::Protect(state_, os_, ~0ull, EBB_ARENA_BASE, 64ull << 20, 3), 0);
  EXPECT_EQ(os_.calls, 1);
  ASSERT_EQ(CommitMap::Protect(state_, os_, ~0ull, EBB_ARENA_BASE + 0x1000, 63ull << 20, 1), 0);
  EXPECT_EQ(os_.calls, 2);
  ASSERT_EQ(CommitMap::Discard(state_, os_, EBB_ARENA_BASE, 64ull << 20), 0);
  EXPECT_EQ(os_.calls, 3);
}

TEST_F(CommitMapTest, EdgesAndNonsense) {
  EXPECT_EQ(CommitMap::Protect(state_, os_, ~0ull, EBB_ARENA_END - 4096, 4096, 3), 0);
  EXPECT_EQ(CommitMap::Protect(state_, os_, ~0ull, EBB_HEAP_BASE, 4096, 3), 0);
  EXPECT_EQ(CommitMap::Protect(state_, os_, ~0ull, EBB_HEAP_BASE, 0, 3), 0);
  for (const auto& [address, size] : std::vector<std::pair<uint64_t, uint64_t>>{{EBB_ARENA_END, 4096},
                                                                                {EBB_ARENA_END - 4096, 8192},
                                                                                {EBB_HEAP_BASE - 4096, 4096},
                                                                                {EBB_HEAP_BASE + 1, 4096},
                                                                                {EBB_HEAP_BASE, 4095},
                                                                                {EBB_HEAP_BASE, ~0xfffull},
                                                                                {0, EBB_ARENA_END}}) {
    EXPECT_EQ(CommitMap::Protect(state_, os_, ~0ull, address, size, 3), CommitMap::kInvalid) << std::hex << address;
    EXPECT_EQ(CommitMap::Discard(state_, os_, address, size), CommitMap::kInvalid) << std::hex << address;
  }
  EXPECT_EQ(CommitMap::Protect(state_, os_, ~0ull, EBB_HEAP_BASE, 4096, 8), CommitMap::kInvalid);
}

TEST_F(CommitMapTest, ARefusalByTheHostIsNotCounted) {
  os_.refuse_map = true;
  EXPECT_EQ(CommitMap::Protect(state_, os_, ~0ull, EBB_HEAP_BASE, 4096, 3), CommitMap::kOutOfMemory);
  EXPECT_EQ(state_.committed, 0u);
}

}  // namespace
}  // namespace ebb::tender
