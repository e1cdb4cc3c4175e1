// EventPort: what one loop sleeps on. Readiness, level-triggered, plus a wake-up that any thread may send.
//
// Readiness serves both builds. Operations on an fd never block (Network): hosted they are system calls; natively a
// read copies out of a ring in memory, a write into one, and what they queue for the tender goes out with the next
// Wait, so that all reads, writes, accepts, closes and the deadline of a turn cost at most one exit. For the same
// reason a loop hands over its changes of interest together, right before Wait.
#pragma once

#include <cstdint>

#include "ebb/ebb_ref.h"
#include "os/ebb_ids.h"

namespace ebb::uv {

// Bits as in poll(2) and epoll(7).
enum EventMask : uint32_t {
  kEventIn = 0x001,
  kEventPriority = 0x002,
  kEventOut = 0x004,
  kEventError = 0x008,
  kEventHangup = 0x010,
  kEventPeerClosed = 0x2000,
};

struct ReadyEvent {
  int fd;
  uint32_t events;
};

class EventPort {
 public:
  // Asks for `mask` on the fd from the next Wait on; `watched` tells whether this port already watches it. Errors and
  // hang-ups are always reported. Returns 0 or a negative errno.
  virtual int Watch(int fd, uint32_t mask, bool watched) = 0;
  // Forgets an fd, also one that was closed already.
  virtual void Unwatch(int fd) = 0;
  // Whether an fd of this kind can be watched at all: 0 or a negative errno.
  virtual int Probe(int fd) = 0;
  // Submits what is queued and sleeps until an fd is ready, somebody calls Wake, or `timeout_ms` are over (-1: for
  // ever). Returns the number of events stored, 0 also after Wake, or a negative errno (-EINTR).
  virtual int Wait(ReadyEvent* events, int capacity, int timeout_ms) = 0;
  // Keeps SIGPROF out of Wait: a profiler has nothing to learn there.
  virtual void BlockProfilerSignal() = 0;
  // Ends the current or the next Wait that sleeps. From any thread and from signal handlers.
  virtual void Wake() = 0;
  // An fd that is readable when the port has something to report, for loops inside other loops.
  virtual int Descriptor() = 0;

 protected:
  ~EventPort() = default;
};

class EventPorts {
 public:
  // Makes a port in `storage` (kPortSize bytes). Returns 0 or a negative errno.
  virtual int Create(void* storage, EventPort** port) = 0;
  virtual void Destroy(EventPort* port) = 0;

 protected:
  ~EventPorts() = default;
};

inline constexpr uint32_t kPortSize = 64;
inline constexpr EbbRef<EventPorts> event_ports{kEventPortsEbb};

}  // namespace ebb::uv
