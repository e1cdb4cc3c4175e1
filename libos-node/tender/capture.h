// Capture: reads the memory of a parked guest process from outside: which ranges it holds, with which protection, and
// which of its pages differ from the image, or from the template that it is a clone of.
//
// Invariant: the process is only read. It does not run meanwhile; one that does (a hostile guest can) spoils nothing
// but its own snapshot.
#ifndef EBB_TENDER_CAPTURE_H_
#define EBB_TENDER_CAPTURE_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "tender/snapshot_file.h"

namespace ebb::tender {

// The right to read a process, as open files: it outlasts what the process does to itself later, and ends with it.
class GuestAccess {
 public:
  // Fails with kSnapshotDenied: the process must be dumpable and of the same user, or CAP_SYS_PTRACE be held.
  static Result<GuestAccess> Open(pid_t pid);

  int maps() const { return maps_.get(); }
  int memory() const { return memory_.get(); }
  int pagemap() const { return pagemap_.get(); }

 private:
  UniqueFd maps_, memory_, pagemap_;
};

// Where a process has its guest's memory.
struct GuestView {
  uint64_t base = 0;  // host address of guest address 0
  // KVM: host address of the bits of held pages (pages/commit_map.h); 0: what is mapped is held.
  uint64_t held_bits = 0;
};

// A template: writes what differs from the image. `snapshot` has everything but runs and extents.
Result<void> CaptureProcess(pid_t pid, const GuestView& view, Snapshot snapshot, const std::string& path);

struct CapturedPages {
  std::vector<SnapshotRun> runs;
  std::vector<SnapshotExtent> extents;
  std::vector<std::byte> bytes;  // of the extents, in order
};
// Whose pages a guest shares: those of its template, or also those of a function (Zygote::Become), which have to be
// compared, too.
enum class Parent { kTemplate, kFunction };
// A function: what differs from `base`, in memory. kSnapshotTooBig beyond `limit` bytes of pages.
Result<CapturedPages> CaptureDifference(const GuestAccess& guest, const GuestView& view, const SnapshotFile& base,
                                        Parent parent, uint64_t limit);

}  // namespace ebb::tender

#endif  // EBB_TENDER_CAPTURE_H_
