// The one Linux process of a VM: identity, exit, and what its threads share.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "kernel/thread.h"
#include "kernel/wait_queue.h"
#include "linux/process/signal.h"
#include "linux/process/signal_frame.h"

namespace ebb::linux_abi {

// The personality's part of a thread.
struct LinuxThread {
  uint64_t clear_tid = 0;    // address to zero and wake at exit
  uint64_t robust_list = 0;  // head, as set_robust_list gave it
  SignalState signals;
  // The last fault that went to a handler: a handler that cannot help puts the default back and raises the signal
  // again.
  HandledFault handled_fault;
};

inline LinuxThread& PersonalityOf(Thread& thread) { return *static_cast<LinuxThread*>(thread.personality); }

class Process {
 public:
  Process() = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    while (threads_ != nullptr) delete std::exchange(threads_, threads_->next);
  }
  // Init of the machine that booted; another in each clone.
  int32_t pid() const { return pid_; }
  // Changes with the pid: the host side of a clone is a new one.
  int32_t parent_pid() const { return parent_pid_; }
  // In a clone: another pid (OpenSSL's generator seeds itself anew when it sees one). Threads keep their ids, which
  // glibc remembers. `random` chooses it.
  void OnRestore(uint64_t random);
  // A thread with a fresh tid and personality; null when there is no memory.
  Thread* CreateThread();
  Thread* FindThread(uint32_t tid);
  template <class F>
  void ForEachThread(F f) {
    for (Entry* at = threads_; at != nullptr; at = at->next) f(*at->thread);
  }
  uint32_t thread_count() const { return thread_count_; }
  [[noreturn]] void ExitThread();
  [[noreturn]] void ExitGroup(int code);
  // Dies of a signal that the program raised or did not handle.
  [[noreturn]] void DieOfSignal(int signal);
  // Dies of a fault of the current thread that nobody handles.
  [[noreturn]] void DieOfFault(const HandledFault& fault);

 private:
  struct Entry {
    Thread* thread;
    Entry* next;
  };
  int32_t pid_ = 1;
  int32_t parent_pid_ = 0;
  uint32_t next_tid_ = 1;
  uint32_t thread_count_ = 0;
  Entry* threads_ = nullptr;
};

Process& process();

// Loads the program and its interpreter and prepares the first thread to start it. Panics with a reason when the image
// has no such program.
void Execute(std::string_view interpreter);

}  // namespace ebb::linux_abi
