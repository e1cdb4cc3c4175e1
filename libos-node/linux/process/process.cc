#include "linux/process/process.h"

#include <new>

#include "kernel/hypercall.h"
#include "kernel/panic.h"
#include "linux/mm/address_space.h"
#include "linux/process/fault_report.h"
#include "linux/process/futex.h"

namespace ebb::linux_abi {
namespace {

Process the_process;

}  // namespace

Process& process() { return the_process; }

Thread* Process::CreateThread() {
  Thread* thread = Thread::Create();
  auto* personality = new (std::nothrow) LinuxThread();
  auto* entry = new (std::nothrow) Entry();
  if (thread == nullptr || personality == nullptr || entry == nullptr) {
    if (thread != nullptr) Thread::Destroy(thread);
    delete personality;
    delete entry;
    return nullptr;
  }
  thread->tid = next_tid_++;
  thread->personality = personality;
  entry->thread = thread;
  entry->next = threads_;
  threads_ = entry;
  ++thread_count_;
  return thread;
}

void Process::OnRestore(uint64_t random) {
  // Above every thread id of the past: those stay in use.
  constexpr uint32_t kLowest = 1u << 16, kPids = (1u << 22) - kLowest;
  const auto pick = [](uint32_t number, int32_t old) {
    const auto pid = static_cast<int32_t>(kLowest + number % (kPids - 1));
    return pid != old ? pid : static_cast<int32_t>(kLowest + kPids - 1);  // any but the old one
  };
  pid_ = pick(static_cast<uint32_t>(random), pid_);
  parent_pid_ = pick(static_cast<uint32_t>(random >> 32), parent_pid_);
}

Thread* Process::FindThread(uint32_t tid) {
  for (Entry* at = threads_; at != nullptr; at = at->next) {
    if (at->thread->tid == tid) return at->thread;
  }
  return nullptr;
}

void Process::ExitThread() {
  Thread* thread = scheduler().current();
  if (thread_count_ == 1) ExitGroup(0);
  LinuxThread& personality = PersonalityOf(*thread);
  ReleaseRobustFutexes(personality.robust_list, thread->tid);
  if (personality.clear_tid != 0 && address_space().Covers(personality.clear_tid, sizeof(uint32_t), kProtWrite)) {
    *reinterpret_cast<uint32_t*>(personality.clear_tid) = 0;
    FutexWake(personality.clear_tid, 1);
  }
  for (Entry** at = &threads_; *at != nullptr; at = &(*at)->next) {
    if ((*at)->thread != thread) continue;
    Entry* gone = *at;
    *at = gone->next;
    delete gone;
    break;
  }
  --thread_count_;
  RetargetProcessSignals(~0ull);
  thread->personality = nullptr;
  delete &personality;
  scheduler().Exit();
}

void Process::ExitGroup(int code) { hypercall::Exit(EBB_EXIT_NORMAL, static_cast<uint64_t>(code & 0xff)); }

void Process::DieOfSignal(int signal) {
  Thread* thread = scheduler().current();
  if (const HandledFault& fault = PersonalityOf(*thread).handled_fault; fault.info.signo == signal) DieOfFault(fault);
  ReportWriter report;
  report.Text("died of ");
  WriteSignalName(report, signal);
  WritePlace(report, *thread, thread->frame());
  hypercall::Exit(address_space().memory_refused() ? EBB_EXIT_MEMORY : EBB_EXIT_SIGNAL, static_cast<uint64_t>(signal));
}

void Process::DieOfFault(const HandledFault& fault) {
  ReportFault(*scheduler().current(), fault.frame, fault.info, fault.context);
  hypercall::Exit(address_space().memory_refused() ? EBB_EXIT_MEMORY : EBB_EXIT_FAULT,
                  static_cast<uint64_t>(fault.info.signo));
}

}  // namespace ebb::linux_abi
