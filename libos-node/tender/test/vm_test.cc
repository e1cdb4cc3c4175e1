// The tender as a program, with the test guest, under both backends: hypercalls, faults, syscalls, ticks, memory,
// exits, requests of the parent and every way to die. The KVM half is skipped, with the reason, where there is no
// /dev/kvm.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <thread>

#include "image_builder.h"
#include "tender_process.h"

namespace ebb::tender {
namespace {

using namespace std::chrono_literals;

class VmTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (const std::string reason = SanitizerInTheWay(); !reason.empty()) GTEST_SKIP() << reason;
    if (GetParam() == std::string("kvm")) {
      if (const std::string reason = KvmMissing(); !reason.empty()) GTEST_SKIP() << reason;
    }
  }
  std::string tender() const { return GetParam(); }
  bool kvm() const { return tender() == "kvm"; }
  ScenarioResult Scenario(const std::string& name, const std::vector<std::string>& more = {}) const {
    return RunScenario(tender(), name, more);
  }
  std::vector<std::string> Arguments(const std::string& name, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"--image", TestImage(), "--tender", tender(), "--arg", name};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
};
INSTANTIATE_TEST_SUITE_P(Tenders, VmTest, testing::Values("process", "kvm"),
                         [](const auto& item) { return std::string(item.param); });

int64_t NumberOf(const ScenarioResult& result, const std::string& name) {
  const auto found = result.values.find(name);
  if (found == result.values.end()) {
    ADD_FAILURE() << "the guest did not say " << name << "; it ended with " << result.exit_json;
    return -1;
  }
  return std::stoll(found->second);
}

TEST_P(VmTest, Basics) {
  const auto result = Scenario("basic", {"--memory", "64", "--env", "A=1", "--env", "LONG=" + std::string(1000, 'x')});
  EXPECT_EQ(result.status, 7);
  EXPECT_EQ(result.exit_json, R"({"reason":"exit","code":7})");
  EXPECT_EQ(NumberOf(result, "tender"), kvm() ? EBB_TENDER_KVM : EBB_TENDER_PROCESS);
  EXPECT_EQ(NumberOf(result, "cores"), 1);
  EXPECT_EQ(NumberOf(result, "limitMb"), 64);
  EXPECT_EQ(NumberOf(result, "xsaveMask") & 3, 3);
  EXPECT_GE(NumberOf(result, "xsaveSize"), 576);
  EXPECT_EQ(NumberOf(result, "environmentSize"), 4 + 1006);
  EXPECT_EQ(NumberOf(result, "optionsSize"), 13);
  EXPECT_EQ(NumberOf(result, "random"), 0);
  EXPECT_EQ(NumberOf(result, "randomZeros"), 0);
  EXPECT_EQ(NumberOf(result, "randomTooLong"), -EINVAL);
  EXPECT_EQ(NumberOf(result, "randomBadAddress"), -EFAULT);
  EXPECT_EQ(NumberOf(result, "randomReadOnly"), -EFAULT);
  EXPECT_GE(NumberOf(result, "sleptUs"), 19900);
  EXPECT_LT(NumberOf(result, "sleptUs"), 2000000);
  EXPECT_EQ(NumberOf(result, "clockWentBack"), 0);
}

TEST_P(VmTest, LogsKeepStreamsApart) {
  TenderProcess process(Arguments("basic"));
  process.Wait();
  EXPECT_EQ(process.Log(EBB_LOG_STDOUT), "to stdout\n");
  EXPECT_EQ(process.Log(EBB_LOG_STDERR), "to stderr\n");
}

TEST_P(VmTest, GuestClockIsTheHosts) {
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  const int64_t before = now();
  const auto result = Scenario("basic");
  // Within the run, and 100 us of doubt for the calibration of a machine that has just started.
  EXPECT_GT(NumberOf(result, "clockNs"), before - 100000);
  EXPECT_LT(NumberOf(result, "clockNs"), now() + 100000);
}

// "vector, address as expected, result of the resumed call, register rdi as expected"
TEST_P(VmTest, EveryFaultIsAnUpcallThatCanBeResumed) {
  const auto result = Scenario("faults");
  EXPECT_EQ(result.exit_json, R"({"reason":"exit","code":0})");
  const std::pair<const char*, const char*> others[] = {{"ud", "6"},     {"divide", "0"},       {"breakpoint", "3"},
                                                        {"halt", "13"},  {"simd", "19"},        {"x87", "16"},
                                                        {"align", "17"}, {"noncanonical", "13"}};
  for (const auto& [name, vector] : others) {
    ASSERT_TRUE(result.values.contains(name)) << name;
    EXPECT_EQ(result.values.at(name), std::string(vector) + " 0 77 1") << name;
  }
  for (const char* name : {"readNull", "writeNull", "callNull", "readArena", "writeArena", "readFarArena", "readBeyond",
                           "writeKernelText", "writeBootInfo", "writeClock", "writePage", "writeReadOnly", "readNone",
                           "executeNone", "beyondCommitted", "copyTo", "straddle"}) {
    ASSERT_TRUE(result.values.contains(name)) << name;
    EXPECT_EQ(result.values.at(name), "14 1 77 1") << name;
  }
  EXPECT_EQ(NumberOf(result, "kept"), 42);
  EXPECT_EQ(NumberOf(result, "keptThroughNone"), 43);
}

TEST_P(VmTest, FaultsAreCounted) {
  const auto faults_of = [&](const char* scenario) {
    const std::string path = TemporaryPath(tender() + "stats");
    std::string command = std::string(EBB_TENDER_BINARY) + " run --image " + TestImage() + " --tender " + tender();
    command += std::string(" --arg ") + scenario + " --stats 2>&1 >/dev/null | grep '^{' >" + path;
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::ifstream file(path);
    const std::string stats(std::istreambuf_iterator<char>(file), {});
    std::smatch match;
    // The tender's own count: the guest's are in an object of their own.
    EXPECT_TRUE(std::regex_search(stats, match, std::regex(R"x(\},"exits":[0-9]+,"faults":([0-9]+))x"))) << stats;
    return match.empty() ? -1 : std::stoll(match[1]);
  };
  EXPECT_EQ(faults_of("basic"), 0);
  EXPECT_GE(faults_of("faults"), 25);  // one for each of the test above
}

TEST_P(VmTest, TrappedSyscallsReachTheLibOs) {
  const auto result = Scenario("syscalls");
  EXPECT_EQ(NumberOf(result, "getpid"), 39 + 1000);
  EXPECT_EQ(NumberOf(result, "reason"), EBB_UPCALL_SYSCALL);
  EXPECT_EQ(NumberOf(result, "nr"), 39);
  EXPECT_EQ(NumberOf(result, "arguments"), 12345 + 1000);
  EXPECT_EQ(NumberOf(result, "argumentsOk"), 1);
}

TEST_P(VmTest, TicksPreemptUserCodeOnly) {
  const auto result = Scenario("ticks");
  EXPECT_EQ(NumberOf(result, "ticks"), 40);
  EXPECT_GE(NumberOf(result, "ticksUs"), 19000);
  EXPECT_EQ(NumberOf(result, "withoutState"), 0);
  EXPECT_EQ(NumberOf(result, "corrupted"), 0);
  EXPECT_EQ(NumberOf(result, "ticksAfterPending"), 40);
  EXPECT_EQ(NumberOf(result, "pendingAfterCancel"), 0);
  EXPECT_EQ(NumberOf(result, "ticksAfterCancel"), 40);
}

TEST_P(VmTest, MemoryIsCountedProtectedAndReleased) {
  const auto result = Scenario("memory", {"--memory", "64"});
  EXPECT_EQ(result.exit_json, R"({"reason":"exit","code":0})");
  for (const char* name : {"heap", "all", "none", "discardNone", "released", "discard", "free", "mixed", "exe"})
    EXPECT_EQ(NumberOf(result, name), 0) << name;
  for (const char* name : {"tooMuch", "oneMore", "stillFull", "fullAgain", "discardedStillHeld", "exeGap"})
    EXPECT_EQ(NumberOf(result, name), -ENOMEM) << name;
  for (const char* name : {"unaligned", "wrap", "badProt", "kernelText", "bootInfo", "rings", "exeIntoKernel"})
    EXPECT_EQ(NumberOf(result, name), -EINVAL) << name;
  EXPECT_EQ(NumberOf(result, "zero"), 0);
  EXPECT_EQ(NumberOf(result, "discarded"), 0);
  EXPECT_EQ(NumberOf(result, "notDiscarded"), (2 << 20) + 1);
  EXPECT_EQ(NumberOf(result, "mixedKept"), 9);
  EXPECT_EQ(NumberOf(result, "exeWritable"), -EACCES);
  if (kvm()) {
    // Each place is a slot and a table beside its page; 16 MiB of that are free.
    EXPECT_GT(NumberOf(result, "places"), 64);
    EXPECT_LE(NumberOf(result, "places"), ((4 + 16) << 20) / ((160 + 16) << 10));
  } else {
    EXPECT_EQ(NumberOf(result, "places"), 1024);  // 4 MiB of pages
  }
}

TEST_P(VmTest, LargePagesAreSplitWhereTheyMustBe) {
  const auto result = Scenario("largepages", {"--memory", "64"});
  EXPECT_EQ(result.exit_json, R"({"reason":"exit","code":0})");
  for (const char* name : {"commit", "close", "giveBack", "readOnly", "closeLast", "again", "clear", "end"})
    EXPECT_EQ(NumberOf(result, name), 0) << name;
  // Page faults with their address, and the instruction that made them.
  for (const char* name : {"closedRead", "holeRead", "holeWrite", "fixedWrite", "goneRead", "behind", "nothing"})
    EXPECT_EQ(result.values.at(name), "14 1 77 1") << name;
  for (const char* name : {"wrong", "nonzero", "wrongAgain", "cleared"}) EXPECT_EQ(NumberOf(result, name), 0) << name;
}

// Sum of a field of /proc/<pid>/<file>, in bytes.
uint64_t KbField(const std::vector<pid_t>& pids, const char* file, const std::string& field) {
  uint64_t sum = 0;
  for (const pid_t pid : pids) {
    std::ifstream text("/proc/" + std::to_string(pid) + "/" + file);
    for (std::string line; std::getline(text, line);) {
      if (line.compare(0, field.size() + 1, field + ":") == 0) sum += std::stoull(line.substr(field.size() + 1)) << 10;
    }
  }
  return sum;
}

// What a VM costs the host at most, however its guest spreads its pages: its limit and a constant; under the process
// tender also an eighth of the limit, for page tables.
TEST_P(VmTest, HostMemoryStaysWithinTheLimitAndAConstant) {
  constexpr uint64_t kMb = 1ull << 20, kLimit = 64 * kMb;
  const uint64_t constant = kvm() ? 24 * kMb : 48 * kMb + kLimit / 8;
  for (const char* scenario : {"fill", "fill2m", "fill64m"}) {
    TenderProcess process(Arguments(scenario, {"--memory", "64"}));
    uint64_t most = 0;
    std::vector<pid_t> pids;
    std::string numbers;
    for (;;) {
      try {
        process.Send(FrameType::kStatsRequest);
      } catch (const std::runtime_error&) {
        process.Wait();  // it has ended
        break;
      }
      const auto stats = process.WaitFor(FrameType::kStats);
      if (!stats) break;
      pids = PidsOf(stats->payload);
      const auto number = [&](const std::string& name) -> uint64_t {
        std::smatch match;
        return std::regex_search(stats->payload, match, std::regex("\"" + name + "\":([0-9]+)")) ? std::stoull(match[1])
                                                                                                 : 0;
      };
      const uint64_t pss = KbField(pids, "smaps_rollup", "Pss"), tables = KbField(pids, "status", "VmPTE");
      // Of KVM's overhead the guest's tables are in Pss and the host's in VmPTE.
      const uint64_t slots = number("slots") * (160 << 10);
      const uint64_t kernel = slots + (number("overheadBytes") - slots) / 2;
      most = std::max(most, pss + tables + kernel);
      numbers = "Pss " + std::to_string(pss >> 10) + " KiB, page tables " + std::to_string(tables >> 10) +
                " KiB, of KVM " + std::to_string(kernel >> 10) + " KiB";
      if (process.Values().contains("bytes")) break;
    }
    const auto values = process.Values();
    const uint64_t bytes = values.contains("bytes") ? std::stoull(values.at("bytes")) : 0;
    std::printf("%s %s: committed %lu KiB, %s; at most %lu KiB\n", GetParam(), scenario, bytes >> 10, numbers.c_str(),
                most >> 10);
    EXPECT_LE(most, kLimit + constant) << scenario;
    if (scenario == std::string("fill")) {
      EXPECT_EQ(bytes, kLimit);
    } else if (bytes == 0) {
      EXPECT_FALSE(kvm());
      EXPECT_NE(process.exit_json.find(R"({"reason":"memory","detail":"the page tables)"), std::string::npos)
          << process.exit_json;
    }
    // One page in each 2 MiB is the worst case for tables: the guest process does not survive it.
    if (scenario == std::string("fill2m")) {
      EXPECT_EQ(bytes == 0, !kvm());
    }
  }
}

TEST_P(VmTest, ForeignPortsAndInterruptFlagAreFaults) {
  const auto result = Scenario("out");
  EXPECT_EQ(result.values.at("out"), "13 0 77 1");
  EXPECT_EQ(result.values.at("cli"), "13 0 77 1");
}

TEST_P(VmTest, ExitKinds) {
  const std::tuple<const char*, const char*, int> kinds[] = {
      {"abort",
       R"({"reason":"abort","signal":"SIGABRT","detail":"abort() was called )"
       "\xef\xbf\xbd"
       R"(\u000a"})",
       134},
      {"fault", R"({"reason":"fault","signal":"SIGSEGV"})", 139},
      {"panic", R"({"reason":"fault","detail":"LibOS panic: "})", 134},
      {"outofmemory", R"({"reason":"memory"})", 137},
      {"badkind", R"({"reason":"fault","detail":"exit of unknown kind 99: "})", 134},
  };
  for (const auto& [name, json, status] : kinds) {
    const auto result = Scenario(name);
    EXPECT_EQ(result.exit_json, json);
    EXPECT_EQ(result.status, status) << name;
  }
}

TEST_P(VmTest, AGuestThatBreaksItselfEnds) {
  for (const char* name : {"doublefault", "badring"}) {
    const auto result = Scenario(name);
    EXPECT_NE(result.exit_json.find(R"("reason":"fault")"), std::string::npos) << name << ": " << result.exit_json;
  }
}

TEST_P(VmTest, ReadyOnceThenServesTheSocket) {
  const std::string socket_path = TemporaryPath(tender() + ".sock");
  TenderProcess process(Arguments("idle", {"--socket", socket_path}));
  ASSERT_TRUE(process.WaitFor(FrameType::kReady));
  struct stat info{};
  ASSERT_EQ(stat(socket_path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  process.Send(FrameType::kEnd);
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_EQ(process.exit_json, R"({"reason":"ended"})");
  EXPECT_EQ(process.ready_count, 1);
  EXPECT_FALSE(std::filesystem::exists(socket_path));
}

int ConnectUnix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw std::runtime_error("connect");
  return fd;
}

TEST_P(VmTest, ServesConnectionsUnderItsFilter) {
  const std::string socket_path = TemporaryPath(tender() + "echo.sock");
  TenderProcess process(Arguments("echo", {"--socket", socket_path, "--port", "0"}));
  ASSERT_TRUE(process.WaitFor(FrameType::kReady));
  for (const std::string text : {"hello", "again", "quit"}) {
    const UniqueFd connection(ConnectUnix(socket_path));
    ASSERT_EQ(write(connection.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    char answer[16] = {};
    ASSERT_EQ(read(connection.get(), answer, sizeof answer), static_cast<ssize_t>(text.size()));
    EXPECT_EQ(answer, text);
  }
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_EQ(process.exit_json, R"({"reason":"exit","code":0})");
}

TEST_P(VmTest, ConnectsThroughTheGatewayOnly) {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  TenderProcess process(Arguments("connect", {"--arg", port, "--gateway-port", port}));
  const UniqueFd connection(accept(listener.get(), nullptr, nullptr));
  char text[8] = {};
  EXPECT_EQ(read(connection.get(), text, sizeof text), 2);
  EXPECT_EQ(write(connection.get(), "there", 5), 5);
  EXPECT_EQ(process.Wait(), 0);
  const auto values = process.Values();
  EXPECT_EQ(values.at("connected"), "1");
  EXPECT_EQ(values.at("received"), "5");
  EXPECT_EQ(values.at("loopback"), "-" + std::to_string(EACCES));
  EXPECT_EQ(values.at("udp"), "1");
}

TEST_P(VmTest, StatsAndConfinement) {
  TenderProcess process(Arguments("idle"));
  ASSERT_TRUE(process.WaitFor(FrameType::kReady));
  process.Send(FrameType::kStatsRequest);
  const auto stats = process.WaitFor(FrameType::kStats);
  ASSERT_TRUE(stats);
  EXPECT_NE(stats->payload.find("\"tender\":\"" + tender() + "\""), std::string::npos) << stats->payload;
  const auto pids = PidsOf(stats->payload);
  ASSERT_EQ(pids.size(), kvm() ? 1u : 2u);
  EXPECT_EQ(pids[0], process.pid());
  for (const pid_t pid : pids) {
    EXPECT_EQ(StatusField(pid, "Seccomp"), "2") << pid;
    EXPECT_EQ(StatusField(pid, "NoNewPrivs"), "1") << pid;
    EXPECT_EQ(StatusField(pid, "CapInh"), "0000000000000000") << pid;
    // KVM gives a VM a kernel thread of its own (huge page recovery).
    EXPECT_LE(std::stoi(StatusField(pid, "Threads")), kvm() ? 2 : 1) << pid;
  }
  if (!kvm()) {
    EXPECT_EQ(StatusField(pids[1], "CapEff"), "0000000000000000");
    if (geteuid() == 0) {
      EXPECT_EQ(StatusField(pids[1], "Uid").substr(0, 5), "65534");
    }
    std::error_code ignored;
    size_t descriptors = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pids[1]) + "/fd", ignored)) {
      EXPECT_EQ(entry.path().filename(), "0");
      ++descriptors;
    }
    if (!ignored) {
      EXPECT_EQ(descriptors, 1u);
    }
    // Nothing but the guest's own regions (and the kernel's vsyscall page) is mapped.
    std::ifstream maps("/proc/" + std::to_string(pids[1]) + "/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find("[vsyscall]") != std::string::npos) continue;
      const uint64_t start = std::stoull(line, nullptr, 16),
                     end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
      EXPECT_GE(start, EBB_LOW_END) << line;
      EXPECT_LE(end, EBB_ARENA_END) << line;
      EXPECT_EQ(line.find("rwx"), std::string::npos) << line;
    }
  }
}

// A process that was stopped (or its cgroup frozen) resumes a wait that has a timeout by a system call of its own.
TEST_P(VmTest, AWaitWithATimeoutOutlivesAStop) {
  TenderProcess process(Arguments("naps"));
  while (!process.Values().contains("napping")) ASSERT_TRUE(process.WaitFor(FrameType::kLog));
  for (const pid_t pid : Pids(process)) {
    for (int i = 0; i < 5; ++i) {
      kill(pid, SIGSTOP);
      std::this_thread::sleep_for(10ms);
      kill(pid, SIGCONT);
      std::this_thread::sleep_for(10ms);
    }
  }
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_EQ(process.exit_json, R"({"reason":"exit","code":0})");
  EXPECT_GE(std::stoll(process.Values()["naptimeMs"]), 999);
}

TEST_P(VmTest, AnIdleVmMakesNoWakeUp) {
  TenderProcess process(Arguments("idle"));
  ASSERT_TRUE(process.WaitFor(FrameType::kReady));
  process.Send(FrameType::kStatsRequest);
  const auto stats = process.WaitFor(FrameType::kStats);
  ASSERT_TRUE(stats);
  const auto switches = [&] {
    int64_t sum = 0;
    for (const pid_t pid : PidsOf(stats->payload)) sum += std::stoll("0" + StatusField(pid, "voluntary_ctxt_switches"));
    return sum;
  };
  std::this_thread::sleep_for(300ms);  // past the clock's one rebase
  const int64_t before = switches();
  std::this_thread::sleep_for(2s);
  EXPECT_EQ(switches(), before);
}

TEST_P(VmTest, ASpinningGuestCanBeAskedAndEnded) {
  TenderProcess process(Arguments("spin"));
  while (!process.Values().contains("spinning")) ASSERT_TRUE(process.WaitFor(FrameType::kLog));
  process.Send(FrameType::kStatsRequest);
  ASSERT_TRUE(process.WaitFor(FrameType::kStats));
  // SYNC delivers what lies in the ring, though the guest never enters.
  Eventually([&] {
    process.Send(FrameType::kSync, "token123");
    const auto synced = process.WaitFor(FrameType::kSynced);
    EXPECT_TRUE(synced);
    EXPECT_EQ(synced->payload, "token123");
    return process.Log(EBB_LOG_STDOUT) == "last words\n";
  });
  EXPECT_EQ(process.Log(EBB_LOG_STDOUT), "last words\n");
  process.Send(FrameType::kEnd);
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_EQ(process.exit_json, R"({"reason":"ended"})");
}

TEST_P(VmTest, StopSignalsEndItCleanly) {
  for (const int stop : {SIGTERM, SIGINT, SIGHUP}) {
    for (const char* scenario : {"idle", "spin"}) {
      const std::string socket_path = TemporaryPath(tender() + "stop.sock");
      TenderProcess process(Arguments(scenario, {"--socket", socket_path}));
      ASSERT_TRUE(process.WaitFor(scenario == std::string("idle") ? FrameType::kReady : FrameType::kLog));
      kill(process.pid(), stop);
      EXPECT_EQ(process.Wait(), 0);
      EXPECT_EQ(process.exit_json, R"({"reason":"ended"})");
      EXPECT_FALSE(std::filesystem::exists(socket_path));
    }
  }
}

TEST_P(VmTest, DiesWithItsParent) {
  for (const char* scenario : {"idle", "spin"}) {
    TenderProcess process(Arguments(scenario));
    ASSERT_TRUE(process.WaitFor(scenario == std::string("idle") ? FrameType::kReady : FrameType::kLog));
    const auto pids = Pids(process);
    process.CloseChannel();
    EXPECT_EQ(process.Wait(), 0);
    for (const pid_t pid : pids) EXPECT_TRUE(Eventually([&] { return !Alive(pid); })) << pid;
  }
}

TEST_P(VmTest, LeavesNothingWhenKilled) {
  TenderProcess process(Arguments("spin"));
  ASSERT_TRUE(process.WaitFor(FrameType::kLog));
  const auto pids = Pids(process);
  kill(process.pid(), SIGKILL);
  EXPECT_EQ(process.Wait(), 128 + SIGKILL);
  for (const pid_t pid : pids) EXPECT_TRUE(Eventually([&] { return !Alive(pid); })) << pid;
}

TEST_P(VmTest, AParentThatDoesNotReadHoldsTheGuestBack) {
  TenderProcess process(Arguments("flood"));
  ASSERT_TRUE(process.WaitFor(FrameType::kLog));
  std::this_thread::sleep_for(300ms);
  // Held back, not buffered: the tender stays small.
  EXPECT_LT(std::stoll("0" + StatusField(process.pid(), "RssAnon")), 20000);
  // The end gets through though the channel is full.
  process.Send(FrameType::kEnd);
  EXPECT_TRUE(Eventually([&] { return !Alive(process.pid()); }));
}

TEST_P(VmTest, LogsComeAtTheirRate) {
  TenderProcess process(Arguments("flood", {"--log-rate", "1"}));
  ASSERT_TRUE(process.WaitFor(FrameType::kLog));
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < 1500ms) ASSERT_TRUE(process.WaitFor(FrameType::kLog));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double mib = static_cast<double>(process.Log(EBB_LOG_STDOUT).size()) / (1 << 20);
  // Twice the rate at once, and a second's worth for the time before the first was held back.
  EXPECT_LT(mib, 2 + 1 + seconds + 0.5);
  EXPECT_GT(mib, 2.5);
  // A guest that is held back can be asked and ended.
  process.Send(FrameType::kStatsRequest);
  ASSERT_TRUE(process.WaitFor(FrameType::kStats));
  process.Send(FrameType::kEnd);
  EXPECT_EQ(process.Wait(), 0);
}

TEST_P(VmTest, MalformedRequestsEndTheVm) {
  for (const std::string& bytes :
       {std::string(16, '\xff'), std::string("\x08\0\0\0\x63\0\0\0\0\0\0\0\0\0\0\0garbage!", 24),
        std::string("\x01\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0x", 17)}) {
    TenderProcess process(Arguments("idle"));
    ASSERT_TRUE(process.WaitFor(FrameType::kReady));
    const FrameHeader* header = reinterpret_cast<const FrameHeader*>(bytes.data());
    process.Send(static_cast<FrameType>(header->type), bytes.substr(16));
    EXPECT_EQ(process.Wait(), 0);
    EXPECT_EQ(process.exit_json, R"({"reason":"ended"})");
  }
}

TEST(ProcessTender, HostileRawSyscallsAreHarmless) {
  if (const std::string reason = SanitizerInTheWay(); !reason.empty()) GTEST_SKIP() << reason;
  const auto result = RunScenario("process", "hostile", {"--memory", "64"});
  EXPECT_EQ(result.exit_json, R"({"reason":"exit","code":0})");
  EXPECT_EQ(NumberOf(result, "userWrite"), 1001);
  EXPECT_EQ(NumberOf(result, "userFutex"), 1202);
  EXPECT_EQ(NumberOf(result, "userExit"), 1231);
  EXPECT_EQ(NumberOf(result, "alive"), 1);
  EXPECT_EQ(NumberOf(result, "forgedLimitHolds"), 1);
  size_t calls = 0;
  for (const auto& [name, value] : result.values) {
    if (name.compare(0, 4, "user") == 0 || name == "alive") continue;
    EXPECT_EQ(value, "1") << name;
    ++calls;
  }
  EXPECT_GE(calls, 40u);
}

TEST(ProcessTender, I386SyscallsKill) {
  if (const std::string reason = SanitizerInTheWay(); !reason.empty()) GTEST_SKIP() << reason;
  const auto result = RunScenario("process", "int80");
  EXPECT_EQ(result.exit_json, R"({"reason":"fault","signal":"SIGSYS","process":"guest"})");
}

TEST(Tender, FailuresAreOneLineWithACode) {
  const auto run = [](const std::string& arguments) {
    const std::string path = TemporaryPath("stderr");
    const int status = std::system((std::string(EBB_TENDER_BINARY) + " " + arguments + " 2>" + path).c_str());
    std::ifstream file(path);
    std::string line, more;
    std::getline(file, line);
    EXPECT_FALSE(std::getline(file, more)) << more;
    return std::to_string(WEXITSTATUS(status)) + " " + line.substr(0, line.find(':'));
  };
  EXPECT_EQ(run("run"), "2 TENDER_USAGE");
  EXPECT_EQ(run("run --image /nonexistent"), "2 TENDER_IMAGE_MISSING");
  EXPECT_EQ(run("run --image /dev/null"), "2 TENDER_IMAGE_BAD");
  EXPECT_EQ(run("verify --image /dev/null"), "2 TENDER_IMAGE_BAD");
  EXPECT_EQ(run("run --image " + TestImage() + " --report-fd 0 </dev/null"), "2 TENDER_CHANNEL_BAD");
  EXPECT_EQ(run("run --image " + TestImage() + " --report-fd 77"), "2 TENDER_CHANNEL_BAD");
  EXPECT_EQ(run("run --image " + TestImage() + " --tender process --socket /nonexistent/s"), "2 TENDER_SOCKET");
  EXPECT_EQ(run("filters --tender qemu"), "2 TENDER_USAGE");
}

TEST(Tender, ErrorsAreAlsoAFrame) {
  TenderProcess process({"--image", "/nonexistent"});
  EXPECT_EQ(process.Wait(), 2);
  EXPECT_NE(process.exit_json.find(R"({"reason":"tender","detail":"TENDER_IMAGE_MISSING)"), std::string::npos)
      << process.exit_json;
}

TEST(Tender, AutoTakesWhatThereIs) {
  if (const std::string reason = SanitizerInTheWay(); !reason.empty()) GTEST_SKIP() << reason;
  const auto result = RunScenario("auto", "basic");
  EXPECT_EQ(result.status, 7);
  EXPECT_EQ(NumberOf(result, "tender"), KvmMissing().empty() ? EBB_TENDER_KVM : EBB_TENDER_PROCESS);
}

}  // namespace
}  // namespace ebb::tender
