// Requests of the parent on the report channel, and answers to them, over a real socket pair. Input: pieces of the
// parent's stream between turns of the tender. The requests that arrive must be those that an independent reader finds
// in the stream, up to the first malformed frame, which ends the VM; what the tender sends must be whole frames.
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

#include "abi/ebb_abi.h"
#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "tender/channel.h"

namespace {

using namespace ebb::tender;

constexpr size_t kLargestRequest = 64;

struct Seen {
  std::vector<uint64_t> syncs;
  size_t stats = 0;
  std::vector<std::pair<uint32_t, uint32_t>> parks;
  size_t resumes = 0;
  bool operator==(const Seen&) const = default;
};

class Requests final : public ParentRequests {
 public:
  void OnSync(uint64_t token) override {
    FUZZ_CHECK(!ended || given_up);
    seen.syncs.push_back(token);
    Answer([&] { report->Synced(token); });
  }
  void OnStatsRequest() override {
    FUZZ_CHECK(!ended || given_up);
    ++seen.stats;
    Answer([&] { report->Stats("{}"); });
  }
  void OnPark(const ParkRequest& request) override {
    FUZZ_CHECK(!ended || given_up);
    seen.parks.emplace_back(request.rest_ms, request.hold_ms);
    const ParkedState state{};
    Answer([&] { report->Parked(request.rest_ms % 2 == 0 ? &state : nullptr); });
  }
  void OnResume() override {
    FUZZ_CHECK(!ended || given_up);
    ++seen.resumes;
    Answer([&] { report->Resumed(true); });
  }
  void OnEnd() override {
    ended = true;
    given_up = given_up || answering_;
  }

  VmReport* report = nullptr;
  Seen seen;
  bool ended = false;
  bool given_up = false;  // an answer, because nobody read

 private:
  template <class F>
  void Answer(F send) {
    answering_ = true;
    send();
    answering_ = false;
  }
  bool answering_ = false;
};

// The stream as the comment in channel.h says it. False: it is malformed, or says END.
bool Read(const std::vector<uint8_t>& stream, Seen& seen) {
  size_t at = 0;
  while (stream.size() - at >= sizeof(FrameHeader)) {
    FrameHeader header;
    std::memcpy(&header, stream.data() + at, sizeof header);
    if (header.length > kLargestRequest) return false;
    if (stream.size() - at < sizeof header + header.length) return true;
    const uint8_t* payload = stream.data() + at + sizeof header;
    at += sizeof header + header.length;
    if (header.type == static_cast<uint8_t>(FrameType::kStatsRequest)) {
      ++seen.stats;
    } else if (header.type == static_cast<uint8_t>(FrameType::kSync) && header.length == 8) {
      uint64_t token;
      std::memcpy(&token, payload, sizeof token);
      seen.syncs.push_back(token);
    } else if (header.type == static_cast<uint8_t>(FrameType::kPark) && header.length == 8) {
      uint32_t times[2];
      std::memcpy(times, payload, sizeof times);
      seen.parks.emplace_back(times[0], times[1]);
    } else if (header.type == static_cast<uint8_t>(FrameType::kResume)) {
      ++seen.resumes;
    } else {
      return false;
    }
  }
  return true;
}

// As much as the socket takes; what it took is in `sent`.
void Send(int fd, std::span<const uint8_t> bytes, std::vector<uint8_t>& sent) {
  const ssize_t size = send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (size > 0) sent.insert(sent.end(), bytes.begin(), bytes.begin() + size);
}

// Reads what the tender sent.
void Drain(int fd, std::vector<uint8_t>& received) {
  std::array<uint8_t, 8192> buffer;
  for (;;) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got <= 0) return;
    received.insert(received.end(), buffer.begin(), buffer.begin() + got);
  }
}

// Whether it is a sequence of frames, whole but for the last when it was given up.
void CheckFrames(const std::vector<uint8_t>& received, bool given_up) {
  size_t at = 0;
  while (at < received.size()) {
    const size_t left = received.size() - at;
    FUZZ_CHECK(left >= sizeof(FrameHeader) || given_up);
    if (left < sizeof(FrameHeader)) return;
    FrameHeader header;
    std::memcpy(&header, received.data() + at, sizeof header);
    FUZZ_CHECK(header.type >= static_cast<uint8_t>(FrameType::kReady) &&
               header.type <= static_cast<uint8_t>(FrameType::kResumed));
    FUZZ_CHECK(header.reserved == 0 && header.time_ns != 0);
    FUZZ_CHECK(left - sizeof header >= header.length || given_up);
    if (left - sizeof header < header.length) return;
    at += sizeof header + header.length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int stop = eventfd(1, 0);  // readable: a write that has to wait is given up
  static const std::vector<std::byte> large(512 * 1024);
  ebb::fuzz::Input input(data, size);
  int ends[2];
  FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  UniqueFd parent(ends[0]);
  Requests requests;
  std::vector<uint8_t> sent, received;
  bool given_up = false;
  {
    auto report = VmReport::OverChannel(UniqueFd(ends[1]), stop, requests);
    FUZZ_CHECK(report.ok());
    VmReport& channel = **report;
    requests.report = &channel;
    while (!input.empty() && !requests.ended && !requests.given_up) {
      const uint8_t action = input.Byte();
      switch (action % 8) {
        case 0: {  // a well-formed request
          FrameHeader header{0, static_cast<uint8_t>(16 + action / 8 % 3), action, 0, 0};
          if (header.type == 16) header.length = 8;
          std::array<uint8_t, sizeof header + 8> frame{};
          std::memcpy(frame.data(), &header, sizeof header);
          for (uint32_t i = 0; i < header.length; ++i) frame[sizeof header + i] = input.Byte();
          Send(parent.get(), std::span(frame).first(sizeof header + header.length), sent);
          break;
        }
        case 1:
        case 2: {  // any bytes
          Send(parent.get(), input.Bytes(1 + action / 8), sent);
          break;
        }
        case 3:
        case 4:
          channel.OnReadable();
          break;
        case 5:
          channel.Log(action / 8 % 6, action, std::as_bytes(input.Bytes(16)));
          if (action / 8 == 31) channel.Ready();
          break;
        case 6:
          Drain(parent.get(), received);
          break;
        default:
          if (action < 240) break;
          // More than a socket takes: nobody reads, so it is given up, and nothing may follow it.
          channel.Log(EBB_LOG_STDOUT, 1, large);
          given_up = true;
          break;
      }
      if (given_up) break;
    }
    given_up = given_up || requests.given_up;
    if (!given_up) {
      // It takes 4 KiB at a time.
      for (size_t taken = 0; taken <= sent.size() && !requests.ended; taken += 4096) channel.OnReadable();
      given_up = requests.given_up;
    }
    if (!given_up) {
      Seen expected;
      const bool goes_on = Read(sent, expected);
      FUZZ_CHECK(requests.seen == expected);
      FUZZ_CHECK(requests.ended == !goes_on);
      if (goes_on) {
        Drain(parent.get(), received);
        shutdown(parent.get(), SHUT_WR);
        channel.OnReadable();
      }
    }
    FUZZ_CHECK(requests.ended);
    channel.Exit(ExitReport::Ended());
    requests.report = nullptr;
  }
  Drain(parent.get(), received);
  CheckFrames(received, given_up);
  return 0;
}
