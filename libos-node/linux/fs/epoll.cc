#include "linux/fs/epoll.h"

#include <algorithm>

#include "abi/ebb_calls.h"

#include "kernel/event_manager.h"
#include "linux/fs/arguments.h"
#include "linux/fs/syscalls.h"
#include "linux/fs/waiting.h"

namespace ebb::linux_abi {
namespace {

constexpr int kAdd = 1, kDelete = 2, kModify = 3;
// Not events but how they are told.
constexpr uint32_t kModes = kEpollExclusive | kEpollWakeUp | kEpollOneShot | kEpollEt;
constexpr uint32_t kAlways = kEpollErr | kEpollHup;
// As Linux: a set inside a set, four times. Readiness is passed on by calls within calls, so it must have an end.
constexpr uint32_t kMaxNesting = 4;
constexpr uint32_t kMaxVisits = 10'000;

}  // namespace

uint32_t EpollSet::Item::mask() const {
  const uint32_t wanted = event.events & ~kModes;
  return wanted == 0 && (event.events & kEpollOneShot) != 0 ? 0 : wanted | kAlways;
}

void EpollSet::Item::OnReady(File&, uint32_t events) {
  if (events == 0 || (ExpandEvents(events) & mask()) != 0) set.MarkReady(*this);
}

void EpollSet::Item::OnGone(File&) { set.Remove(*this); }

EpollSet::~EpollSet() {
  for (Item* chain : buckets_) {
    while (chain != nullptr) {
      Item* next = chain->next_in_bucket;
      delete chain;
      chain = next;
    }
  }
}

void EpollSet::MarkReady(Item& item) {
  if (!item.ready_node.linked()) ready_.PushBack(item);
  NotifyReady(kEpollIn);
}

EpollSet::Item* EpollSet::Find(int fd, const File& file) const {
  if (buckets_.empty()) return nullptr;
  Item* at = buckets_[static_cast<size_t>(fd) & (buckets_.size() - 1)];
  while (at != nullptr && (at->fd != fd || &at->file != &file)) at = at->next_in_bucket;
  return at;
}

void EpollSet::Grow() {
  std::vector<Item*> old(buckets_.empty() ? 8 : buckets_.size() * 2, nullptr);
  old.swap(buckets_);
  for (Item* chain : old) {
    while (chain != nullptr) {
      Item* next = chain->next_in_bucket;
      Item*& bucket = buckets_[static_cast<size_t>(chain->fd) & (buckets_.size() - 1)];
      chain->next_in_bucket = bucket;
      bucket = chain;
      chain = next;
    }
  }
}

void EpollSet::Remove(Item& item) {
  Item** link = &buckets_[static_cast<size_t>(item.fd) & (buckets_.size() - 1)];
  while (*link != &item) link = &(*link)->next_in_bucket;
  *link = item.next_in_bucket;
  --count_;
  delete &item;
}

uint32_t EpollSet::LevelsBelow(const EpollSet* forbidden, uint32_t& budget) const {
  if (this == forbidden || budget == 0) return kMaxNesting + 1;
  --budget;
  uint32_t levels = 0;
  for (const Item* item : buckets_) {
    for (; item != nullptr; item = item->next_in_bucket) {
      if (item->file.kind() != FileKind::kEpoll) continue;
      levels = std::max(levels, 1 + static_cast<const EpollSet&>(item->file).LevelsBelow(forbidden, budget));
    }
  }
  return levels;
}

uint32_t EpollSet::LevelsAbove(uint32_t& budget) const {
  if (budget == 0) return kMaxNesting + 1;
  --budget;
  uint32_t levels = 0;
  containers_.ForEach([&](const Item& item) { levels = std::max(levels, 1 + item.set.LevelsAbove(budget)); });
  return levels;
}

Result<> EpollSet::Add(int fd, File& file, const EpollEvent& event) {
  constexpr uint32_t kAllowedWithExclusive =
      kEpollIn | kEpollOut | kEpollErr | kEpollHup | kEpollWakeUp | kEpollEt | kEpollExclusive;
  const bool nested = file.kind() == FileKind::kEpoll;
  if ((event.events & kEpollExclusive) != 0 && (nested || (event.events & ~kAllowedWithExclusive) != 0))
    return Errno::kInval;
  if (nested) {
    uint32_t budget = kMaxVisits;
    if (static_cast<EpollSet&>(file).LevelsBelow(this, budget) + 1 + LevelsAbove(budget) > kMaxNesting)
      return Errno::kLoop;
  }
  if (Find(fd, file) != nullptr) return Errno::kExist;
  if (count_ == buckets_.size()) Grow();
  auto* item = new Item(*this, fd, file);
  item->event = event;
  Item*& bucket = buckets_[static_cast<size_t>(fd) & (buckets_.size() - 1)];
  item->next_in_bucket = bucket;
  bucket = item;
  ++count_;
  file.AddObserver(*item);
  if (nested) static_cast<EpollSet&>(file).containers_.PushBack(*item);
  if ((ExpandEvents(file.PollEvents()) & item->mask()) != 0) MarkReady(*item);
  return Ok{};
}

Result<> EpollSet::Modify(int fd, File& file, const EpollEvent& event) {
  Item* item = Find(fd, file);
  if ((event.events & kEpollExclusive) != 0) return Errno::kInval;
  if (item == nullptr) return Errno::kNoEnt;
  if ((item->event.events & kEpollExclusive) != 0) return Errno::kInval;
  item->event = event;
  if ((ExpandEvents(file.PollEvents()) & item->mask()) != 0) MarkReady(*item);
  return Ok{};
}

Result<> EpollSet::Delete(int fd, File& file) {
  Item* item = Find(fd, file);
  if (item == nullptr) return Errno::kNoEnt;
  Remove(*item);
  return Ok{};
}

template <class Emit>
size_t EpollSet::Collect(size_t most, Emit emit) {
  size_t collected = 0;
  // Level-triggered items go to the end of the list again, so that all get their turn; each is looked at once.
  IntrusiveList<Item, &Item::ready_node> again;
  while (collected < most) {
    Item* item = ready_.PopFront();
    if (item == nullptr) break;
    const uint32_t events = ExpandEvents(item->file.PollEvents()) & item->mask();
    if (events == 0) continue;
    emit(collected++, item->event, events);
    if ((item->event.events & kEpollOneShot) != 0) {
      item->event.events &= kModes;
    } else if ((item->event.events & kEpollEt) == 0) {
      again.PushBack(*item);
    }
  }
  while (Item* item = again.PopFront()) ready_.PushBack(*item);
  return collected;
}

bool EpollSet::WokenFromOutside() const {
  for (const Item* item : buckets_) {
    for (; item != nullptr; item = item->next_in_bucket) {
      if (item->file.WokenFromOutside()) return true;
    }
  }
  return false;
}

uint32_t EpollSet::PollEvents() {
  if (woken_) return kEpollIn;
  // What has ceased to be ready leaves the list here.
  while (Item* item = ready_.front()) {
    if ((ExpandEvents(item->file.PollEvents()) & item->mask()) != 0) return kEpollIn;
    item->ready_node.Unlink();
  }
  return 0;
}

// ---- System calls

namespace {

Result<Ref<File>> GetSet(int fd) {
  auto file = ContentFile(fd);
  if (file && (*file)->kind() != FileKind::kEpoll) return Errno::kInval;
  return file;
}

// `collect(set)` writes what is ready into the program's memory, which it checks each time.
template <class CollectInto>
int64_t Wait(int epoll_fd, uint64_t deadline, CollectInto collect) {
  const auto file = GetSet(epoll_fd);
  if (!file) return file.Negative();
  auto& set = static_cast<EpollSet&>(**file);
  TakeEvents();
  bool told = false;
  for (;;) {
    const Result<size_t> collected = collect(set);
    if (!collected) return collected.Negative();
    if (*collected != 0) {
      set.TakeWake();
      // A program that always finds something ready never sleeps: what it queued must leave now.
      if (!told) PollTenderSoon();
      return static_cast<int64_t>(*collected);
    }
    if (IsPoll(deadline) || set.TakeWake()) {
      if (told) return 0;
      PollTenderSoon();
      told = true;
      deadline = 0;
      continue;
    }
    if (!told) {
      told = true;
      BeforeSleep();
      if (set.PollEvents() != 0) continue;
    }
    if (const auto waited = set.WaitReady(deadline); !waited)
      return waited.error() == Errno::kTimedOut ? 0 : waited.Negative();
    told = false;
  }
}

int64_t EpollWait(int epoll_fd, uint64_t events, int count, uint64_t deadline) {
  if (count <= 0 || count > INT32_MAX / static_cast<int>(sizeof(EpollEvent))) return Negative(Errno::kInval);
  const auto most = static_cast<size_t>(count);
  return Wait(epoll_fd, deadline, [&](EpollSet& set) -> Result<size_t> {
    const auto memory = UserWritable(events, most * sizeof(EpollEvent));
    if (!memory) return memory.error();
    auto* out = reinterpret_cast<EpollEvent*>(memory->data());
    return set.Collect(most, [out](size_t index, const EpollEvent& event, uint32_t ready) {
      out[index] = event;
      out[index].events = ready;
    });
  });
}

int64_t MaskedEpollWait(int epoll_fd, uint64_t events, int count, const Result<uint64_t>& deadline, uint64_t mask,
                        uint64_t mask_size) {
  if (!deadline) return deadline.Negative();
  MaskedWait masked;
  if (const auto begun = masked.Begin(mask, mask_size); !begun) return begun.Negative();
  return masked.End(EpollWait(epoll_fd, events, count, *deadline));
}

}  // namespace

int64_t SysEpollCreate1(uint32_t flags) {
  if ((flags & ~kOCloexec) != 0) return Negative(Errno::kInval);
  return AddDescriptor(MakeRef<EpollSet>(), (flags & kOCloexec) != 0);
}

int64_t SysEpollCreate(int size) { return size <= 0 ? Negative(Errno::kInval) : SysEpollCreate1(0); }

int64_t SysEpollCtl(int epoll_fd, int operation, int fd, uint64_t event) {
  EpollEvent wanted = {};
  if (operation != kDelete) {
    const auto in = UserReadable(event, sizeof(wanted));
    if (!in) return in.Negative();
    __builtin_memcpy(&wanted, in->data(), sizeof(wanted));
  }
  const auto set_file = ContentFile(epoll_fd);
  if (!set_file) return set_file.Negative();
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  if (!(*file)->Pollable()) return Negative(Errno::kPerm);
  if ((*set_file)->kind() != FileKind::kEpoll || *set_file == *file) return Negative(Errno::kInval);
  auto& set = static_cast<EpollSet&>(**set_file);
  switch (operation) {
    case kAdd:
      return ToSyscall(set.Add(fd, **file, wanted));
    case kModify:
      return ToSyscall(set.Modify(fd, **file, wanted));
    case kDelete:
      return ToSyscall(set.Delete(fd, **file));
    default:
      return Negative(Errno::kInval);
  }
}

int64_t SysEpollWait(int epoll_fd, uint64_t events, int count, int timeout_ms) {
  return EpollWait(epoll_fd, events, count, DeadlineOfMilliseconds(timeout_ms));
}

int64_t SysEpollPwait(int epoll_fd, uint64_t events, int count, int timeout_ms, uint64_t mask, uint64_t mask_size) {
  return MaskedEpollWait(epoll_fd, events, count, DeadlineOfMilliseconds(timeout_ms), mask, mask_size);
}

int64_t SysEpollPwait2(int epoll_fd, uint64_t events, int count, uint64_t timeout, uint64_t mask, uint64_t mask_size) {
  return MaskedEpollWait(epoll_fd, events, count, DeadlineAt(timeout), mask, mask_size);
}

// ---- Ports

int64_t PortOpen() { return AddDescriptor(MakeRef<EpollSet>(), true); }

int64_t PortWatch(int port, int fd, uint32_t events) {
  const auto set_file = GetSet(port);
  if (!set_file) return set_file.Negative();
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  if (!(*file)->Pollable()) return Negative(Errno::kPerm);
  if (*set_file == *file) return Negative(Errno::kInval);
  auto& set = static_cast<EpollSet&>(**set_file);
  const EpollEvent wanted = {events & ~kModes, {static_cast<uint32_t>(fd), 0}};
  const auto modified = set.Modify(fd, **file, wanted);
  return ToSyscall(modified || modified.error() != Errno::kNoEnt ? modified : set.Add(fd, **file, wanted));
}

int64_t PortUnwatch(int port, int fd) {
  const auto set_file = GetSet(port);
  if (!set_file) return set_file.Negative();
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  return ToSyscall(static_cast<EpollSet&>(**set_file).Delete(fd, **file));
}

int64_t PortWait(int port, uint64_t events, int count, int timeout_ms, uint64_t mask) {
  if (count <= 0 || count > INT32_MAX / static_cast<int>(sizeof(ebb_port_event))) return Negative(Errno::kInval);
  MaskedWait masked;
  if (const auto begun = masked.Begin(mask, sizeof(uint64_t)); !begun) return begun.Negative();
  const auto most = static_cast<size_t>(count);
  return masked.End(Wait(port, DeadlineOfMilliseconds(timeout_ms), [&](EpollSet& set) -> Result<size_t> {
    const auto memory = UserWritable(events, most * sizeof(ebb_port_event));
    if (!memory) return memory.error();
    auto* out = reinterpret_cast<ebb_port_event*>(memory->data());
    return set.Collect(most, [out](size_t index, const EpollEvent& event, uint32_t ready) {
      out[index] = {static_cast<int32_t>(event.data[0]), ready};
    });
  }));
}

int64_t PortWake(int port) {
  const auto set = GetSet(port);
  if (!set) return set.Negative();
  static_cast<EpollSet&>(**set).Wake();
  return 0;
}

}  // namespace ebb::linux_abi
