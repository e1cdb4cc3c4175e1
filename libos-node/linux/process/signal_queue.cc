#include "linux/process/signal_queue.h"

#include <new>

namespace ebb::linux_abi {
namespace {

// RLIMIT_SIGPENDING: entries of all queues together.
constexpr uint32_t kMaxEntries = 1024;
uint32_t entry_count = 0;

}  // namespace

bool SignalQueue::Add(const SigInfo& info) {
  const bool real_time = info.signo >= kFirstRealTime;
  if (!real_time && (set_ & SignalBit(info.signo)) != 0) return true;
  Entry* entry = entry_count < kMaxEntries ? new (std::nothrow) Entry{info, {}} : nullptr;
  if (entry == nullptr && real_time) return false;
  if (entry != nullptr) {
    ++entry_count;
    entries_.PushBack(*entry);
  }
  set_ |= SignalBit(info.signo);
  return true;
}

bool SignalQueue::Take(uint64_t wanted, SigInfo& info) {
  const uint64_t ready = set_ & wanted;
  if (ready == 0) return false;
  const int signal = __builtin_ctzll(ready) + 1;
  Entry* first = nullptr;
  bool more = false;
  entries_.ForEach([&](Entry& entry) {
    if (entry.info.signo != signal) return;
    if (first == nullptr)
      first = &entry;
    else
      more = true;
  });
  info = {};
  info.signo = signal;
  if (first != nullptr) {
    info = first->info;
    --entry_count;
    delete first;
  }
  if (!more) set_ &= ~SignalBit(signal);
  return true;
}

void SignalQueue::Drop(uint64_t signals) {
  entries_.ForEach([&](Entry& entry) {
    if ((SignalBit(entry.info.signo) & signals) == 0) return;
    --entry_count;
    delete &entry;
  });
  set_ &= ~signals;
}

}  // namespace ebb::linux_abi
