// Backend: what confines and runs the guest. One per kind of tender: kvm_backend.h and process_linux.cc.
#ifndef EBB_TENDER_BACKEND_H_
#define EBB_TENDER_BACKEND_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "tender/boot_info.h"
#include "tender/broker/broker.h"
#include "tender/capture.h"
#include "tender/channel.h"
#include "tender/clock.h"
#include "tender/exit_report.h"
#include "tender/image.h"
#include "tender/json.h"
#include "tender/process_child.h"
#include "tender/shared_memory.h"
#include "tender/snapshot_file.h"

namespace ebb::tender {

class FunctionSnapshot;
struct KvmTemplate;

// The VM around a backend, as far as the backend sees it. Everything outlives the backend.
struct VmContext {
  const Image& image;
  SharedMemory& shared;
  ClockReading first_reading;
  BootParameters boot;  // tender, hypercalls and xsave fields are the backend's to fill in
  std::optional<Clock> clock;
  std::unique_ptr<Broker> broker;  // set before Run
  int parent_fd = -1;              // readable: requests of the parent (the broker watches it already)
  int stop_fd = -1;                // readable: SIGTERM or SIGINT (watched likewise)
  int nice = 0;                    // of this process and to be that of others (cpu_share.h)
  bool template_boot = false;      // the guest's memory is to be read (process tender)
  bool end_requested = false;
  std::function<void(const ParkedState*)> on_parked = {};  // as VmReport::Parked
  // Milestones, CLOCK_MONOTONIC: the guest's first instruction (process tender: its process was made), its first
  // submission.
  uint64_t started_ns = 0;
  uint64_t first_submit_ns = 0;
};

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  // Builds the guest, up to before its first instruction. `context.broker` does not exist yet.
  virtual Result<void> Start() = 0;
  // Instead of Run, for a template: runs the guest, in a process that stays as it is, until `ready` says so, and parks
  // it. kParkTimeout when that takes longer.
  virtual Result<ParkedRegisters> RunToPark(const std::function<bool()>& ready, int64_t timeout_ns) = 0;
  // After RunToPark: writes the guest's state. `snapshot` has everything but runs and extents.
  virtual Result<void> Capture(Snapshot snapshot, const std::string& path) = 0;
  // Confines the calling process and runs the guest until it ends or `end_requested`. Called once, after Start.
  virtual ExitReport Run() = 0;

  // While it runs: asks the guest to park, and says on context.on_parked how that went; lets it go on, and says whether
  // it had waited until now. A guest that is parked for longer than asked for goes on by itself.
  virtual void Park(const ParkRequest& request) = 0;
  virtual bool Resume() = 0;

  virtual std::vector<pid_t> Pids() const = 0;
  // Adds what only this kind knows ("exits", "faults", "sandbox").
  virtual void DescribeStats(JsonObject& stats) const = 0;
};

// A guest process that somebody else made, ready to run or running.
struct GuestProcess {
  UniqueFd pidfd;
  pid_t pid = -1;
  UniqueFd doorbell;
  Isolation isolation;
  bool empty_root = false;
  std::optional<GuestAccess> access;  // absent: not permitted, or to be opened when it is needed
};

// Fails with kKvmUnusable when there is no usable /dev/kvm.
Result<std::unique_ptr<Backend>> CreateKvmBackend(VmContext& context);
Result<std::unique_ptr<Backend>> CreateProcessBackend(VmContext& context);
std::unique_ptr<Backend> AdoptProcess(VmContext& context, GuestProcess guest);
// What a clone goes on from: a function's snapshot, or (null) the template, whose pages that `prefault` has are then
// copied at once; also that may be null.
struct CloneStart {
  const FunctionSnapshot* function = nullptr;
  const FunctionSnapshot* prefault = nullptr;
};
// A new VM on the memory that a template's server laid out before this process was forked from it.
Result<std::unique_ptr<Backend>> CloneKvmBackend(VmContext& context, KvmTemplate& laid_out, const CloneStart& start,
                                                 uint64_t generation);

}  // namespace ebb::tender

#endif  // EBB_TENDER_BACKEND_H_
