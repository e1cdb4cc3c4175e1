// The two implementations of Report: frames on the parent's socket, or plain stdout and stderr.
//
// Frame: 16 bytes {u32 payload length, u8 type, u8 stream, u16 0, u64 wall clock ns}, little-endian, then the payload.
// Both directions. Invariant: the parent is trusted to be the parent but not to be correct: a malformed frame ends the
// VM like a closed channel does.
#ifndef EBB_TENDER_CHANNEL_H_
#define EBB_TENDER_CHANNEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tender/exit_report.h"
#include "tender/report.h"
#include "tender/unique_fd.h"

namespace ebb::tender {

enum class FrameType : uint8_t {
  // to the parent
  kReady = 1,    // no payload
  kLog = 2,      // stream = enum ebb_log_stream, payload = bytes
  kExit = 3,     // payload = JSON of ExitReport
  kStats = 4,    // payload = JSON
  kSynced = 5,   // payload = the token of the SYNC
  kParked = 6,   // the guest waits for RESUME: payload = ParkedState; empty: it did not come to rest, and goes on
  kResumed = 7,  // payload = 1 byte: 1 when the guest had waited until now
  // from a server that captures (serve.h)
  kCaptured = 8,  // no payload: the guest may go on, the file is being written
  // of a server, behind all others: payload = JSON {pid, status or signal, stderr} of the VM's broker
  kBroker = 9,
  // from the parent
  kSync = 16,          // payload = 8 bytes of token
  kStatsRequest = 17,  // no payload
  kEnd = 18,           // no payload
  // to a server (serve.h)
  kClone = 19,  // payload = options of the VM, each NUL-terminated
  // from the parent
  kPark = 20,    // payload = ParkRequest
  kResume = 21,  // no payload
  // to a server
  kCapture = 22,  // payload = ParkedState of a clone's PARKED frame, then the clone's --id and a path, NUL-terminated
  kCommit = 23,   // no payload, after CAPTURED: the guest was parked until then
};

struct ParkRequest {
  uint32_t rest_ms;  // how long to wait for the guest to come to rest
  uint32_t hold_ms;  // how long it may then wait for RESUME
};
struct ParkedState {
  uint64_t rip, rsp, fs_base, gs_base;
  uint64_t parked_at_ns;  // CLOCK_MONOTONIC of the guest
};

struct FrameHeader {
  uint32_t length;
  uint8_t type;
  uint8_t stream;
  uint16_t reserved;
  uint64_t time_ns;
};
static_assert(sizeof(FrameHeader) == 16);

// What the parent asks for. Called from within VmReport::OnReadable; OnEnd also from a write that was given up because
// of it.
class ParentRequests {
 public:
  virtual ~ParentRequests() = default;
  virtual void OnSync(uint64_t token) = 0;
  virtual void OnStatsRequest() = 0;
  virtual void OnEnd() = 0;
  virtual void OnPark(const ParkRequest& request) = 0;
  virtual void OnResume() = 0;
};

// Report with the part that the VM itself uses.
class VmReport : public Report {
 public:
  // Over the parent's channel; `fd` is checked to be a stream socket. `stop_fd` becomes readable when the VM is told to
  // end by a signal: a write that waits for its reader is then given up. `requests` outlives the report.
  static Result<std::unique_ptr<VmReport>> OverChannel(UniqueFd fd, int stop_fd, ParentRequests& requests);
  static std::unique_ptr<VmReport> OverStdio(int stop_fd);

  // Readable when OnReadable has work; -1: there is no parent to listen to.
  virtual int fd() const = 0;
  virtual void OnReadable() = 0;

  virtual void Exit(const ExitReport& report) = 0;
  virtual void Stats(const std::string& json) = 0;
  virtual void Synced(uint64_t token) = 0;
  virtual void Parked(const ParkedState* state) = 0;  // null: it did not come to rest
  virtual void Resumed(bool held) = 0;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_CHANNEL_H_
