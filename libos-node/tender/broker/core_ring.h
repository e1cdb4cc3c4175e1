// CoreRing: the tender's end of one core's rings. Invariants: an entry is fetched exactly once, with loads that the
// compiler may not repeat; the tender's own indices live in private memory and are never read back; a completion is
// never written over one that the guest has not consumed. Completions that find the ring full are held back in order;
// the owner stops fetching meanwhile, which bounds them by the operations in flight.
#ifndef EBB_TENDER_BROKER_CORE_RING_H_
#define EBB_TENDER_BROKER_CORE_RING_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>

#include "abi/ebb_abi.h"

namespace ebb::tender {

class CoreRing {
 public:
  explicit CoreRing(ebb_core_shared* shared) : shared_(shared) {}

  // Takes the next submission; false when there is none (or the guest's index is impossible).
  bool Fetch(ebb_sqe& out) {
    const uint32_t pending = std::atomic_ref(shared_->sq_tail).load(std::memory_order_acquire) - sq_head_;
    if (pending == 0 || broken_) return false;
    if (pending > EBB_SQ_ENTRIES) {
      broken_ = true;
      return false;
    }
    CopyOnce(shared_->sq[sq_head_ % EBB_SQ_ENTRIES], out);
    ++sq_head_;
    return true;
  }
  // Gives the slots of fetched entries back to the guest.
  void ReleaseSlots() { std::atomic_ref(shared_->sq_head).store(sq_head_, std::memory_order_release); }

  void Complete(const ebb_cqe& cqe) {
    FlushLazy();
    Push(cqe);
  }
  // May wait until something else completes: the guest said that it does not need to know.
  void CompleteLazily(const ebb_cqe& cqe) {
    if (lazy_count_ == lazy_.size()) FlushLazy();
    lazy_[lazy_count_++] = cqe;
  }
  // True while completions wait for the guest to make room.
  bool holding() const { return !held_.empty(); }
  void FlushHeld() {
    while (!held_.empty() && Publish(held_.front())) held_.pop_front();
  }

  bool broken() const { return broken_; }
  uint64_t published() const { return published_; }
  uint64_t held_back() const { return held_back_; }

 private:
  static void CopyOnce(ebb_sqe& from, ebb_sqe& to) {
    constexpr size_t kWords = sizeof(ebb_sqe) / sizeof(uint64_t);
    auto* source = reinterpret_cast<uint64_t*>(&from);
    std::array<uint64_t, kWords> words;
    for (size_t i = 0; i < kWords; ++i) words[i] = std::atomic_ref(source[i]).load(std::memory_order_relaxed);
    std::memcpy(&to, words.data(), sizeof to);
  }

  void FlushLazy() {
    for (size_t i = 0; i < lazy_count_; ++i) Push(lazy_[i]);
    lazy_count_ = 0;
  }
  void Push(const ebb_cqe& cqe) {
    if (held_.empty() && Publish(cqe)) return;
    held_.push_back(cqe);
    ++held_back_;
  }
  bool Publish(const ebb_cqe& cqe) {
    const uint32_t outstanding = cq_tail_ - std::atomic_ref(shared_->cq_head).load(std::memory_order_acquire);
    if (outstanding > EBB_CQ_ENTRIES) broken_ = true;
    if (outstanding >= EBB_CQ_ENTRIES) return false;
    shared_->cq[cq_tail_ % EBB_CQ_ENTRIES] = cqe;
    ++cq_tail_;
    // Sequentially consistent: the backend then reads `waiting`, which the guest sets before it looks at the tail for
    // the last time.
    std::atomic_ref(shared_->cq_tail).store(cq_tail_, std::memory_order_seq_cst);
    ++published_;
    return true;
  }

  ebb_core_shared* shared_;
  uint32_t sq_head_ = 0;
  uint32_t cq_tail_ = 0;
  bool broken_ = false;
  size_t lazy_count_ = 0;
  std::array<ebb_cqe, 32> lazy_;
  std::deque<ebb_cqe> held_;
  uint64_t published_ = 0;
  uint64_t held_back_ = 0;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_BROKER_CORE_RING_H_
