// The Threads Ebb: context switches, blocking, preemption, and ownership of the vector registers.
#include <new>

#include "kernel/clock.h"
#include "kernel/event_manager.h"
#include "kernel/hypercall.h"
#include "kernel/page_allocator.h"
#include "kernel/panic.h"
#include "kernel/thread.h"

extern "C" {
void ebb_switch_stacks(uint64_t* save_rsp, uint64_t new_rsp);
void ebb_thread_start();
void ebb_finish_switch_to_new(ebb::UserFrame* frame);
}

namespace ebb {
namespace {

// What ebb_switch_stacks pops: six registers and the return address.
struct SwitchFrame {
  uint64_t registers[6];
  uint64_t return_address;
};

uint64_t ReadFsBase() {
  uint64_t base;
  asm volatile("rdfsbase %0" : "=r"(base));
  return base;
}

void WriteFsBase(uint64_t base) { asm volatile("wrfsbase %0" ::"r"(base)); }

}  // namespace

void SaveVectors(Thread& thread) {
  const uint64_t mask = boot_info().xsave_mask;
  asm volatile("xsave64 (%0)" ::"r"(thread.xsave()), "a"(static_cast<uint32_t>(mask)),
               "d"(static_cast<uint32_t>(mask >> 32))
               : "memory");
}

void LoadVectors(Thread& thread) {
  const uint64_t mask = boot_info().xsave_mask;
  asm volatile("xrstor64 (%0)" ::"r"(thread.xsave()), "a"(static_cast<uint32_t>(mask)),
               "d"(static_cast<uint32_t>(mask >> 32))
               : "memory");
}

Thread* Thread::Create() {
  auto* thread = new (std::nothrow) Thread();
  if (thread == nullptr) return nullptr;
  const uint64_t xsave_pages = (boot_info().xsave_size + EBB_PAGE_SIZE - 1) / EBB_PAGE_SIZE;
  thread->stack_ = page_allocator().Allocate(kKernelStackSize / EBB_PAGE_SIZE);
  thread->xsave_ = reinterpret_cast<uint8_t*>(page_allocator().Allocate(xsave_pages));
  if (thread->stack_ == 0 || thread->xsave_ == nullptr) {
    Destroy(thread);
    return nullptr;
  }
  // XRSTOR of a zeroed area gives the initial state; MXCSR is taken from it even then.
  __builtin_memset(thread->xsave_, 0, boot_info().xsave_size);
  constexpr uint32_t kMxcsrDefault = 0x1f80;
  constexpr uint16_t kFpuControlDefault = 0x37f;
  __builtin_memcpy(thread->xsave_ + 24, &kMxcsrDefault, sizeof(kMxcsrDefault));
  __builtin_memcpy(thread->xsave_, &kFpuControlDefault, sizeof(kFpuControlDefault));
  thread->frame() = {};
  return thread;
}

void Thread::Destroy(Thread* thread) {
  page_allocator().Free(thread->stack_);
  page_allocator().Free(reinterpret_cast<uint64_t>(thread->xsave_));
  delete thread;
}

void Thread::Start() {
  UserFrame& user = frame();
  user.cs = this_core().user_cs;
  user.ss = this_core().user_ss;
  auto* start = reinterpret_cast<SwitchFrame*>(reinterpret_cast<uint64_t>(&user) - sizeof(SwitchFrame));
  *start = {};
  start->return_address = reinterpret_cast<uint64_t>(&ebb_thread_start);
  saved_rsp_ = reinterpret_cast<uint64_t>(start);
  full_restore = true;
  scheduler().MakeRunnable(*this);
}

void Thread::CopyVectorsTo(Thread& other) {
  if (this_core().vector_owner == this) SaveVectors(*this);
  __builtin_memcpy(other.xsave_, xsave_, boot_info().xsave_size);
}

void Thread::AdoptVectors(const void* xsave) {
  __builtin_memcpy(xsave_, xsave, boot_info().xsave_size);
  if (this_core().vector_owner == this) this_core().vector_owner = nullptr;
}

void Thread::OnTimer() {
  if (state_ != ThreadState::kBlocked) return;
  wake_reason_ = WakeReason::kTimeout;
  scheduler().MakeRunnable(*this);
}

void Scheduler::Adopt(Thread& thread) {
  thread.state_ = ThreadState::kRunning;
  this_core().current = &thread;
  this_core().kernel_rsp = thread.stack_top();
}

void Scheduler::MakeRunnable(Thread& thread) {
  if (thread.state_ == ThreadState::kRunnable || thread.state_ == ThreadState::kRunning) return;
  thread.state_ = ThreadState::kRunnable;
  run_queue_.PushBack(thread);
}

void Scheduler::Interrupt(Thread& thread) {
  if (thread.state_ != ThreadState::kBlocked || !thread.interruptible_) return;
  thread.wake_reason_ = WakeReason::kSignal;
  MakeRunnable(thread);
}

Thread* Scheduler::PickNext() {
  // Events first when nobody else can run; they may make somebody runnable.
  while (run_queue_.empty()) {
    const uint64_t before = clock->Now();
    event_manager().Wait();
    idle_ns_ += clock->Now() - before;
  }
  return run_queue_.PopFront();
}

void Scheduler::SwitchTo(Thread& next) {
  Core& core = this_core();
  Thread& previous = *core.current;
  next.state_ = ThreadState::kRunning;
  if (&next == &previous) return;
  Count(EBB_COUNT_SWITCHES);
  previous.fs_base = ReadFsBase();
  core.current = &next;
  core.kernel_rsp = next.stack_top();
  WriteFsBase(next.fs_base);
  ebb_switch_stacks(&previous.saved_rsp_, next.saved_rsp_);
  FinishSwitch();
}

void Scheduler::FinishSwitch() {
  if (dead_ == nullptr) return;
  Thread* dead = dead_;
  dead_ = nullptr;
  if (this_core().vector_owner == dead) this_core().vector_owner = nullptr;
  Thread::Destroy(dead);
}

void Scheduler::Block(bool external) {
  current()->state_ = ThreadState::kBlocked;
  external_waits_ += external ? 1 : 0;
  SwitchTo(*PickNext());
  external_waits_ -= external ? 1 : 0;
}

void Scheduler::Yield() {
  if (run_queue_.empty()) return;
  Thread* thread = current();
  thread->state_ = ThreadState::kRunnable;
  run_queue_.PushBack(*thread);
  SwitchTo(*run_queue_.PopFront());
}

void Scheduler::Exit() {
  Thread* thread = current();
  thread->state_ = ThreadState::kDead;
  Thread* next = PickNext();
  // Only now: PickNext still ran on this stack.
  dead_ = thread;
  SwitchTo(*next);
  Panic("a dead thread ran");
}

void Scheduler::OnTick() {
  Count(EBB_COUNT_TICKS);
  event_manager().RunReady();
  if (!run_queue_.empty()) {
    Yield();
    return;
  }
  if (this_core().tick_armed != 0 && !NeedsTick()) {
    this_core().tick_armed = 0;
    hypercall::Tick(0);
  }
}

void Scheduler::PrepareReturn() {
  Core& core = this_core();
  if (core.vector_owner != core.current) {
    if (core.vector_owner != nullptr) SaveVectors(*core.vector_owner);
    LoadVectors(*core.current);
    core.vector_owner = core.current;
  }
  if (core.tick_armed == 0 && NeedsTick()) {
    core.tick_armed = 1;
    hypercall::Tick(kTickMicroseconds);
  }
}

void WaitQueue::Wake(Waiter& waiter) {
  waiter.node.Unlink();
  waiter.woken = true;
  scheduler().MakeRunnable(*waiter.thread);
}

bool WaitQueue::WakeOne() {
  Waiter* first = waiters_.front();
  if (first == nullptr) return false;
  Wake(*first);
  return true;
}

void WaitQueue::WakeAll() {
  while (WakeOne()) {
  }
}

void PrepareWait(Waiter& waiter) {
  waiter.thread = scheduler().current();
  waiter.woken = false;
}

WakeReason SleepUntilWoken(Waiter& waiter, uint64_t deadline_ns, bool interruptible) {
  Thread& thread = *waiter.thread;
  while (!waiter.woken) {
    if (interruptible && SignalPending(thread)) return WakeReason::kSignal;
    if (deadline_ns != kForever && clock->Now() >= deadline_ns) return WakeReason::kTimeout;
    thread.wake_reason_ = WakeReason::kWoken;
    thread.interruptible_ = interruptible;
    const bool external = !waiter.internal || deadline_ns != kForever;
    timer().Start(thread, deadline_ns);
    scheduler().Block(external);
    timer().Cancel(thread);
  }
  return WakeReason::kWoken;
}

WakeReason WaitQueue::Wait(uint64_t deadline_ns, bool interruptible, bool internal) {
  Waiter waiter;
  waiter.internal = internal;
  PrepareWait(waiter);
  Add(waiter);
  return SleepUntilWoken(waiter, deadline_ns, interruptible);
}

}  // namespace ebb

extern "C" void ebb_finish_switch_to_new(ebb::UserFrame*) {
  ebb::scheduler().FinishSwitch();
  ebb::scheduler().PrepareReturn();
}
