// TenderProcess: an ebbtender with its report channel, as a parent sees it.
#ifndef EBB_TENDER_TEST_TENDER_PROCESS_H_
#define EBB_TENDER_TEST_TENDER_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tender/channel.h"
#include "tender/unique_fd.h"

namespace ebb::tender {

struct Frame {
  FrameType type;
  uint8_t stream;
  uint64_t time_ns;
  std::string payload;
};

class TenderProcess {
 public:
  // `ebbtender run` with these arguments and a --report-fd.
  // `launcher`: a program that is to start ebbtender.
  explicit TenderProcess(const std::vector<std::string>& arguments, const std::string& command = "run",
                         const std::string& launcher = {});
  // A clone's channel: connected to the server at `listen_path`, and the request for a VM with these options made.
  static TenderProcess Clone(const std::string& listen_path, const std::vector<std::string>& options);
  TenderProcess(TenderProcess&&) = default;
  ~TenderProcess();

  // A connection to the server at `listen_path`, with nothing asked for yet.
  static TenderProcess Connect(const std::string& listen_path);

  void Send(FrameType type, const std::string& payload = {});
  // Frames until one of the type; nothing when the channel ends first. Log payloads are collected.
  std::optional<Frame> WaitFor(FrameType type);
  // Reads to the end of the channel, reaps, returns the exit status (128 + signal when killed).
  int Wait();
  void CloseChannel() { channel_.Reset(); }
  // Waiting for the tender longer than this is an exception; what it sent before is kept.
  void set_timeout_ms(int timeout_ms) { timeout_ms_ = timeout_ms; }

  pid_t pid() const { return pid_; }
  // Everything logged so far on a stream.
  const std::string& Log(uint32_t stream) { return logs_[stream]; }
  // "name value..." lines of the kernel stream.
  std::map<std::string, std::string> Values();

  std::string exit_json;
  int ready_count = 0;

 private:
  TenderProcess() = default;
  std::optional<Frame> Read();

  pid_t pid_ = -1;
  UniqueFd channel_;
  std::map<uint32_t, std::string> logs_;
  std::optional<int> status_;
  int timeout_ms_ = 20000;
};

class TenderSilent : public std::runtime_error {
 public:
  TenderSilent() : std::runtime_error("the tender says nothing") {}
};

// Runs one scenario of the test guest to its end.
struct ScenarioResult {
  int status;
  std::string exit_json;
  std::map<std::string, std::string> values;
};
ScenarioResult RunScenario(const std::string& tender, const std::string& scenario,
                           const std::vector<std::string>& more = {});

// The test guest's image, written once.
const std::string& TestImage();
// Why a tender cannot run in this build; empty when it can.
std::string SanitizerInTheWay();
// Why KVM cannot be tested here; empty when it can.
std::string KvmMissing();
// The processes of a VM or a server, as the JSON of its stats has them, and as it tells when it is asked; empty when it
// has ended.
std::vector<pid_t> PidsOf(const std::string& stats);
std::vector<pid_t> Pids(TenderProcess& process);
// Whether it comes true within five seconds.
bool Eventually(const std::function<bool()>& condition);
// A field of /proc/<pid>/status.
std::string StatusField(pid_t pid, const std::string& field);
bool Alive(pid_t pid);

}  // namespace ebb::tender

#endif  // EBB_TENDER_TEST_TENDER_PROCESS_H_
