// RingQueue: this core's submission and completion rings to the tender (abi/ebb_abi.h), and the buffers in the shared
// data area. Submissions are only queued; EventManager tells the tender (one exit for all of a turn). Completions are
// dispatched by EventManager in kernel context.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "abi/ebb_abi.h"
#include "kernel/intrusive_list.h"
#include "kernel/result.h"

namespace ebb {

// One operation in flight (or a multishot one). Must outlive it. OnComplete must not block.
class Completion {
 public:
  virtual void OnComplete(const ebb_cqe& cqe) = 0;

 protected:
  ~Completion() = default;

 private:
  friend class RingQueue;
  Completion* next_waiter_ = nullptr;  // list of those that wait for data buffers
  ListNode in_flight_;
};

class RingQueue {
 public:
  // Takes effect in order. user_data is set by Submit. When the ring is full it is handed to the tender first; never
  // fails.
  void Submit(ebb_sqe sqe, Completion& completion);
  // Fire and forget; a data buffer given (data != empty) is released when it completes.
  void SubmitDetached(ebb_sqe sqe, std::span<std::byte> data = {});

  // Buffers for `buffer`/`length`, power-of-two sizes from 4 KiB to 256 KiB. ENOBUFS when the area is exhausted: try
  // again after completions.
  Result<std::span<std::byte>> AllocateData(size_t size);
  void ReleaseData(std::span<std::byte> data);
  // Called (once, then forgotten) when data was released after an ENOBUFS.
  void OnDataAvailable(Completion& waiter);
  static uint32_t DataOffset(std::span<std::byte> data) {
    return static_cast<uint32_t>(reinterpret_cast<uint64_t>(data.data()) - EBB_DATA);
  }

  // True when a completion is waiting to be dispatched.
  bool HasCompletions() const;
  // Runs OnComplete of everything completed so far.
  void Dispatch();
  bool HasUnsubmitted() const;
  // When the oldest of them was queued.
  uint64_t unsubmitted_since() const { return unsubmitted_since_; }
  // The tender must be told of submissions (it does not look by itself), as it was after the last Enter.
  bool MustNotify() const;
  void MarkSubmitted();
  uint32_t SeenCompletions() const;

  // In a clone: rings and data area are new. From BeginRestore on submissions go to them, but data buffers are neither
  // given nor taken back. FinishRestore completes with ECONNRESET what was in flight and was not submitted again since,
  // then the data area starts afresh.
  void BeginRestore();
  void FinishRestore();

 private:
  static constexpr uint32_t kMinOrder = 12;
  static constexpr uint32_t kMaxOrder = 18;
  static constexpr uint32_t kOrders = kMaxOrder - kMinOrder + 1;
  static constexpr uint32_t kUnits = EBB_DATA_SIZE >> kMinOrder;

  struct FreeData {
    FreeData* next;
  };

  void Push(ebb_sqe sqe, uint64_t user_data);
  // Makes room in the completion ring: what is in it is kept for the next Dispatch.
  void Defer();
  void Complete(const ebb_cqe& cqe);
  void WakeDataWaiters();

  // Completions taken out of the ring while a submission had to wait for room. OnComplete may submit itself, so they
  // cannot run there.
  std::vector<ebb_cqe> deferred_;

  IntrusiveList<Completion, &Completion::in_flight_> in_flight_;
  IntrusiveList<Completion, &Completion::in_flight_> lost_;
  bool restoring_ = false;
  uint32_t submitted_tail_ = 0;
  uint64_t unsubmitted_since_ = 0;
  // The data area is handed out once, in blocks that stay of their size; split on demand, never merged: sizes repeat.
  FreeData* free_[kOrders] = {};
  uint32_t fresh_ = 0;  // units of the area never handed out start here
  Completion* data_waiters_ = nullptr;
};

// This core's.
RingQueue& ring();

}  // namespace ebb
