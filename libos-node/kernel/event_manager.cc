#include "kernel/event_manager.h"

#include <atomic>

#include "kernel/clock.h"
#include "kernel/hypercall.h"
#include "kernel/park.h"
#include "kernel/ring.h"
#include "kernel/thread.h"
#include "kernel/timer.h"

namespace ebb {

void EventManager::Spawn(Event& event) {
  if (!event.node.linked()) events_.PushBack(event);
}

void EventManager::RunReady() {
  if (ring().HasCompletions()) ring().Dispatch();
  const uint64_t deadline = timer().NextDeadline();
  if (deadline != kForever) {
    const uint64_t now = clock->Now();
    if (deadline <= now) timer().Run(now);
  }
  while (Event* event = events_.PopFront()) event->Run();
}

void EventManager::Poll() {
  if (ring().MustNotify()) hypercall::Enter(EBB_ENTER_SUBMIT, 0, 0, 0);
  ring().MarkSubmitted();
  RunReady();
}

void EventManager::PollSoon() {
  // A program that answers and then asks for events once without and once with a timeout comes back within this time.
  constexpr uint64_t kPatienceNs = 50'000;
  if (ring().HasUnsubmitted() && clock->Now() - ring().unsubmitted_since() < kPatienceNs) return RunReady();
  Poll();
}

void EventManager::Wait() {
  RunReady();
  if (scheduler().HasRunnable()) return;
  ebb_core_shared& shared = core_shared(this_core().index);
  if (std::atomic_ref(shared.park_requested).load(std::memory_order_relaxed) != 0) return Park();
  std::atomic_ref(shared.waiting).store(1, std::memory_order_seq_cst);
  const uint64_t flags = EBB_ENTER_WAIT | (ring().MustNotify() ? EBB_ENTER_SUBMIT : 0u);
  ring().MarkSubmitted();
  int64_t seconds = -1;
  int64_t nanoseconds = 0;
  const uint64_t deadline = timer().NextDeadline();
  if (deadline != kForever) {
    const uint64_t now = clock->Now();
    const uint64_t rest = deadline > now ? deadline - now : 0;
    seconds = static_cast<int64_t>(rest / 1'000'000'000);
    nanoseconds = static_cast<int64_t>(rest % 1'000'000'000);
  }
  hypercall::Enter(flags, ring().SeenCompletions(), seconds, nanoseconds);
  std::atomic_ref(shared.waiting).store(0, std::memory_order_relaxed);
  if (std::atomic_ref(shared.tick_pending).exchange(0, std::memory_order_relaxed) != 0 && this_core().tick_armed != 0 &&
      !scheduler().HasRunnable()) {
    // A tick with nobody to switch to: an idle machine must not be woken by more of them.
    this_core().tick_armed = 0;
    hypercall::Tick(0);
  }
  RunReady();
}

}  // namespace ebb
