// Clock: keeps the guest's clock page (struct ebb_clock) in step with the host's CLOCK_MONOTONIC and CLOCK_REALTIME.
//
// Invariant: the guest's CLOCK_MONOTONIC never goes back: when the page was ahead of the host it is slowed down, never
// set back. The rate is measured again over the whole life of the VM, so the page stays within microseconds of the host
// however rarely Rebase runs.
#ifndef EBB_TENDER_CLOCK_H_
#define EBB_TENDER_CLOCK_H_

#include <cstdint>

#include "abi/ebb_abi.h"

namespace ebb::tender {

// One reading of both clocks, as close together as can be had.
struct ClockReading {
  uint64_t tsc;
  uint64_t monotonic_ns;
};
ClockReading ReadClocks();

class Clock {
 public:
  // `tsc_khz` is the frequency when somebody knows it (KVM_GET_TSC_KHZ); 0: it is measured between `first` and now,
  // waiting until 1 ms has passed.
  Clock(ebb_clock* page, const ClockReading& first, uint64_t tsc_khz);

  // The guest's CLOCK_MONOTONIC is the host's plus this: a clone goes on where its template parked, also on a host that
  // has started anew since.
  void SetMonotonicOffset(uint64_t offset_ns) { monotonic_offset_ = offset_ns; }
  uint64_t monotonic_offset() const { return monotonic_offset_; }

  // The guest's TSC is that of the host plus this.
  void SetGuestTscOffset(uint64_t offset);

  // Writes the page anew. Called before the guest's first instruction and whenever the tender wakes it.
  void Rebase() { RebaseAt(ReadClocks()); }
  void RebaseAt(const ClockReading& now);

 private:
  uint64_t GuestNow(uint64_t tsc) const;

  ebb_clock* page_;
  ClockReading anchor_;
  uint64_t tsc_offset_ = 0;
  uint64_t monotonic_offset_ = 0;
  // What the page holds, so that nothing is read back from shared memory.
  uint64_t rate_;  // nominal mult
  uint64_t mult_ = 0;
  uint64_t tsc_base_ = 0;
  uint64_t base_ns_ = 0;
  uint32_t sequence_ = 0;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_CLOCK_H_
