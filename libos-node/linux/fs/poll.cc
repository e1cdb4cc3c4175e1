// poll and select: waits for readiness of files that are named anew with every call.
#include <memory>
#include <vector>

#include "kernel/clock.h"
#include "kernel/event_manager.h"
#include "linux/fs/arguments.h"
#include "linux/fs/syscalls.h"
#include "linux/fs/waiting.h"

namespace ebb::linux_abi {
namespace {

constexpr uint32_t kMaxEntries = 65536;  // RLIMIT_NOFILE
constexpr uint32_t kPollNval = 0x20;

// One file of a wait, observed while it lasts.
class Watch final : public FileObserver {
 public:
  Watch(Ref<File> watched, uint32_t events) : wanted(events), file_(std::move(watched)) {}
  void OnReady(File&, uint32_t events) override {
    const bool matters = events == 0 || (ExpandEvents(events) & wanted) != 0;
    if (matters && waiter_ != nullptr && !waiter_->woken) WaitQueue::Wake(*waiter_);
  }
  uint32_t Ready() const { return ExpandEvents(file_->PollEvents()) & wanted; }
  void Attach(Waiter& waiter) {
    waiter_ = &waiter;
    if (!node.linked()) file_->AddObserver(*this);
  }

  uint32_t wanted;
  uint32_t ready = 0;

 private:
  Ref<File> file_;
  Waiter* waiter_ = nullptr;
};

// The files of one wait.
class WatchList {
 public:
  void Reserve(size_t count) { watches_.reset(static_cast<Slot*>(::operator new(count * sizeof(Slot)))); }
  ~WatchList() {
    for (size_t i = 0; i < count_; ++i) at(i).~Watch();
  }
  WatchList() = default;
  WatchList(const WatchList&) = delete;
  WatchList& operator=(const WatchList&) = delete;

  Watch& Add(Ref<File> file, uint32_t wanted) {
    return *new (&watches_.get()[count_++]) Watch(std::move(file), wanted);
  }
  Watch& at(size_t index) { return *reinterpret_cast<Watch*>(&watches_.get()[index]); }
  size_t count() const { return count_; }

  // Fills `ready` of every watch; how many are not zero, none at the deadline. EINTR.
  // `ready_already`: entries that are no files but ready (POLLNVAL): then it does not sleep.
  Result<size_t> Wait(uint64_t deadline, bool ready_already) {
    TakeEvents();
    size_t ready = Check();
    if (ready != 0 || ready_already || IsPoll(deadline)) {
      PollTender();
      return Check();
    }
    BeforeSleep();
    Waiter waiter;
    for (;;) {
      PrepareWait(waiter);
      for (size_t i = 0; i < count_; ++i) at(i).Attach(waiter);
      ready = Check();
      if (ready != 0) return ready;
      switch (SleepUntilWoken(waiter, deadline)) {
        case WakeReason::kSignal:
          return Errno::kIntr;
        case WakeReason::kTimeout:
          return Check();
        case WakeReason::kWoken:
          break;
      }
    }
  }

 private:
  // Watches are in lists by address, so they do not move.
  struct alignas(Watch) Slot {
    std::byte bytes[sizeof(Watch)];
  };
  struct Release {
    void operator()(Slot* slots) const { ::operator delete(slots); }
  };

  size_t Check() {
    size_t ready = 0;
    for (size_t i = 0; i < count_; ++i) {
      at(i).ready = at(i).Ready();
      if (at(i).ready != 0) ++ready;
    }
    return ready;
  }

  std::unique_ptr<Slot, Release> watches_;
  size_t count_ = 0;
};

// ---- poll

struct PollEntry {
  int32_t fd;
  uint16_t events;
  uint16_t ready;
};
static_assert(sizeof(PollEntry) == 8);

int64_t Poll(uint64_t entries, uint32_t count, uint64_t deadline) {
  if (count > kMaxEntries) return Negative(Errno::kInval);
  const auto in = UserWritable(entries, count * sizeof(PollEntry));
  if (!in) return in.Negative();
  constexpr uint32_t kNoWatch = UINT32_MAX;
  std::vector<PollEntry> copy(count);
  std::vector<uint32_t> watch_of(count, kNoWatch);
  if (count != 0) __builtin_memcpy(copy.data(), in->data(), count * sizeof(PollEntry));
  WatchList watches;
  watches.Reserve(count);
  bool invalid = false;
  for (uint32_t i = 0; i < count; ++i) {
    copy[i].ready = 0;
    if (copy[i].fd < 0) continue;
    auto file = ContentFile(copy[i].fd);
    if (!file) {
      copy[i].ready = kPollNval;
      invalid = true;
      continue;
    }
    watch_of[i] = static_cast<uint32_t>(watches.count());
    watches.Add(*file, copy[i].events | kEpollErr | kEpollHup);
  }
  const auto waited = watches.Wait(deadline, invalid);
  if (!waited) return waited.Negative();
  // The program may have unmapped it while this thread slept.
  const auto out = UserWritable(entries, count * sizeof(PollEntry));
  if (!out) return out.Negative();
  int64_t ready = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (watch_of[i] != kNoWatch) copy[i].ready = static_cast<uint16_t>(watches.at(watch_of[i]).ready);
    if (copy[i].ready != 0) ++ready;
  }
  if (count != 0) __builtin_memcpy(out->data(), copy.data(), count * sizeof(PollEntry));
  return ready;
}

// ---- select

constexpr uint32_t kReadEvents = kEpollIn | kEpollHup | kEpollErr, kWriteEvents = kEpollOut | kEpollErr,
                   kExceptEvents = kEpollPri;

class DescriptorSet {
 public:
  Result<> Read(uint64_t address, size_t bytes) {
    address_ = address;
    if (address == 0) return Ok{};
    const auto in = UserWritable(address, bytes);
    if (!in) return in.error();
    wanted_.assign(in->begin(), in->end());
    ready_.assign(bytes, std::byte{0});
    return Ok{};
  }
  bool Has(size_t fd) const { return address_ != 0 && (wanted_[fd / 8] & Bit(fd)) != std::byte{0}; }
  void SetReady(size_t fd) { ready_[fd / 8] |= Bit(fd); }
  Result<> Write() const {
    if (address_ == 0) return Ok{};
    const auto out = UserWritable(address_, ready_.size());
    if (!out) return out.error();
    if (!ready_.empty()) __builtin_memcpy(out->data(), ready_.data(), ready_.size());
    return Ok{};
  }

 private:
  static std::byte Bit(size_t fd) { return static_cast<std::byte>(1u << (fd % 8)); }

  uint64_t address_ = 0;
  std::vector<std::byte> wanted_;
  std::vector<std::byte> ready_;
};

int64_t Select(int count, uint64_t read_set, uint64_t write_set, uint64_t except_set, uint64_t deadline) {
  if (count < 0) return Negative(Errno::kInval);
  const auto limit = static_cast<size_t>(count) < kMaxEntries ? static_cast<size_t>(count) : kMaxEntries;
  const size_t bytes = (limit + 63) / 64 * 8;
  struct {
    DescriptorSet set;
    uint32_t events;
  } sets[3] = {{{}, kReadEvents}, {{}, kWriteEvents}, {{}, kExceptEvents}};
  const uint64_t addresses[3] = {read_set, write_set, except_set};
  for (size_t i = 0; i < 3; ++i) {
    if (const auto read = sets[i].set.Read(addresses[i], bytes); !read) return read.Negative();
  }
  std::vector<size_t> descriptors;
  for (size_t fd = 0; fd < limit; ++fd) {
    if (sets[0].set.Has(fd) || sets[1].set.Has(fd) || sets[2].set.Has(fd)) descriptors.push_back(fd);
  }
  WatchList watches;
  watches.Reserve(descriptors.size());
  for (const size_t fd : descriptors) {
    auto file = ContentFile(static_cast<int>(fd));
    if (!file) return file.Negative();
    uint32_t wanted = 0;
    for (const auto& each : sets) wanted |= each.set.Has(fd) ? each.events : 0u;
    watches.Add(*file, wanted);
  }
  const auto waited = watches.Wait(deadline, false);
  if (!waited) return waited.Negative();
  int64_t ready = 0;
  for (size_t i = 0; i < descriptors.size(); ++i) {
    for (auto& each : sets) {
      if (!each.set.Has(descriptors[i]) || (watches.at(i).ready & each.events) == 0) continue;
      each.set.SetReady(descriptors[i]);
      ++ready;
    }
  }
  for (const auto& each : sets) {
    if (const auto written = each.set.Write(); !written) return written.Negative();
  }
  return ready;
}

// What is left of the time goes back to the program, as Linux does; a failure to write it is ignored, as there.
template <class Time>
void PutRest(uint64_t address, uint64_t deadline, int64_t fraction_per_second) {
  if (address == 0 || deadline == kForever) return;
  const auto out = UserOut<Time>(address);
  if (!out) return;
  const uint64_t now = clock->Now();
  const auto rest = static_cast<int64_t>(!IsPoll(deadline) && deadline > now ? deadline - now : 0);
  constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
  const int64_t parts[2] = {rest / kNanosecondsPerSecond,
                            rest % kNanosecondsPerSecond / (kNanosecondsPerSecond / fraction_per_second)};
  static_assert(sizeof(parts) == sizeof(Time));
  __builtin_memcpy(*out, parts, sizeof(parts));
}

}  // namespace

int64_t SysPoll(uint64_t entries, uint32_t count, int timeout_ms) {
  return Poll(entries, count, DeadlineOfMilliseconds(timeout_ms));
}

int64_t SysPpoll(uint64_t entries, uint32_t count, uint64_t timeout, uint64_t mask, uint64_t mask_size) {
  const auto deadline = DeadlineAt(timeout);
  if (!deadline) return deadline.Negative();
  MaskedWait masked;
  if (const auto begun = masked.Begin(mask, mask_size); !begun) return begun.Negative();
  const int64_t result = masked.End(Poll(entries, count, *deadline));
  PutRest<TimeSpec>(timeout, *deadline, 1'000'000'000);
  return result;
}

int64_t SysSelect(int count, uint64_t read_set, uint64_t write_set, uint64_t except_set, uint64_t timeout) {
  uint64_t deadline = kForever;
  if (timeout != 0) {
    const auto in = UserIn<TimeVal>(timeout);
    if (!in) return in.Negative();
    const TimeVal value = **in;
    constexpr int64_t kLongestSeconds = 1'000'000'000;
    if (value.seconds < 0 || value.microseconds < 0) return Negative(Errno::kInval);
    if (value.seconds <= kLongestSeconds && value.microseconds / 1'000'000 <= kLongestSeconds) {
      deadline = DeadlineOf(static_cast<uint64_t>(value.seconds * 1'000'000'000 + value.microseconds * 1000));
    }
  }
  const int64_t result = Select(count, read_set, write_set, except_set, deadline);
  PutRest<TimeVal>(timeout, deadline, 1'000'000);
  return result;
}

int64_t SysPselect6(int count, uint64_t read_set, uint64_t write_set, uint64_t except_set, uint64_t timeout,
                    uint64_t mask) {
  const auto deadline = DeadlineAt(timeout);
  if (!deadline) return deadline.Negative();
  uint64_t mask_and_size[2] = {};
  if (mask != 0) {
    const auto in = UserReadable(mask, sizeof(mask_and_size));
    if (!in) return in.Negative();
    __builtin_memcpy(mask_and_size, in->data(), sizeof(mask_and_size));
  }
  MaskedWait masked;
  if (const auto begun = masked.Begin(mask_and_size[0], mask_and_size[1]); !begun) return begun.Negative();
  const int64_t result = masked.End(Select(count, read_set, write_set, except_set, *deadline));
  PutRest<TimeSpec>(timeout, *deadline, 1'000'000'000);
  return result;
}

}  // namespace ebb::linux_abi
