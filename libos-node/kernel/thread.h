// Threads: the program's pthreads as contexts multiplexed on a core. Each has a kernel stack; while it runs the program
// that stack is empty. A thread gives up the core when it blocks, yields, or is preempted by a tick while it runs
// program code and another is runnable. Kernel code (and so every event) runs to completion.
//
// Vector registers belong to one thread at a time (Core::vector_owner) and are saved only when another one is about to
// use them.
#pragma once

#include <cstdint>

#include "kernel/core.h"
#include "kernel/intrusive_list.h"
#include "kernel/timer.h"
#include "kernel/user_frame.h"
#include "kernel/wait_queue.h"

namespace ebb {

constexpr uint64_t kKernelStackSize = 32 * 1024;
constexpr uint64_t kTickMicroseconds = 1000;

enum class ThreadState : uint8_t { kRunnable, kRunning, kBlocked, kDead };

class Thread final : private TimerEntry {
 public:
  // A thread that will run program code from `frame()`, which the caller fills before Start(). Null when there is no
  // memory.
  static Thread* Create();
  // A thread that was never started, or that has ended.
  static void Destroy(Thread* thread);
  // Ends up in the run queue.
  void Start();

  UserFrame& frame() { return *reinterpret_cast<UserFrame*>(stack_top() - sizeof(UserFrame)); }
  uint64_t stack_top() const { return stack_ + kKernelStackSize; }
  uint8_t* xsave() { return xsave_; }

  // Makes `other`'s vector registers equal to this thread's (clone).
  void CopyVectorsTo(Thread& other);
  // The vector registers of an interrupted program were saved by the tender: takes them over.
  void AdoptVectors(const void* xsave);

  uint32_t tid = 0;
  uint64_t fs_base = 0;
  bool full_restore = false;  // the frame must be restored whole (it was preempted, or a signal changed it)
  // Linux personality's part of the thread (signals, robust lists ...).
  void* personality = nullptr;
  char name[16] = {};

 private:
  friend class Scheduler;
  friend WakeReason SleepUntilWoken(Waiter&, uint64_t, bool);
  void OnTimer() override;

  ThreadState state_ = ThreadState::kBlocked;
  WakeReason wake_reason_ = WakeReason::kWoken;
  bool interruptible_ = false;
  uint64_t stack_ = 0;
  uint64_t saved_rsp_ = 0;
  uint8_t* xsave_ = nullptr;
  ListNode run_node_;
};

// Threads Ebb of a core: which thread runs.
class Scheduler {
 public:
  Thread* current() const { return this_core().current; }
  bool HasRunnable() const { return !run_queue_.empty(); }

  // Adopts the boot context as the first thread.
  void Adopt(Thread& thread);
  // The current thread gives up the core until MakeRunnable. Runs the event loop while nobody can run.
  // `external`: a timer or input may end the wait, so ticks are needed to notice while another thread computes.
  void Block(bool external = true);
  // The current thread goes to the end of the run queue.
  void Yield();
  void MakeRunnable(Thread& thread);
  // Wakes a blocked thread because a signal is pending; no effect when it sleeps uninterruptibly or runs.
  void Interrupt(Thread& thread);
  // The current thread ends; its memory is freed by whoever runs next.
  [[noreturn]] void Exit();

  // Before the program continues on the current thread: makes its vector registers and FS live, arms the tick.
  void PrepareReturn();
  // Something other than a sleeping thread waits for a timer or input (a signal that is due): ticks until it is over.
  void ExpectExternal(bool expected) { external_waits_ += expected ? 1u : -1u; }
  // A tick came.
  void OnTick();
  // Somebody else may want the core while the current thread runs the program.
  bool NeedsTick() const { return !run_queue_.empty() || external_waits_ != 0; }
  uint64_t idle_ns() const { return idle_ns_; }

  // After a switch: frees the thread that ended by it. Called by the first activation of a new thread, too.
  void FinishSwitch();

 private:
  void SwitchTo(Thread& next);
  Thread* PickNext();

  IntrusiveList<Thread, &Thread::run_node_> run_queue_;
  Thread* dead_ = nullptr;
  uint32_t external_waits_ = 0;
  uint64_t idle_ns_ = 0;
};

Scheduler& scheduler();

// A signal waits for the thread and is not blocked (asked of the Linux personality).
bool SignalPending(Thread& thread);

// Saves or loads program state that must not be touched by kernel code.
void SaveVectors(Thread& thread);
void LoadVectors(Thread& thread);

}  // namespace ebb
