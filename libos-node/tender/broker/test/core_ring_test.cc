// CoreRing: index wrap-around and the order of held-back completions.
#include "tender/broker/core_ring.h"

#include <gtest/gtest.h>

#include <memory>

namespace ebb::tender {
namespace {

ebb_cqe Completion(uint64_t user_data) { return {user_data, 0, 0, 0, 0}; }

TEST(CoreRingTest, HoldsBackInOrderAcrossManyWraps) {
  auto shared = std::make_unique<ebb_core_shared>();
  CoreRing ring(shared.get());
  uint64_t produced = 0, consumed = 0;
  for (int round = 0; round < 2000; ++round) {
    const uint64_t burst = static_cast<uint64_t>(round * 37 % 900);
    for (uint64_t i = 0; i < burst; ++i) ring.Complete(Completion(produced++));
    while (consumed != produced) {
      ring.FlushHeld();
      ASSERT_NE(shared->cq_tail, shared->cq_head);
      ASSERT_LE(shared->cq_tail - shared->cq_head, EBB_CQ_ENTRIES);
      for (; shared->cq_head != shared->cq_tail; ++shared->cq_head)
        ASSERT_EQ(shared->cq[shared->cq_head % EBB_CQ_ENTRIES].user_data, consumed++);
    }
    ASSERT_FALSE(ring.holding());
  }
  EXPECT_EQ(ring.published(), produced);
}

TEST(CoreRingTest, FetchesEachEntryOnce) {
  auto shared = std::make_unique<ebb_core_shared>();
  CoreRing ring(shared.get());
  ebb_sqe sqe{};
  for (uint64_t i = 0; i < 5000; ++i) {
    EXPECT_FALSE(ring.Fetch(sqe));
    shared->sq[shared->sq_tail++ % EBB_SQ_ENTRIES].user_data = i;
    ASSERT_TRUE(ring.Fetch(sqe));
    EXPECT_EQ(sqe.user_data, i);
    ring.ReleaseSlots();
    EXPECT_EQ(shared->sq_head, shared->sq_tail);
  }
}

TEST(CoreRingTest, ConsumedBeyondProducedIsBroken) {
  auto shared = std::make_unique<ebb_core_shared>();
  CoreRing ring(shared.get());
  shared->cq_head = 5;
  ring.Complete(Completion(1));
  EXPECT_TRUE(ring.broken());
  EXPECT_EQ(shared->cq_tail, 0u);
}

}  // namespace
}  // namespace ebb::tender
