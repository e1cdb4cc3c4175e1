// The hostile guest under both tenders: whatever it does, the host is as before, the end of a VM is reported, and the
// next VM works.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <regex>
#include <thread>

#include "../image_builder.h"
#include "../tender_process.h"

namespace ebb::tender {
namespace {

using namespace std::chrono_literals;

bool AllAttempts() { return std::getenv("EBBWHISK_TEST_ALL") != nullptr; }

uint64_t Seed() {
  static const uint64_t kSeed = [] {
    const char* text = std::getenv("EBB_HOSTILE_SEED");
    const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device()();
    std::printf("seed of the sample: EBB_HOSTILE_SEED=%llu\n", static_cast<unsigned long long>(seed));
    return seed;
  }();
  return kSeed;
}

const std::string& HostileImage() {
  static const std::string kPath = [] {
    const std::string path = TemporaryPath("hostile.image");
    WriteTestImage(path, {}, EBB_HOSTILE_GUEST);
    return path;
  }();
  return kPath;
}

size_t OpenFiles() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

// A process, a file and a port of the host that no VM has anything to do with.
class Bystander {
 public:
  Bystander() : path_(TemporaryPath("bystander")) {
    std::ofstream(path_) << "untouched";
    written_ = std::filesystem::last_write_time(path_);
    pid_ = fork();
    if (pid_ == 0) {
      for (;;) pause();
    }
    listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_.get(), 1) != 0)
      throw std::runtime_error("listen");
  }
  ~Bystander() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  void ExpectUntouched() const {
    EXPECT_EQ(waitpid(pid_, nullptr, WNOHANG), 0) << "the bystander ended";
    EXPECT_EQ(StatusField(pid_, "ShdPnd"), "0000000000000000");
    std::ifstream file(path_);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "untouched");
    EXPECT_EQ(std::filesystem::last_write_time(path_), written_);
    EXPECT_LT(accept(listener_.get(), nullptr, nullptr), 0) << "somebody connected";
  }

 private:
  std::string path_;
  std::filesystem::file_time_type written_;
  pid_t pid_ = -1;
  UniqueFd listener_;
};

struct AttackResult {
  uint64_t vms = 0;
  uint64_t attempts = 0, faults = 0, syscalls = 0, completed = 0;
  std::map<std::string, int> ends;  // reports of VMs that did not reach the end of the attack
};

class HostileTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (const std::string reason = SanitizerInTheWay(); !reason.empty()) GTEST_SKIP() << reason;
    if (kvm()) {
      if (const std::string reason = KvmMissing(); !reason.empty()) GTEST_SKIP() << reason;
    }
    // Whatever a tender leaves behind becomes a child of this process, and is seen.
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    bystander_.emplace();
    open_files_ = OpenFiles();
  }
  void TearDown() override {
    if (!bystander_) return;
    bystander_->ExpectUntouched();
    bystander_.reset();
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a process is left";
    EXPECT_EQ(OpenFiles(), open_files_ - 1);  // the bystander's listener
    const auto next = RunScenario(tender(), "basic", {"--memory", "64"});
    EXPECT_EQ(next.exit_json, R"({"reason":"exit","code":7})") << "the next VM";
  }
  std::string tender() const { return GetParam(); }
  bool kvm() const { return tender() == "kvm"; }

  std::vector<std::string> Arguments(const std::string& attack, const std::vector<uint64_t>& numbers = {}) const {
    std::vector<std::string> words = {"--image",  HostileImage(), "--tender", tender(),
                                      "--memory", "64",           "--arg",    attack};
    for (const uint64_t number : numbers) {
      words.push_back("--arg");
      words.push_back(std::to_string(number));
    }
    return words;
  }

  // Attempts start, start + step, ... below end; each VM goes on behind the attempt that the one before died of.
  AttackResult Attack(const std::string& attack, uint64_t end, uint64_t step = 1, uint64_t start = 0) const {
    AttackResult result;
    for (uint64_t next = start; next < end;) {
      TenderProcess process(Arguments(attack, {next, end, step, Seed()}));
      process.set_timeout_ms(1500);
      int status = 0;
      try {
        status = process.Wait();
      } catch (const TenderSilent&) {
        // It only burns its own time, and ends when it is told to.
        process.set_timeout_ms(20000);
        process.Send(FrameType::kEnd);
        status = process.Wait();
      }
      ++result.vms;
      auto values = process.Values();
      const auto number = [&](const char* name) { return values.contains(name) ? std::stoull(values[name]) : 0; };
      const std::string where = attack + " from " + std::to_string(next) + " at " + values["at"];
      for (const auto& [name, value] : values) {
        if (name.compare(0, 10, "violation-") == 0) ADD_FAILURE() << where << ": " << name << " " << value;
      }
      ExpectReported(process.exit_json, status, where);
      const std::string& log = process.Log(EBB_LOG_KERNEL);
      for (size_t at = log.find("at "); at != std::string::npos; at = log.find("\nat ", at + 1)) ++result.attempts;
      result.faults += number("faults");
      result.syscalls += number("syscalls");
      result.completed += number("completed");
      if (values.contains("done")) break;
      ++result.ends[std::regex_replace(process.exit_json, std::regex("(0x)?[0-9a-f]{3,}"), "#").substr(0, 160)];
      if (!values.contains("at")) {
        ADD_FAILURE() << where << ": no progress: " << process.exit_json;
        break;
      }
      next = number("at") + step;
    }
    for (const auto& [report, count] : result.ends) std::printf("%4d of %s\n", count, report.c_str());
    std::printf("%s: %llu VMs, %llu attempts: %llu faults, %llu syscalls, %llu ran through\n", attack.c_str(),
                static_cast<unsigned long long>(result.vms), static_cast<unsigned long long>(result.attempts),
                static_cast<unsigned long long>(result.faults), static_cast<unsigned long long>(result.syscalls),
                static_cast<unsigned long long>(result.completed));
    return result;
  }

  // About `count` attempts of `end`, or every `part`th of them in a run of all. The steps have no factor 2, so that all
  // ways and sets get their turn.
  AttackResult Sample(const std::string& attack, uint64_t end, uint64_t count, uint64_t part = 1) const {
    if (count >= end) return Attack(attack, end);
    const uint64_t step = AllAttempts() ? part : end / count | 1;
    return Attack(attack, end, step, Seed() % step);
  }

  // The tender itself did not fail or crash: it says what became of the guest, in a line of JSON.
  static void ExpectReported(const std::string& json, int status, const std::string& where) {
    static const std::regex kReport(R"x(\{"reason":"(ended|exit|abort|fault|memory)"[^\x00-\x1f]*\})x",
                                    std::regex::ECMAScript | std::regex::optimize);
    // The detail may be long, and std::regex recurses: the head and the rest are looked at apart.
    EXPECT_TRUE(std::regex_match(json.substr(0, 40) + (json.size() > 40 ? "}" : ""), kReport)) << where << ": " << json;
    EXPECT_TRUE(json.ends_with("}")) << where << ": " << json;
    for (const char byte : json) {
      if (static_cast<unsigned char>(byte) < 0x20) {
        ADD_FAILURE() << where << ": a control character";
        break;
      }
    }
    EXPECT_LT(status, 256) << where;
    EXPECT_FALSE(json.empty()) << where << ": the tender ended with status " << status;
  }

  std::optional<Bystander> bystander_;
  size_t open_files_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Tenders, HostileTest, testing::Values("process", "kvm"),
                         [](const auto& item) { return std::string(item.param); });

TEST_P(HostileTest, InstructionsOfRing0) {
  const auto result = Attack("instructions", 8 * 128);
  EXPECT_GT(result.faults, 400u);
}

TEST_P(HostileTest, Ports) {
  // Those that lead to the tender all, the rest in part.
  const auto low = Attack("ports", 64 * 8);
  EXPECT_GT(low.faults, 400u);
  Sample("ports", 65536 * 8, 800, kvm() ? 5 : 3);
}

TEST_P(HostileTest, SoftwareInterrupts) { EXPECT_GT(Attack("interrupts", 256).faults, 250u); }

TEST_P(HostileTest, SelectorsAndMovSs) {
  Attack("selectors", 256 * 8, AllAttempts() ? 1 : 3);
  Sample("selectors", 65536 * 8, 300, kvm() ? 9 : 5);
}

TEST_P(HostileTest, SingleSteps) { Attack("steps", 3 * 64); }

TEST_P(HostileTest, ForgedInterruptReturns) { Attack("iretq", 1000); }

TEST_P(HostileTest, FarTransfersAnd32BitCode) { Attack("far", 1000); }

TEST_P(HostileTest, AccessesToWhatIsNotTheGuests) { EXPECT_GT(Attack("accesses", 2000).faults, 1000u); }

TEST_P(HostileTest, BadStackPointersInEveryUpcall) { Attack("stacks", 1000); }

TEST_P(HostileTest, BadSegmentBasesInEveryUpcall) { Attack("bases", 1000); }

TEST_P(HostileTest, SyscallsFromUserCodeBelongToTheLibOs) {
  EXPECT_GT(Sample("userCalls", 8 * 896, kvm() ? 900 : 7168).syscalls, 800u);
}

TEST_P(HostileTest, JumpsIntoTheHypercallPage) { Sample("pageJumps", 8 * 4096, kvm() ? 1000 : 1500, 5); }

TEST_P(HostileTest, HypercallsWithExtremeArguments) { Sample("hypercalls", 1000, 250); }

TEST_P(HostileTest, RingEntriesWithExtremeValues) { Attack("rings", AllAttempts() ? 1000 : 40); }

TEST_P(HostileTest, RingIndicesThatContradictThemselves) {
  auto result = Attack("brokenRings", 8);
  EXPECT_EQ(result.ends[R"({"reason":"fault","detail":"the guest broke its rings"})"], 8);
}

TEST_P(HostileTest, ExitsOfEveryKind) { EXPECT_GE(Sample("exits", 64, 32).attempts, AllAttempts() ? 64u : 20u); }

TEST_P(HostileTest, StormsCanBeEnded) {
  for (const char* storm : {"enterStorm", "tickStorm", "faultStorm"}) {
    for (const bool by_signal : {false, true}) {
      TenderProcess process(Arguments(storm));
      while (!process.Values().contains("storming")) ASSERT_TRUE(process.WaitFor(FrameType::kLog)) << storm;
      std::this_thread::sleep_for(100ms);
      process.set_timeout_ms(5000);
      try {
        process.Send(FrameType::kStatsRequest);
        EXPECT_TRUE(process.WaitFor(FrameType::kStats)) << storm;
        if (by_signal) {
          kill(process.pid(), SIGTERM);
        } else {
          process.Send(FrameType::kEnd);
        }
        EXPECT_EQ(process.Wait(), 0) << storm;
        EXPECT_EQ(process.exit_json, R"({"reason":"ended"})") << storm;
      } catch (const TenderSilent&) {
        ADD_FAILURE() << storm << ": the tender does not listen any more";
      } catch (const std::runtime_error&) {
        // Ticks that nest in their own delivery run out of stack (process tender).
        ExpectReported(process.exit_json, process.Wait(), storm);
      }
    }
  }
}

TEST_P(HostileTest, MemoryBeyondTheLimitCannotBeHad) {
  TenderProcess process(Arguments("grab"));
  ASSERT_TRUE(process.WaitFor(FrameType::kReady)) << process.exit_json;
  process.Send(FrameType::kStatsRequest);
  const std::string stats = process.WaitFor(FrameType::kStats)->payload;
  std::smatch match;
  ASSERT_TRUE(std::regex_search(stats, match, std::regex(R"x("pids":\[(?:\d+,)?(\d+)\])x"))) << stats;
  const int64_t kilobytes = std::stoll("0" + StatusField(std::stoi(match[1]), "RssAnon"));
  EXPECT_GT(kilobytes, 60 * 1024);
  EXPECT_LT(kilobytes, (64 + 8) * 1024) << "what the image writes, the upcall stack and the tender's own is little";
  process.Send(FrameType::kEnd);
  EXPECT_EQ(process.Wait(), 0);
}

// ---- the process tender alone: the host's own system calls

class HostileProcess : public HostileTest {};
INSTANTIATE_TEST_SUITE_P(Tenders, HostileProcess, testing::Values("process"),
                         [](const auto& item) { return std::string(item.param); });

TEST_P(HostileProcess, SyscallsFromTheHypercallPage) {
  const auto result = Sample("pageCalls", 8 * 640, 5120);
  EXPECT_GT(result.attempts, 5000u);
}

TEST_P(HostileProcess, ForgedSignalReturns) { Attack("sigreturn", 1000); }

// Not under KVM: there the way from a 32-bit `syscall` is the host kernel's own under PVM, for the machine's owner to
// try.
TEST_P(HostileProcess, SyscallsOfOtherArchitecturesEndTheVm) {
  for (const auto& [attack, count] : {std::pair("int80", 512), std::pair("x32", 1280), std::pair("compat", 3 * 512)}) {
    const auto result = Sample(attack, static_cast<uint64_t>(count), 8);
    for (const auto& [report, times] : result.ends)
      EXPECT_TRUE(report.starts_with(R"({"reason":"fault","signal":"SIGSYS")")) << report;
    // Of the three ways out of 32-bit code one is a fault on some processors.
    if (attack != std::string("compat")) {
      EXPECT_EQ(result.vms, result.attempts);
    }
  }
}

TEST_P(HostileProcess, ForgedWordsOfTheHypercallPage) {
  const auto result = Attack("forgedEnds", 8);
  EXPECT_EQ(result.vms, 8u);
}

}  // namespace
}  // namespace ebb::tender
