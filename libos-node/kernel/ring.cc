#include "kernel/ring.h"

#include <atomic>

#include "kernel/clock.h"
#include "kernel/hypercall.h"
#include "kernel/panic.h"

namespace ebb {
namespace {

ebb_core_shared& Shared() { return core_shared(this_core().index); }

uint32_t Load(uint32_t& word) { return std::atomic_ref(word).load(std::memory_order_acquire); }
void Store(uint32_t& word, uint32_t value) { std::atomic_ref(word).store(value, std::memory_order_release); }

// user_data of a detached submission: bit 0 tells it from a Completion (an aligned pointer); above it the order + 1 and
// address of the data block to release (blocks are 4 KiB aligned), or zero.
constexpr uint64_t kDetached = 1;

}  // namespace

void RingQueue::Push(ebb_sqe sqe, uint64_t user_data) {
  ebb_core_shared& shared = Shared();
  while (shared.sq_tail - Load(shared.sq_head) >= EBB_SQ_ENTRIES) {
    // Full: the tender consumes synchronously under KVM, soon under the process tender, and not at all while the
    // completion ring is full.
    Defer();
    hypercall::Enter(EBB_ENTER_SUBMIT, 0, 0, 0);
    MarkSubmitted();
    if (shared.sq_tail - Load(shared.sq_head) >= EBB_SQ_ENTRIES) {
      hypercall::Enter(EBB_ENTER_SUBMIT | EBB_ENTER_WAIT, SeenCompletions(), 0, 50'000);
    }
  }
  if (!HasUnsubmitted()) unsubmitted_since_ = clock->Now();
  sqe.user_data = user_data;
  shared.sq[shared.sq_tail % EBB_SQ_ENTRIES] = sqe;
  Store(shared.sq_tail, shared.sq_tail + 1);
}

void RingQueue::Submit(ebb_sqe sqe, Completion& completion) {
  completion.in_flight_.Unlink();
  in_flight_.PushBack(completion);
  Push(sqe, reinterpret_cast<uint64_t>(&completion));
}

void RingQueue::SubmitDetached(ebb_sqe sqe, std::span<std::byte> data) {
  uint64_t user_data = kDetached;
  if (!data.empty()) {
    uint32_t order = 0;
    while ((1ull << (order + kMinOrder)) < data.size()) ++order;
    user_data |= (reinterpret_cast<uint64_t>(data.data()) & ~0xfffull) | (order + 1) << 1;
  }
  Push(sqe, user_data);
}

Result<std::span<std::byte>> RingQueue::AllocateData(size_t size) {
  uint32_t order = 0;
  while (order < kOrders && (1ull << (order + kMinOrder)) < size) ++order;
  if (order == kOrders) return Errno::kInval;
  if (restoring_) return Errno::kNoBufs;
  const size_t block = 1ull << (order + kMinOrder);
  if (free_[order] != nullptr) {
    FreeData* data = free_[order];
    free_[order] = data->next;
    return std::span(reinterpret_cast<std::byte*>(data), block);
  }
  const uint32_t units = 1u << order;
  const uint32_t start = (fresh_ + units - 1) & ~(units - 1);
  if (start + units <= kUnits) {
    // What alignment skips stays usable as smaller blocks.
    while (fresh_ < start) {
      uint32_t skipped = 0;
      while ((fresh_ & (1u << skipped)) == 0) ++skipped;
      auto* data = reinterpret_cast<FreeData*>(EBB_DATA + (static_cast<uint64_t>(fresh_) << kMinOrder));
      data->next = free_[skipped];
      free_[skipped] = data;
      fresh_ += 1u << skipped;
    }
    fresh_ = start + units;
    return std::span(reinterpret_cast<std::byte*>(EBB_DATA + (static_cast<uint64_t>(start) << kMinOrder)), block);
  }
  // Split a larger free block.
  for (uint32_t larger = order + 1; larger < kOrders; ++larger) {
    if (free_[larger] == nullptr) continue;
    FreeData* data = free_[larger];
    free_[larger] = data->next;
    auto* bytes = reinterpret_cast<std::byte*>(data);
    for (uint32_t split = larger; split > order; --split) {
      auto* half = reinterpret_cast<FreeData*>(bytes + (1ull << (split - 1 + kMinOrder)));
      half->next = free_[split - 1];
      free_[split - 1] = half;
    }
    return std::span(bytes, block);
  }
  return Errno::kNoBufs;
}

void RingQueue::ReleaseData(std::span<std::byte> data) {
  if (data.empty() || restoring_) return;
  uint32_t order = 0;
  while ((1ull << (order + kMinOrder)) < data.size()) ++order;
  EBB_CHECK(order < kOrders);
  auto* free = reinterpret_cast<FreeData*>(data.data());
  free->next = free_[order];
  free_[order] = free;
  WakeDataWaiters();
}

void RingQueue::WakeDataWaiters() {
  // Detached first: a waiter may register again at once.
  Completion* next = data_waiters_;
  data_waiters_ = nullptr;
  while (next != nullptr) {
    Completion* waiter = next;
    next = waiter->next_waiter_;
    waiter->next_waiter_ = nullptr;
    ebb_cqe cqe = {};
    waiter->OnComplete(cqe);
  }
}

void RingQueue::OnDataAvailable(Completion& waiter) {
  for (Completion* at = data_waiters_; at != nullptr; at = at->next_waiter_) {
    if (at == &waiter) return;
  }
  waiter.next_waiter_ = data_waiters_;
  data_waiters_ = &waiter;
}

bool RingQueue::HasCompletions() const { return !deferred_.empty() || Load(Shared().cq_tail) != Shared().cq_head; }

uint32_t RingQueue::SeenCompletions() const { return Shared().cq_head; }

void RingQueue::Defer() {
  ebb_core_shared& shared = Shared();
  while (Load(shared.cq_tail) != shared.cq_head) {
    deferred_.push_back(shared.cq[shared.cq_head % EBB_CQ_ENTRIES]);
    Store(shared.cq_head, shared.cq_head + 1);
  }
}

void RingQueue::Complete(const ebb_cqe& cqe) {
  if ((cqe.user_data & kDetached) == 0) {
    auto* completion = reinterpret_cast<Completion*>(cqe.user_data);
    if ((cqe.flags & EBB_CQE_MORE) == 0) completion->in_flight_.Unlink();
    return completion->OnComplete(cqe);
  }
  const uint64_t order = (cqe.user_data & 0xfff) >> 1;
  if (order == 0) return;
  ReleaseData(std::span(reinterpret_cast<std::byte*>(cqe.user_data & ~0xfffull), 1ull << (order - 1 + kMinOrder)));
}

void RingQueue::Dispatch() {
  ebb_core_shared& shared = Shared();
  // A completion may submit, and that may defer more, which come after those that were deferred before.
  for (size_t i = 0; i < deferred_.size(); ++i) Complete(ebb_cqe(deferred_[i]));
  deferred_.clear();
  while (Load(shared.cq_tail) != shared.cq_head) {
    const ebb_cqe cqe = shared.cq[shared.cq_head % EBB_CQ_ENTRIES];
    Store(shared.cq_head, shared.cq_head + 1);
    Complete(cqe);
    if (!deferred_.empty()) return Dispatch();
  }
}

bool RingQueue::HasUnsubmitted() const { return Shared().sq_tail != submitted_tail_; }

bool RingQueue::MustNotify() const {
  // Ordered after our store of sq_tail: either the tender sees the entry before it sleeps, or we see that it sleeps.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return HasUnsubmitted() && Load(Shared().sq_polling) == 0;
}

void RingQueue::MarkSubmitted() { submitted_tail_ = Shared().sq_tail; }

void RingQueue::BeginRestore() {
  restoring_ = true;
  submitted_tail_ = 0;
  deferred_.clear();
  while (Completion* completion = in_flight_.PopFront()) lost_.PushBack(*completion);
}

void RingQueue::FinishRestore() {
  while (Completion* completion = lost_.PopFront()) {
    ebb_cqe cqe = {};
    cqe.result = -static_cast<int32_t>(Errno::kConnReset);
    completion->OnComplete(cqe);
  }
  restoring_ = false;
  fresh_ = 0;
  for (FreeData*& list : free_) list = nullptr;
  WakeDataWaiters();
}

}  // namespace ebb
