// RunCapture: writes the snapshot of a clone that is parked, in a process of its own that ends with it.
//
// Order: the clone's memory is read, then CAPTURED is said and the clone may go on; the file is written under a
// temporary name; COMMIT (the clone was parked until CAPTURED) gives it its name, and the EXIT frame says so. A
// connection that ends instead leaves no file.
#ifndef EBB_TENDER_FUNCTION_CAPTURE_H_
#define EBB_TENDER_FUNCTION_CAPTURE_H_

#include <string>

#include "tender/capture.h"
#include "tender/channel.h"
#include "tender/snapshot_file.h"

namespace ebb::tender {

// Of pages. What is larger is better started by its code.
inline constexpr uint64_t kLargestFunction = 128ull << 20;

struct CaptureJob {
  UniqueFd connection;
  const GuestAccess& guest;
  GuestView view;
  const SnapshotFile& base;
  Parent parent;
  ParkedState state;
  std::string path;
};
// To be called in a child process that does nothing else; returns its exit status.
int RunCapture(CaptureJob job);

}  // namespace ebb::tender

#endif  // EBB_TENDER_FUNCTION_CAPTURE_H_
