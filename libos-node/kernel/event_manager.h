// EventManager: the event loop of a core. Events are completions of the rings, due timers and functions given to Spawn.
// They run in kernel context, to completion, when the core has no runnable thread and at points where threads ask for
// I/O; they must not block.
#pragma once

#include <cstdint>

#include "kernel/intrusive_list.h"

namespace ebb {

class Event {
 public:
  virtual void Run() = 0;
  ListNode node;

 protected:
  ~Event() = default;
};

class EventManager {
 public:
  // Runs the event soon, once, on this core. Spawning one that is already waiting has no effect.
  void Spawn(Event& event);
  // Hands queued submissions to the tender if it must be told, and runs every event that is ready. Never sleeps.
  void Poll();
  // As Poll, for a thread that will ask again soon: what was queued only just now may wait for that, so that it costs
  // no exit of its own.
  void PollSoon();
  // As Poll, but only events: no exit.
  void RunReady();
  // Sleeps until something may have happened or the next timer is due. One exit: submit and wait.
  void Wait();

 private:
  IntrusiveList<Event, &Event::node> events_;
};

EventManager& event_manager();

inline void PollTender() { event_manager().Poll(); }
inline void PollTenderSoon() { event_manager().PollSoon(); }

}  // namespace ebb
