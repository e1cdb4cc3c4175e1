#include "kernel/ring.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "kernel/core.h"
#include "kernel/test/fake_tender.h"

namespace ebb {
namespace {

class Recorder final : public Completion {
 public:
  void OnComplete(const ebb_cqe& cqe) override { results.push_back(cqe.result); }
  std::vector<int32_t> results;
};

// Consumes everything submitted and completes it with the operation's arg0.
void ServeAll() {
  ebb_core_shared& shared = core_shared(0);
  while (shared.sq_head != shared.sq_tail) {
    const ebb_sqe& sqe = shared.sq[shared.sq_head++ % EBB_SQ_ENTRIES];
    ebb_cqe& cqe = shared.cq[shared.cq_tail++ % EBB_CQ_ENTRIES];
    cqe = {};
    cqe.user_data = sqe.user_data;
    cqe.result = static_cast<int32_t>(sqe.arg0);
  }
}

TEST(RingQueue, CompletionsReachTheirOwnersInOrder) {
  test::FakeTender tender(1 << 20);
  Recorder a, b;
  for (uint64_t i = 0; i < 100; ++i) {
    ebb_sqe sqe = {};
    sqe.arg0 = i;
    ring().Submit(sqe, i % 2 == 0 ? a : b);
  }
  EXPECT_TRUE(ring().HasUnsubmitted());
  EXPECT_FALSE(ring().HasCompletions());
  ServeAll();
  ring().Dispatch();
  ASSERT_EQ(a.results.size(), 50u);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(a.results[static_cast<size_t>(i)], 2 * i);
    EXPECT_EQ(b.results[static_cast<size_t>(i)], 2 * i + 1);
  }
}

TEST(RingQueue, AFullRingIsHandedToTheTender) {
  test::FakeTender tender(1 << 20);
  int enters = 0;
  tender.on_enter = [&](uint64_t) {
    ++enters;
    ebb_core_shared& shared = core_shared(0);
    shared.sq_head = shared.sq_tail;
  };
  for (int i = 0; i < 1000; ++i) ring().SubmitDetached({});
  EXPECT_EQ(enters, 3);
}

// A tender that takes nothing while the completion ring is full, as the broker does.
TEST(RingQueue, AFloodOfSubmissionsDrainsItsOwnCompletions) {
  test::FakeTender tender(8 << 20);
  tender.on_enter = [&](uint64_t) {
    ebb_core_shared& shared = core_shared(0);
    while (shared.sq_head != shared.sq_tail && shared.cq_tail - shared.cq_head < EBB_CQ_ENTRIES) {
      const ebb_sqe& sqe = shared.sq[shared.sq_head++ % EBB_SQ_ENTRIES];
      ebb_cqe& cqe = shared.cq[shared.cq_tail++ % EBB_CQ_ENTRIES];
      cqe = {};
      cqe.user_data = sqe.user_data;
      cqe.result = static_cast<int32_t>(sqe.arg0);
    }
  };
  Recorder recorder;
  constexpr int kFlood = 5000;
  for (int i = 0; i < kFlood; ++i) {
    ebb_sqe sqe = {};
    sqe.arg0 = static_cast<uint64_t>(i);
    ring().Submit(sqe, recorder);
  }
  tender.on_enter(0);
  ring().Dispatch();
  tender.on_enter(0);
  ring().Dispatch();
  ASSERT_EQ(recorder.results.size(), static_cast<size_t>(kFlood));
  for (int i = 0; i < kFlood; ++i) ASSERT_EQ(recorder.results[static_cast<size_t>(i)], i);
}

TEST(RingQueue, DataBuffersAreDistinctAndAllComeBack) {
  test::FakeTender tender(1 << 20);
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::span<std::byte>> taken;
    std::set<std::byte*> pages;
    for (;;) {
      const size_t size = 4096ull << (random() % 7);
      auto data = ring().AllocateData(size);
      if (!data) break;
      ASSERT_EQ(data->size(), size);
      for (size_t at = 0; at < size; at += 4096) ASSERT_TRUE(pages.insert(data->data() + at).second);
      taken.push_back(*data);
    }
    for (const auto& data : taken) ring().ReleaseData(data);
  }
  // Nothing was lost: the whole area can still be had in the smallest blocks.
  size_t blocks = 0;
  while (ring().AllocateData(4096)) ++blocks;
  EXPECT_EQ(blocks, EBB_DATA_SIZE / 4096);
}

TEST(RingQueue, WaitersHearOfReleasedBuffersOnce) {
  test::FakeTender tender(1 << 20);
  std::vector<std::span<std::byte>> taken;
  for (;;) {
    auto data = ring().AllocateData(256 * 1024);
    if (!data) break;
    taken.push_back(*data);
  }
  Recorder waiter;
  ring().OnDataAvailable(waiter);
  ring().OnDataAvailable(waiter);
  ring().ReleaseData(taken[0]);
  ring().ReleaseData(taken[1]);
  EXPECT_EQ(waiter.results.size(), 1u);
}

TEST(RingQueue, ADetachedSubmissionReleasesItsBuffer) {
  test::FakeTender tender(1 << 20);
  for (int i = 0; i < 200; ++i) {
    auto data = ring().AllocateData(256 * 1024);
    ASSERT_TRUE(data) << i;
    ring().SubmitDetached({}, *data);
    ServeAll();
    ring().Dispatch();
  }
}

TEST(RingQueue, ACloneLosesWhatWasInFlightAndNothingElse) {
  test::FakeTender tender(1 << 20);
  Recorder done, lost, again;
  ebb_sqe sqe = {};
  sqe.arg0 = 7;
  ring().Submit(sqe, done);
  ServeAll();
  ring().Dispatch();
  ring().Submit(sqe, lost);
  ring().Submit(sqe, again);
  const auto held = ring().AllocateData(4096);
  ASSERT_TRUE(held);

  core_shared(0) = {};
  ring().BeginRestore();
  ring().Submit(sqe, again);
  EXPECT_FALSE(ring().AllocateData(4096));
  ring().ReleaseData(*held);  // of the template's area: not to be handed out twice
  ring().FinishRestore();

  EXPECT_EQ(done.results, std::vector<int32_t>{7});
  EXPECT_EQ(lost.results, std::vector<int32_t>{-104});
  EXPECT_TRUE(again.results.empty());
  EXPECT_TRUE(ring().HasUnsubmitted());
  ServeAll();
  ring().Dispatch();
  EXPECT_EQ(again.results, std::vector<int32_t>{7});
  // The whole area is there again, every block once.
  std::set<const void*> blocks;
  while (const auto data = ring().AllocateData(4096)) EXPECT_TRUE(blocks.insert(data->data()).second);
  EXPECT_EQ(blocks.size(), EBB_DATA_SIZE / 4096);
}

}  // namespace
}  // namespace ebb
