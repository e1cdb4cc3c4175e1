// Circular lists through the links that uv.h reserves in handles, requests and loops. A head is a link of its own; an
// empty list's head points at itself. Popping from the front while callbacks change the list is the way to walk one.
#pragma once

#include "uv.h"

namespace ebb::uv {

using Queue = ::uv__queue;

inline void QueueInit(Queue* queue) { queue->next = queue->prev = queue; }
inline bool QueueEmpty(const Queue* queue) { return queue->next == queue; }
inline Queue* QueueFront(const Queue* queue) { return queue->next; }

inline void QueuePushBack(Queue* queue, Queue* item) {
  item->next = queue;
  item->prev = queue->prev;
  queue->prev->next = item;
  queue->prev = item;
}

inline void QueuePushFront(Queue* queue, Queue* item) {
  item->next = queue->next;
  item->prev = queue;
  queue->next->prev = item;
  queue->next = item;
}

inline void QueueRemove(Queue* item) {
  item->prev->next = item->next;
  item->next->prev = item->prev;
}

// Removes an item so that a second removal is harmless and QueueEmpty(item) tells that it is in no list.
inline void QueueRemoveInit(Queue* item) {
  QueueRemove(item);
  QueueInit(item);
}

// Everything of `from`, which is empty afterwards, becomes the contents of `to`.
inline void QueueMove(Queue* from, Queue* to) {
  if (QueueEmpty(from)) {
    QueueInit(to);
    return;
  }
  *to = *from;
  to->next->prev = to;
  to->prev->next = to;
  QueueInit(from);
}

// The object whose member is `field`.
template <class T, class M>
T* OwnerOf(M* field, M T::* member) {
  const auto offset = reinterpret_cast<size_t>(&(static_cast<T*>(nullptr)->*member));
  return reinterpret_cast<T*>(reinterpret_cast<char*>(field) - offset);
}

}  // namespace ebb::uv
