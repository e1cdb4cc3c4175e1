// GuestPark: asks a running guest process to park (EBB_HC_PARK), holds it there for as long as somebody reads it, and
// lets it go on.
//
// Invariant: a guest that parks is let go on in the end, whoever forgot it: one that nobody asked for any more at once,
// one that is held when its time is over.
#ifndef EBB_TENDER_GUEST_PARK_H_
#define EBB_TENDER_GUEST_PARK_H_

#include <cstdint>
#include <functional>

#include "tender/channel.h"
#include "tender/shared_memory.h"

namespace ebb::tender {

class GuestPark {
 public:
  using Answer = std::function<void(const ParkedState*)>;

  explicit GuestPark(SharedMemory& shared) : shared_(shared) {}

  // `answer` is called once, from here or from Step. A second request before the first was answered is refused.
  void Request(const ParkRequest& request, uint64_t monotonic_offset_ns, Answer answer);
  // False: it was not held, or not any more.
  bool Resume();
  // After every wait of the broker; what the next wait may take at most, -1: for ever.
  int64_t Step();

 private:
  enum class State { kRunning, kAsked, kHeld };

  bool IsParked() const;
  void LetGo();
  void Finish(const ParkedState* state);

  SharedMemory& shared_;
  State state_ = State::kRunning;
  uint64_t deadline_ns_ = 0;
  uint64_t hold_ns_ = 0;
  uint64_t monotonic_offset_ns_ = 0;
  Answer answer_;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_GUEST_PARK_H_
