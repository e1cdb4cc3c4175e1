#include "fuzz/guest/kernel.h"

#include <signal.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <vector>

#include "fuzz/guest/tender.h"
#include "fuzz/support/check.h"
#include "kernel/clock.h"
#include "kernel/console_ring.h"
#include "kernel/event_manager.h"
#include "kernel/page_allocator.h"
#include "kernel/panic.h"
#include "kernel/park.h"
#include "kernel/random_tender.h"
#include "kernel/ring.h"
#include "kernel/timer.h"
#include "linux/mm/address_space.h"
#include "linux/process/process.h"

extern "C" {
// Redirected calls would continue here; nothing of the program runs.
void ebb_syscall_entry();
void ebb_syscall_entry() { std::abort(); }
}

namespace ebb {
namespace fuzz {

Kernel kernel;

}  // namespace fuzz

using fuzz::kernel;

// ---- The Ebbs

namespace {

constexpr uint64_t kPageLimit = 2048;

class HostPages final : public PageAllocator {
 public:
  uint64_t Allocate(uint64_t pages) override {
    if (pages == 0 || kernel.pages + pages > kPageLimit) return 0;
    void* run = std::aligned_alloc(EBB_PAGE_SIZE, pages * EBB_PAGE_SIZE);
    kernel.pages += pages;
    runs_.push_back({reinterpret_cast<uint64_t>(run), pages});
    return reinterpret_cast<uint64_t>(run);
  }
  void Free(uint64_t address) override {
    if (address == 0) return;
    const auto at = std::find_if(runs_.rbegin(), runs_.rend(), [&](const Run& run) { return run.address == address; });
    FUZZ_CHECK(at != runs_.rend());
    kernel.pages -= at->pages;
    *at = runs_.back();
    runs_.pop_back();
    std::free(reinterpret_cast<void*>(address));
  }
  void SetTag(uint64_t, uint8_t) override {}
  uint8_t TagOf(uint64_t) const override { return 0; }
  uint64_t RunPages(uint64_t) const override { return 1; }
  uint64_t committed_bytes() const override { return kernel.pages * EBB_PAGE_SIZE; }

 private:
  struct Run {
    uint64_t address, pages;
  };
  std::vector<Run> runs_;
};

// Made anew for each case.
struct Objects {
  EventManager event_manager;
  Timer timer;
  Scheduler scheduler;
  RingQueue ring;
  linux_abi::AddressSpace address_space;
  RingConsole console;
};
std::optional<Objects> objects;
Core core_block;

}  // namespace

PageAllocator& page_allocator() {
  static HostPages pages;
  return pages;
}
EventManager& event_manager() { return objects->event_manager; }
Timer& timer() { return objects->timer; }
Scheduler& scheduler() { return objects->scheduler; }
RingQueue& ring() { return objects->ring; }
Console& console() { return objects->console; }
NetworkManager& network() { return *kernel.network; }
Random& random() {
  static TenderRandom instance;
  return instance;
}
namespace linux_abi {
AddressSpace& address_space() { return objects->address_space; }
}  // namespace linux_abi

// ---- Time

uint64_t Clock::Now() const { return kernel.now_ns; }
uint64_t Clock::Realtime() const { return kernel.now_ns + 1'800'000'000'000'000'000; }
static const Clock the_clock;
const Clock* const clock = &the_clock;
uint64_t boot_time_ns() { return 1'000'000'000; }

// ---- Threads

Thread* Thread::Create() {
  auto* thread = new (std::nothrow) Thread();
  thread->stack_ = page_allocator().Allocate(kKernelStackSize / EBB_PAGE_SIZE);
  thread->xsave_ = reinterpret_cast<uint8_t*>(page_allocator().Allocate(1));
  if (thread->stack_ == 0 || thread->xsave_ == nullptr) {
    Destroy(thread);
    return nullptr;
  }
  std::memset(thread->xsave_, 0, EBB_PAGE_SIZE);
  thread->frame() = {};
  return thread;
}

void Thread::Destroy(Thread* thread) {
  page_allocator().Free(thread->stack_);
  page_allocator().Free(reinterpret_cast<uint64_t>(thread->xsave_));
  delete thread;
}

void Thread::Start() {}
void Thread::CopyVectorsTo(Thread& other) { std::memcpy(other.xsave_, xsave_, boot_info().xsave_size); }
void Thread::OnTimer() {}

// What was taken over must be what the processor can load: it is loaded, with our own registers kept.
void Thread::AdoptVectors(const void* xsave) { std::memcpy(xsave_, xsave, boot_info().xsave_size); }

void Scheduler::PrepareReturn() {
  const Thread& thread = *current();
  alignas(64) static uint8_t own[EBB_PAGE_SIZE], theirs[EBB_PAGE_SIZE];
  std::memcpy(theirs, thread.xsave_, boot_info().xsave_size);
  uint64_t any = 0;
  for (size_t i = 0; i < boot_info().xsave_size; i += 8) {
    uint64_t word;
    std::memcpy(&word, theirs + i, sizeof word);
    any |= word;
  }
  if (any == 0) return;
  const auto mask = static_cast<uint32_t>(boot_info().xsave_mask);
  asm volatile("xsave64 (%0); xrstor64 (%1); xrstor64 (%0)" ::"r"(own), "r"(theirs), "a"(mask), "d"(0) : "memory");
}

void SaveVectors(Thread&) {}
void LoadVectors(Thread&) {}

void Scheduler::MakeRunnable(Thread&) {}
void Scheduler::Interrupt(Thread&) {}
void Scheduler::OnTick() {}
void Scheduler::Yield() {
  if (kernel.run_others) kernel.run_others();
}
void Scheduler::Exit() { throw fuzz::ThreadExit{}; }

// This tender asks nobody to park.
void Park() { Panic("parked unasked"); }

void PrepareWait(Waiter& waiter) {
  waiter.thread = scheduler().current();
  waiter.woken = false;
}

WakeReason SleepUntilWoken(Waiter& waiter, uint64_t deadline_ns, bool interruptible) {
  Thread& sleeper = *waiter.thread;
  constexpr int kMostTurns = 200, kMostSleeps = 2000;
  if (++kernel.sleeps > kMostSleeps) throw fuzz::GuestExit{EBB_EXIT_NORMAL, 0};
  for (int turn = 0; !waiter.woken; ++turn) {
    if (interruptible && SignalPending(sleeper)) return WakeReason::kSignal;
    if (kernel.now_ns >= deadline_ns) return WakeReason::kTimeout;
    event_manager().Poll();
    if (waiter.woken) break;
    if (kernel.run_others && kernel.run_others()) continue;
    const uint64_t next = std::min(deadline_ns, timer().NextDeadline());
    // Nobody is left who could wake it, or only a timer that does not stop.
    if (next == kForever || turn > kMostTurns) throw fuzz::GuestExit{EBB_EXIT_NORMAL, 0};
    kernel.now_ns = std::max(kernel.now_ns, next);
    timer().Run(kernel.now_ns);
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
void WaitQueue::Wake(Waiter& waiter) {
  waiter.node.Unlink();
  waiter.woken = true;
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

// ---- Start

namespace fuzz {
namespace {

struct sigaction sanitizers_action;

// A page fault on memory that the program may touch but that is not committed yet, as ebb_upcall_entry handles it.
void OnFault(int signal, siginfo_t* info, void* argument) {
  const auto address = reinterpret_cast<uint64_t>(info->si_addr);
  const auto error = static_cast<uint64_t>(static_cast<ucontext_t*>(argument)->uc_mcontext.gregs[REG_ERR]);
  if (address >= kMemoryStart && address < kMemoryEnd && objects) {
    BeginFault();
    const bool handled = linux_abi::address_space().HandleFault(address, error);
    EndFault();
    if (handled) return;
  }
  // Happens again, and is a finding.
  sigaction(signal, &sanitizers_action, nullptr);
}

}  // namespace

void StartKernel() {
  StartTender();
  core_block.self = &core_block;
  // glibc leaves GS alone on x86-64.
  asm volatile("wrgsbase %0" ::"r"(&core_block) : "memory");
  struct sigaction action = {};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, &sanitizers_action);
}

void ResetKernel(uint64_t seed, bool outside) {
  ResetTender(seed);
  objects.emplace();
  kernel.network = outside ? MakeHostedNetwork() : MakeLoopbackNetwork();
  kernel.now_ns = 5'000'000'000;
  kernel.sleeps = 0;
  kernel.run_others = nullptr;
  BlockFarMemory();
  core_block.current = nullptr;
  core_block.vector_owner = nullptr;
}

void BlockFarMemory() {
  linux_abi::AddressSpace& memory = linux_abi::address_space();
  if (!memory.mappings().empty()) {
    const linux_abi::Mapping& last = memory.mappings().back();
    if (last.start <= kMemoryEnd && last.end == EBB_ARENA_END && last.prot == 0) return;
  }
  constexpr uint32_t kFlags = linux_abi::kMapPrivate | linux_abi::kMapAnonymous | linux_abi::kMapFixed;
  FUZZ_CHECK(memory.Map(kMemoryEnd, EBB_ARENA_END - kMemoryEnd, 0, kFlags, nullptr, 0).ok());
}

void Settle() {
  for (int turn = 0; turn < 20; ++turn) event_manager().Poll();
}

void StopKernel() {
  delete kernel.network;
  kernel.network = nullptr;
}

}  // namespace fuzz
}  // namespace ebb
