// Report: where a running VM's output and milestones go. The broker (which consumes the rings) sees only this.
//
// Two implementations in channel.h: frames on the parent's socketpair, or plain stdout/stderr. Invariant: records leave
// in the order of the calls, and a call returns only when the record was handed to the kernel (or the reader is gone),
// so a guest that logs faster than its reader reads is held back and nothing is buffered without bound.
#ifndef EBB_TENDER_REPORT_H_
#define EBB_TENDER_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace ebb::tender {

class Report {
 public:
  Report() = default;
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  virtual ~Report() = default;

  // One record of guest output, in the guest's order. `stream` is an enum ebb_log_stream (others are dropped),
  // `time_ns` the wall clock that the guest gave (0: the tender's own). The bytes may lie in memory that the guest can
  // change meanwhile.
  virtual void Log(uint32_t stream, uint64_t time_ns, std::span<const std::byte> bytes) = 0;

  // The guest listens on port 8080. Later calls have no effect.
  virtual void Ready() = 0;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_REPORT_H_
