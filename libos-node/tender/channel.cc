// Report over the parent's socket and over stdio.
#include "tender/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <span>

#include "abi/ebb_abi.h"

namespace ebb::tender {
namespace {

constexpr size_t kMaxRequestPayload = 64;

uint64_t WallClockNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000ull + static_cast<uint64_t>(now.tv_nsec);
}

std::span<const std::byte> Bytes(const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); }

class Channel final : public VmReport {
 public:
  Channel(UniqueFd fd, int stop_fd, ParentRequests& requests)
      : fd_(std::move(fd)), stop_fd_(stop_fd), requests_(requests) {}

  int fd() const override { return fd_.get(); }

  void Log(uint32_t stream, uint64_t time_ns, std::span<const std::byte> bytes) override {
    if (stream > EBB_LOG_TRACE) return;
    Send(FrameType::kLog, static_cast<uint8_t>(stream), time_ns, bytes);
  }
  void Ready() override {
    if (std::exchange(ready_, true)) return;
    Send(FrameType::kReady, 0, 0, {});
  }
  void Exit(const ExitReport& report) override { Send(FrameType::kExit, 0, 0, Bytes(report.Json())); }
  void Stats(const std::string& json) override { Send(FrameType::kStats, 0, 0, Bytes(json)); }
  void Synced(uint64_t token) override { Send(FrameType::kSynced, 0, 0, std::as_bytes(std::span(&token, 1))); }
  void Parked(const ParkedState* state) override {
    Send(FrameType::kParked, 0, 0, std::as_bytes(std::span(state, state != nullptr ? 1 : 0)));
  }
  void Resumed(bool held) override { Send(FrameType::kResumed, 0, 0, std::as_bytes(std::span(&held, 1))); }

  void OnReadable() override {
    Receive();
    // Answers may be sent while frames are taken; `taken` keeps a nested Receive from moving what this loop looks at.
    size_t taken = 0;
    while (!ending_ && received_ - taken >= sizeof(FrameHeader)) {
      FrameHeader header;
      std::memcpy(&header, input_.data() + taken, sizeof header);
      if (header.length > kMaxRequestPayload) {
        ending_ = true;
        break;
      }
      if (received_ - taken < sizeof header + header.length) break;
      const size_t payload = taken + sizeof header;
      taken += sizeof header + header.length;
      Dispatch(header, {input_.data() + payload, header.length});
    }
    std::memmove(input_.data(), input_.data() + taken, received_ - taken);
    received_ -= taken;
    if (ending_) requests_.OnEnd();
  }

 private:
  void Dispatch(const FrameHeader& header, std::span<const std::byte> payload) {
    switch (static_cast<FrameType>(header.type)) {
      case FrameType::kSync: {
        uint64_t token = 0;
        if (payload.size() != sizeof token) break;
        std::memcpy(&token, payload.data(), sizeof token);
        requests_.OnSync(token);
        return;
      }
      case FrameType::kStatsRequest:
        requests_.OnStatsRequest();
        return;
      case FrameType::kPark: {
        ParkRequest request{};
        if (payload.size() != sizeof request) break;
        std::memcpy(&request, payload.data(), sizeof request);
        requests_.OnPark(request);
        return;
      }
      case FrameType::kResume:
        requests_.OnResume();
        return;
      default:
        break;
    }
    ending_ = true;  // END, or nothing that this version knows
  }

  // Takes what is there, as far as there is room.
  void Receive() {
    while (received_ < input_.size()) {
      const ssize_t count = recv(fd_.get(), input_.data() + received_, input_.size() - received_, MSG_DONTWAIT);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) {
        ending_ = true;
        return;
      }
      received_ += static_cast<size_t>(count);
    }
  }

  void Send(FrameType type, uint8_t stream, uint64_t time_ns, std::span<const std::byte> payload) {
    if (broken_) return;
    FrameHeader header{static_cast<uint32_t>(payload.size()), static_cast<uint8_t>(type), stream, 0,
                       time_ns != 0 ? time_ns : WallClockNs()};
    std::array<iovec, 2> parts = {iovec{&header, sizeof header},
                                  iovec{const_cast<std::byte*>(payload.data()), payload.size()}};
    size_t left = sizeof header + payload.size();
    while (left > 0) {
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = parts.size();
      const ssize_t sent = sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) {
        if (WaitWritable()) continue;
        broken_ = true;  // a cut frame must be the last
        requests_.OnEnd();
        return;
      }
      if (sent < 0) {
        broken_ = ending_ = true;
        return;
      }
      left -= static_cast<size_t>(sent);
      size_t advance = static_cast<size_t>(sent);
      for (auto& part : parts) {
        const size_t used = std::min(part.iov_len, advance);
        part.iov_base = static_cast<std::byte*>(part.iov_base) + used;
        part.iov_len -= used;
        advance -= used;
      }
    }
  }

  // Blocks until the parent reads on. False: the VM is to end (END, closed channel, stop signal), though the parent may
  // not have read all.
  bool WaitWritable() {
    for (;;) {
      const bool room = received_ < input_.size();
      std::array<pollfd, 2> entries = {
          pollfd{fd_.get(), static_cast<short>(POLLOUT | POLLRDHUP | (room ? POLLIN : 0)), 0},
          pollfd{stop_fd_, POLLIN, 0}};
      if (poll(entries.data(), entries.size(), -1) < 0) {
        if (errno == EINTR) continue;
        return false;
      }
      if ((entries[0].revents & (POLLHUP | POLLERR | POLLRDHUP | POLLNVAL)) != 0) ending_ = true;
      if ((entries[0].revents & POLLIN) != 0) Receive();
      if (ending_ || entries[1].revents != 0 || EndIsBuffered()) return false;
      if ((entries[0].revents & POLLOUT) != 0) return true;
    }
  }

  bool EndIsBuffered() const {
    size_t at = 0;
    while (received_ - at >= sizeof(FrameHeader)) {
      FrameHeader header;
      std::memcpy(&header, input_.data() + at, sizeof header);
      if (header.type == static_cast<uint8_t>(FrameType::kEnd) || header.length > kMaxRequestPayload) return true;
      at += std::min(sizeof header + header.length, received_ - at);
    }
    return false;
  }

  UniqueFd fd_;
  int stop_fd_;
  ParentRequests& requests_;
  std::array<std::byte, 4096> input_{};
  size_t received_ = 0;
  bool ready_ = false;
  bool ending_ = false;
  bool broken_ = false;
};

// Without a parent: guest output on stdout and stderr, `ready` and crash reports on stderr.
class Stdio final : public VmReport {
 public:
  explicit Stdio(int stop_fd) : stop_fd_(stop_fd) {}

  int fd() const override { return -1; }
  void OnReadable() override {}

  void Log(uint32_t stream, uint64_t, std::span<const std::byte> bytes) override {
    Write(stream == EBB_LOG_STDOUT ? STDOUT_FILENO : STDERR_FILENO, bytes);
  }
  void Ready() override {
    if (std::exchange(ready_, true)) return;
    Write(STDERR_FILENO, Bytes("ready\n"));
  }
  void Exit(const ExitReport& report) override {
    if (report.reason == ExitReport::Reason::kEnded || report.reason == ExitReport::Reason::kExit) return;
    Write(STDERR_FILENO, Bytes("ebbtender: " + report.Json() + "\n"));
  }
  void Stats(const std::string& json) override { Write(STDERR_FILENO, Bytes(json + "\n")); }
  void Synced(uint64_t) override {}
  void Parked(const ParkedState*) override {}
  void Resumed(bool) override {}

 private:
  // A reader that is gone (EPIPE) loses the output; the guest goes on. A stop signal ends the wait for a slow one.
  void Write(int fd, std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      std::array<pollfd, 2> entries = {pollfd{fd, POLLOUT, 0}, pollfd{stop_fd_, POLLIN, 0}};
      if (poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) return;
      if (entries[0].revents == 0 && entries[1].revents != 0) return;
      if (entries[0].revents == 0) continue;
      // No more than a pipe that is ready takes without blocking.
      const ssize_t written = write(fd, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF));
      if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (written <= 0) return;
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
  }

  int stop_fd_;
  bool ready_ = false;
};

}  // namespace

Result<std::unique_ptr<VmReport>> VmReport::OverChannel(UniqueFd fd, int stop_fd, ParentRequests& requests) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0)
    return ErrnoError(ErrorCode::kChannelBad, "--report-fd", errno);
  if (type != SOCK_STREAM) return Error{ErrorCode::kChannelBad, "--report-fd is not a stream socket"};
  if (fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) return ErrnoError(ErrorCode::kChannelBad, "--report-fd", errno);
  return std::unique_ptr<VmReport>(std::make_unique<Channel>(std::move(fd), stop_fd, requests));
}

std::unique_ptr<VmReport> VmReport::OverStdio(int stop_fd) { return std::make_unique<Stdio>(stop_fd); }

}  // namespace ebb::tender
