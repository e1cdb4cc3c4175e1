// A doubly linked list whose links live in its elements: no allocation, O(1) removal from anywhere.
// An element is in at most one list per ListNode. Destroying a linked node unlinks it.
#pragma once

#include <cstddef>

namespace ebb {

class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { Unlink(); }

  bool linked() const { return next_ != nullptr; }

  void Unlink() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class T, ListNode T::* node>
  friend class IntrusiveList;

  ListNode* next_ = nullptr;
  ListNode* prev_ = nullptr;
};

template <class T, ListNode T::* node>
class IntrusiveList {
 public:
  IntrusiveList() { head_.next_ = head_.prev_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) head_.next_->Unlink();
    head_.next_ = head_.prev_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T* front() const { return empty() ? nullptr : FromNode(head_.next_); }

  void PushBack(T& item) { InsertBefore(&head_, &(item.*node)); }
  void PushFront(T& item) { InsertBefore(head_.next_, &(item.*node)); }
  // Keeps a sorted list sorted: before the first element for which `less(item, element)`; equal keys stay in order of
  // insertion.
  template <class Less>
  void InsertSorted(T& item, Less less) {
    ListNode* at = head_.next_;
    while (at != &head_ && !less(item, *FromNode(at))) at = at->next_;
    InsertBefore(at, &(item.*node));
  }

  T* PopFront() {
    T* item = front();
    if (item != nullptr) (item->*node).Unlink();
    return item;
  }

  // The element may be unlinked by `f`; others may not be removed during the walk.
  template <class F>
  void ForEach(F f) const {
    for (ListNode* at = head_.next_; at != &head_;) {
      ListNode* next = at->next_;
      f(*FromNode(at));
      at = next;
    }
  }

 private:
  static T* FromNode(ListNode* at) {
    const size_t offset = reinterpret_cast<size_t>(&(static_cast<T*>(nullptr)->*node));
    return reinterpret_cast<T*>(reinterpret_cast<char*>(at) - offset);
  }
  static void InsertBefore(ListNode* at, ListNode* item) {
    item->next_ = at;
    item->prev_ = at->prev_;
    at->prev_->next_ = item;
    at->prev_ = item;
  }

  mutable ListNode head_;
};

}  // namespace ebb
