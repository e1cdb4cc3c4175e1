// Starting and reading an ebbtender.
#include "tender_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "image_builder.h"

namespace ebb::tender {
namespace {

bool ReadExactly(int fd, void* buffer, size_t size, int timeout_ms) {
  auto* at = static_cast<char*>(buffer);
  while (size > 0) {
    pollfd entry{fd, POLLIN, 0};
    if (poll(&entry, 1, timeout_ms) <= 0) throw TenderSilent();
    const ssize_t count = read(fd, at, size);
    if (count <= 0) return false;
    at += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

}  // namespace

TenderProcess::TenderProcess(const std::vector<std::string>& arguments, const std::string& command,
                             const std::string& launcher) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
  channel_ = UniqueFd(ends[0]);
  const UniqueFd other(ends[1]);
  std::vector<std::string> words = {EBB_TENDER_BINARY, command, "--report-fd", "50"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (!launcher.empty()) words.insert(words.begin(), launcher);
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    dup2(other.get(), 50);
    execv(argv[0], argv.data());
    _exit(127);
  }
}

TenderProcess TenderProcess::Connect(const std::string& listen_path) {
  TenderProcess process;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  listen_path.copy(address.sun_path, sizeof address.sun_path - 1);
  process.channel_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(process.channel_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("connect");
  return process;
}

TenderProcess TenderProcess::Clone(const std::string& listen_path, const std::vector<std::string>& options) {
  TenderProcess process = Connect(listen_path);
  std::string request;
  for (const auto& option : options) request += option + '\0';
  process.Send(FrameType::kClone, request);
  return process;
}

TenderProcess::~TenderProcess() {
  channel_.Reset();
  if (!status_ && pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

void TenderProcess::Send(FrameType type, const std::string& payload) {
  const FrameHeader header{static_cast<uint32_t>(payload.size()), static_cast<uint8_t>(type), 0, 0, 0};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += payload;
  if (send(channel_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error("send");
}

std::optional<Frame> TenderProcess::Read() {
  FrameHeader header;
  if (!channel_ || !ReadExactly(channel_.get(), &header, sizeof header, timeout_ms_)) return std::nullopt;
  Frame frame{static_cast<FrameType>(header.type), header.stream, header.time_ns, std::string(header.length, '\0')};
  if (!ReadExactly(channel_.get(), frame.payload.data(), frame.payload.size(), timeout_ms_))
    throw std::runtime_error("cut frame");
  if (frame.type == FrameType::kLog) logs_[frame.stream] += frame.payload;
  if (frame.type == FrameType::kExit) exit_json = frame.payload;
  if (frame.type == FrameType::kReady) ++ready_count;
  return frame;
}

std::optional<Frame> TenderProcess::WaitFor(FrameType type) {
  while (auto frame = Read()) {
    if (frame->type == type) return frame;
  }
  return std::nullopt;
}

int TenderProcess::Wait() {
  while (Read()) {
  }
  if (!status_ && pid_ > 0) {
    int status = 0;
    if (waitpid(pid_, &status, 0) != pid_) throw std::runtime_error("waitpid");
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return status_.value_or(0);
}

std::map<std::string, std::string> TenderProcess::Values() {
  std::map<std::string, std::string> values;
  std::istringstream lines(logs_[EBB_LOG_KERNEL]);
  for (std::string line; std::getline(lines, line);) {
    const size_t space = line.find(' ');
    if (space != std::string::npos) values[line.substr(0, space)] = line.substr(space + 1);
  }
  return values;
}

ScenarioResult RunScenario(const std::string& tender, const std::string& scenario,
                           const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"--image", TestImage(), "--tender", tender, "--arg", scenario};
  arguments.insert(arguments.end(), more.begin(), more.end());
  TenderProcess process(arguments);
  const int status = process.Wait();
  return {status, process.exit_json, process.Values()};
}

const std::string& TestImage() {
  static const std::string kPath = [] {
    const std::string path = TemporaryPath("guest.image");
    WriteTestImage(path);
    return path;
  }();
  return kPath;
}

std::string SanitizerInTheWay() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "the sanitizer's allocator maps memory in ways that the tender's filter kills, and keeps its shadow where the "
         "guest lies";
#else
  return "";
#endif
}

std::vector<pid_t> PidsOf(const std::string& stats) {
  std::smatch match;
  if (!std::regex_search(stats, match, std::regex(R"x("pids":\[([0-9,]+)\])x"))) return {};
  std::vector<pid_t> pids;
  std::istringstream list(match[1]);
  for (std::string pid; std::getline(list, pid, ',');) pids.push_back(std::stoi(pid));
  return pids;
}

std::vector<pid_t> Pids(TenderProcess& process) {
  process.Send(FrameType::kStatsRequest);
  const auto stats = process.WaitFor(FrameType::kStats);
  return stats ? PidsOf(stats->payload) : std::vector<pid_t>{};
}

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::string KvmMissing() {
  const UniqueFd fd(open("/dev/kvm", O_RDWR | O_CLOEXEC));
  return fd ? "" : std::string("/dev/kvm: ") + std::strerror(errno);
}

std::string StatusField(pid_t pid, const std::string& field) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, field.size() + 1, field + ":") == 0)
      return line.substr(std::min(line.find_first_not_of(" \t", field.size() + 1), line.size()));
  }
  return {};
}

bool Alive(pid_t pid) {
  const std::string state = StatusField(pid, "State");
  return !state.empty() && state[0] != 'Z' && state[0] != 'X';
}

}  // namespace ebb::tender
