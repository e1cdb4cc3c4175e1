// EpollSet: which of many files are ready, in time that depends on the ready ones alone. Every watched file has an item
// that observes it; an item that may be ready is in the ready list. Being in the list is a hint: what holds is asked of
// the file when events are collected.
#pragma once

#include <utility>
#include <vector>

#include "linux/fs/anonymous_file.h"

namespace ebb::linux_abi {

// struct epoll_event of x86-64, which is packed.
struct EpollEvent {
  uint32_t events;
  uint32_t data[2];
};
static_assert(sizeof(EpollEvent) == 12);

class EpollSet final : public AnonymousFile {
 public:
  EpollSet() : AnonymousFile(kORdWr, 0600) {}
  FileKind kind() const override { return FileKind::kEpoll; }

  // EEXIST, ENOENT; EPERM (cannot be watched); ELOOP (sets inside each other), EINVAL.
  Result<> Add(int fd, File& file, const EpollEvent& event);
  Result<> Modify(int fd, File& file, const EpollEvent& event);
  Result<> Delete(int fd, File& file);
  // Writes what is ready, at most `most` events, each by emit(index, event, events).
  template <class Emit>
  size_t Collect(size_t most, Emit emit);
  // Ends the wait in progress, or the next one: TakeWake is true once.
  void Wake() {
    woken_ = true;
    NotifyReady(kEpollIn);
  }
  bool TakeWake() { return std::exchange(woken_, false); }
  uint32_t PollEvents() override;
  bool WokenFromOutside() const override;

 protected:
  ~EpollSet() override;

 private:
  struct Item final : FileObserver {
    Item(EpollSet& of, int descriptor, File& watched) : set(of), file(watched), fd(descriptor) {}
    void OnReady(File& ready, uint32_t events) override;
    void OnGone(File& gone) override;
    // Events that may be reported; none when a one-shot item has fired.
    uint32_t mask() const;

    EpollSet& set;
    File& file;
    int fd;
    EpollEvent event = {};
    Item* next_in_bucket = nullptr;
    ListNode ready_node;
    ListNode nested_node;  // in the watched set's containers_
  };

  Item* Find(int fd, const File& file) const;
  void Remove(Item& item);
  void Grow();
  void MarkReady(Item& item);
  // Levels of sets in sets below and above this one, 0 without. More than kMaxNesting when `forbidden` is among them,
  // or when there are too many to look at.
  uint32_t LevelsBelow(const EpollSet* forbidden, uint32_t& budget) const;
  uint32_t LevelsAbove(uint32_t& budget) const;

  std::vector<Item*> buckets_;
  size_t count_ = 0;
  bool woken_ = false;
  IntrusiveList<Item, &Item::ready_node> ready_;
  IntrusiveList<Item, &Item::nested_node> containers_;  // items of other sets that watch this one
};

}  // namespace ebb::linux_abi
