// Signals that wait: for one thread, or for whichever thread of the process takes them first.
#pragma once

#include <cstdint>

#include "kernel/intrusive_list.h"

namespace ebb::linux_abi {

struct SigInfo {
  int32_t signo;
  int32_t error;
  int32_t code;
  int32_t pad;
  uint64_t fields[14];
};
static_assert(sizeof(SigInfo) == 128);

constexpr int kSiUser = 0, kSiKernel = 0x80, kSiQueue = -1, kSiTkill = -6;

constexpr uint64_t SignalBit(int signal) { return 1ull << (signal - 1); }
// From here on every instance counts; below, one that waits already swallows the next.
constexpr int kFirstRealTime = 32;

class SignalQueue {
 public:
  SignalQueue() = default;
  SignalQueue(const SignalQueue&) = delete;
  SignalQueue& operator=(const SignalQueue&) = delete;
  ~SignalQueue() { Drop(~0ull); }

  uint64_t set() const { return set_; }
  // A standard signal always gets in; without memory (or beyond RLIMIT_SIGPENDING) it loses what `info` tells. False: a
  // real-time one did not.
  bool Add(const SigInfo& info);
  // Takes the first instance of the lowest signal in `wanted`; false when there is none.
  bool Take(uint64_t wanted, SigInfo& info);
  // Forgets all instances of these signals.
  void Drop(uint64_t signals);

 private:
  struct Entry {
    SigInfo info;
    ListNode node;
  };
  uint64_t set_ = 0;
  IntrusiveList<Entry, &Entry::node> entries_;
};

}  // namespace ebb::linux_abi
