// The process that captures a function.
#include "tender/function_capture.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tender/exit_report.h"
#include "tender/keep_only.h"

namespace ebb::tender {
namespace {

constexpr int kCommitTimeoutMs = 10000;

Result<void> AwaitCommit(int fd) {
  FrameHeader header{};
  for (size_t have = 0; have < sizeof header;) {
    pollfd entry{fd, POLLIN, 0};
    const int ready = poll(&entry, 1, kCommitTimeoutMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Error{ErrorCode::kSystem, "nobody took the snapshot"};
    const ssize_t size = recv(fd, reinterpret_cast<char*>(&header) + have, sizeof header - have, 0);
    if (size <= 0) return Error{ErrorCode::kSystem, "the snapshot was given up"};
    have += static_cast<size_t>(size);
  }
  if (header.type != static_cast<uint8_t>(FrameType::kCommit) || header.length != 0)
    return Error{ErrorCode::kSystem, "the snapshot was given up"};
  return {};
}

void Say(int fd, FrameType type, const std::string& payload) {
  const FrameHeader header{static_cast<uint32_t>(payload.size()), static_cast<uint8_t>(type), 0, 0, 0};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += payload;
  // A few hundred bytes on an empty socket: they fit, or nobody reads them.
  if (send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
}

Result<void> Capture(const CaptureJob& job) {
  auto pages = CaptureDifference(job.guest, job.view, job.base, job.parent, kLargestFunction);
  if (!pages) return pages.error();
  Say(job.connection.get(), FrameType::kCaptured, "");
  Snapshot snapshot;
  snapshot.binding = job.base.snapshot().binding;
  std::memcpy(snapshot.binding.parent, job.base.identity().data(), sizeof snapshot.binding.parent);
  snapshot.cores = {{job.state.rip, job.state.rsp, job.state.fs_base, job.state.gs_base}};
  snapshot.parked_at_ns = job.state.parked_at_ns;
  snapshot.runs = std::move(pages->runs);
  snapshot.extents = std::move(pages->extents);
  size_t given = 0;
  const auto next_pages = [&](uint64_t, std::span<std::byte> buffer) -> Result<void> {
    std::memcpy(buffer.data(), pages->bytes.data() + given, buffer.size());
    given += buffer.size();
    return {};
  };
  return WriteSnapshot(job.path, std::move(snapshot), next_pages, [&] { return AwaitCommit(job.connection.get()); });
}

}  // namespace

int RunCapture(CaptureJob job) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // Connections of other VMs among them.
  KeepOnly({job.connection.get(), job.guest.maps(), job.guest.memory(), job.guest.pagemap()});
  const auto captured = Capture(job);
  const ExitReport report = captured ? ExitReport::Ended() : ExitReport::OfError(captured.error());
  Say(job.connection.get(), FrameType::kExit, report.Json());
  return report.ProcessStatus();
}

}  // namespace ebb::tender
