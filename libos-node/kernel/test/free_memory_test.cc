#include "linux/mm/free_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "kernel/hypercall.h"
#include "kernel/test/fake_tender.h"

namespace ebb::linux_abi {
namespace {

constexpr uint64_t kPage = EBB_PAGE_SIZE;
constexpr uint64_t kBase = EBB_ARENA_BASE;
constexpr uint64_t kReadWrite = EBB_PROT_READ | EBB_PROT_WRITE;

uint64_t At(uint64_t page) { return kBase + page * kPage; }
FreeMemory::Range Pages(uint64_t first, uint64_t end, bool dirty = true, bool closed = false) {
  return {At(first), At(end), dirty, closed};
}
void Commit(uint64_t first, uint64_t end) {
  ASSERT_EQ(hypercall::Protect(At(first), (end - first) * kPage, kReadWrite), 0);
}

TEST(FreeMemory, NeighboursThatAreAlikeBecomeOneRange) {
  test::FakeTender tender(64ull << 20);
  FreeMemory free(32ull << 20);
  Commit(0, 40);
  free.Add(Pages(0, 10));
  free.Add(Pages(20, 30));
  free.Add(Pages(10, 20));
  EXPECT_EQ(free.First(At(0), At(40)), Pages(0, 30));
  free.Add(Pages(30, 40, false));
  EXPECT_EQ(free.First(At(0), At(40)), Pages(0, 30)) << "clean and dirty stay apart";
  EXPECT_EQ(free.bytes(), 40 * kPage);
}

TEST(FreeMemory, PiecesAreTakenFromTheMiddle) {
  test::FakeTender tender(64ull << 20);
  FreeMemory free(32ull << 20);
  Commit(0, 10);
  free.Add(Pages(0, 10));
  EXPECT_EQ(free.TakeFirst(At(4), At(6)), Pages(4, 6));
  EXPECT_EQ(free.bytes(), 8 * kPage);
  EXPECT_EQ(free.First(At(0), At(10)), Pages(0, 4));
  EXPECT_EQ(free.First(At(4), At(10)), Pages(6, 10));
  EXPECT_EQ(free.TakeFirst(At(4), At(6)).size(), 0u);
}

TEST(FreeMemory, WhatExceedsTheCapacityGoesBackToTheTender) {
  test::FakeTender tender(64ull << 20);
  FreeMemory free(8 * kPage);
  Commit(0, 20);
  free.Add(Pages(0, 6));
  free.Add(Pages(10, 15));
  EXPECT_EQ(free.bytes(), 8 * kPage);
  EXPECT_EQ(tender.committed(), 17 * kPage) << "three pages of the highest range are gone";
  EXPECT_EQ(tender.protection(At(11)), kReadWrite);
  EXPECT_EQ(tender.protection(At(12)), 0u);
  FreeMemory none(0);
  none.Add(Pages(15, 20));
  EXPECT_EQ(none.bytes(), 0u);
}

TEST(FreeMemory, ClosedMemoryIsInaccessibleAndComesBackByOneCall) {
  test::FakeTender tender(64ull << 20);
  FreeMemory free(32ull << 20);
  Commit(0, 10);
  free.Add(Pages(0, 10));
  free.Close(At(2), At(4));
  EXPECT_EQ(tender.protection(At(1)), kReadWrite);
  EXPECT_EQ(tender.protection(At(2)), 0u);
  EXPECT_EQ(free.First(At(2), At(10)), Pages(2, 4, true, true));
  const uint64_t before = tender.memory_calls();
  EXPECT_EQ(free.Release(At(2), At(4)), 2 * kPage);
  EXPECT_EQ(tender.memory_calls(), before + 1);
  EXPECT_EQ(free.ReleaseAll(), 8 * kPage);
  EXPECT_EQ(tender.committed(), 0u);
}

TEST(FreeMemory, ManySmallRangesNeverNeedMemory) {
  test::FakeTender tender(64ull << 20);
  FreeMemory free(32ull << 20);
  Commit(0, 2000);
  for (uint64_t page = 0; page < 2000; page += 2) free.Add(Pages(page, page + 1));
  EXPECT_EQ(free.bytes(), 256 * kPage);
  EXPECT_EQ(tender.committed(), (1000 + 256) * kPage);
  EXPECT_EQ(free.First(At(0), At(2000)), Pages(0, 1)) << "the lowest are kept";
}

// Against a model that knows each page's state; the tender's account must agree, too.
TEST(FreeMemory, RandomOperationsAgreeWithAModel) {
  test::FakeTender tender(64ull << 20);
  FreeMemory free(1ull << 30);
  enum class State { kGone, kMapped, kOpenDirty, kOpenClean, kClosedDirty, kClosedClean };
  std::map<uint64_t, State> model;
  constexpr uint64_t kPages = 400;
  std::mt19937 random(11);
  for (int step = 0; step < 20000; ++step) {
    const uint64_t first = random() % kPages, end = first + 1 + random() % std::min<uint64_t>(24, kPages - first);
    switch (random() % 5) {
      case 0:
        for (uint64_t page = first; page < end; ++page) {
          if (model[page] != State::kGone) continue;
          Commit(page, page + 1);
          model[page] = State::kMapped;
        }
        break;
      case 1: {
        const bool dirty = random() % 2 != 0;
        for (uint64_t page = first; page < end; ++page) {
          if (model[page] != State::kMapped) continue;
          free.Add(Pages(page, page + 1, dirty));
          model[page] = dirty ? State::kOpenDirty : State::kOpenClean;
        }
        break;
      }
      case 2:
        for (auto piece = free.TakeFirst(At(first), At(end)); piece.size() != 0;
             piece = free.TakeFirst(At(first), At(end))) {
          for (uint64_t at = piece.start; at < piece.end; at += kPage) {
            State& state = model[(at - kBase) / kPage];
            ASSERT_EQ(piece.dirty, state == State::kOpenDirty || state == State::kClosedDirty);
            ASSERT_EQ(piece.closed, state == State::kClosedDirty || state == State::kClosedClean);
            if (piece.closed) Commit((at - kBase) / kPage, (at - kBase) / kPage + 1);
            state = State::kMapped;
          }
        }
        break;
      case 3:
        free.Close(At(first), At(end));
        for (uint64_t page = first; page < end; ++page) {
          State& state = model[page];
          if (state == State::kOpenDirty) state = State::kClosedDirty;
          if (state == State::kOpenClean) state = State::kClosedClean;
        }
        break;
      default: {
        if (random() % 4 != 0) break;
        uint64_t expected = 0;
        for (uint64_t page = first; page < end; ++page) {
          State& state = model[page];
          if (state == State::kGone || state == State::kMapped) continue;
          state = State::kGone;
          expected += kPage;
        }
        ASSERT_EQ(free.Release(At(first), At(end)), expected);
      }
    }
    uint64_t kept = 0, committed = 0;
    for (const auto& [page, state] : model) {
      committed += state == State::kGone ? 0 : kPage;
      kept += state == State::kGone || state == State::kMapped ? 0 : kPage;
      const bool open = state == State::kMapped || state == State::kOpenDirty || state == State::kOpenClean;
      ASSERT_EQ(tender.protection(At(page)), open ? kReadWrite : 0u) << "page " << page << ", step " << step;
    }
    ASSERT_EQ(free.bytes(), kept);
    ASSERT_EQ(tender.committed(), committed);
  }
}

}  // namespace
}  // namespace ebb::linux_abi
