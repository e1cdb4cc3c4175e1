// Snapshots of functions, with the server as a program and the test guest: what a clone had become is what the clones
// of its snapshot find, the clone itself goes on unharmed, and a file that is damaged or of another template is
// refused.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "image_builder.h"
#include "tender_process.h"

namespace ebb::tender {
namespace {

using namespace std::chrono_literals;

std::string Bytes(const auto& value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

class FunctionTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (const std::string reason = SanitizerInTheWay(); !reason.empty()) GTEST_SKIP() << reason;
    if (GetParam() == "kvm" && !KvmMissing().empty()) GTEST_SKIP() << KvmMissing();
  }
  TenderProcess Start(const std::string& memory = "64") {
    TenderProcess server({"--image", image_, "--tender", GetParam(), "--memory", memory, "--arg", "template",
                          "--listen", listen_, "--snapshot", snapshot_},
                         "serve");
    EXPECT_TRUE(server.WaitFor(FrameType::kReady)) << server.exit_json;
    return server;
  }
  TenderProcess Clone(const std::vector<std::string>& options) {
    TenderProcess clone = TenderProcess::Clone(listen_, options);
    EXPECT_TRUE(clone.WaitFor(FrameType::kReady)) << clone.exit_json;
    return clone;
  }
  // The clone's state, parked; empty when it does not come to rest.
  static std::string Park(TenderProcess& clone, uint32_t rest_ms = 5000, uint32_t hold_ms = 5000) {
    clone.Send(FrameType::kPark, Bytes(ParkRequest{rest_ms, hold_ms}));
    return clone.WaitFor(FrameType::kParked).value().payload;
  }
  static bool Resume(TenderProcess& clone) {
    clone.Send(FrameType::kResume);
    return clone.WaitFor(FrameType::kResumed).value().payload == std::string(1, '\1');
  }
  // The JSON of the capture's end.
  std::string Capture(TenderProcess& clone, const std::string& id, bool commit = true) {
    const std::string state = Park(clone);
    EXPECT_EQ(state.size(), sizeof(ParkedState));
    TenderProcess capture = TenderProcess::Connect(listen_);
    capture.Send(FrameType::kCapture, state + id + '\0' + function_ + '\0');
    const bool captured = capture.WaitFor(FrameType::kCaptured).has_value();
    EXPECT_TRUE(Resume(clone));
    if (captured && commit) capture.Send(FrameType::kCommit);
    if (captured && !commit) return "";
    capture.Wait();
    return capture.exit_json;
  }
  std::string Refusal() {
    TenderProcess clone = TenderProcess::Clone(listen_, {"--function", function_});
    clone.Wait();
    const size_t at = clone.exit_json.find("TENDER_");
    return at == std::string::npos ? clone.exit_json : clone.exit_json.substr(at, clone.exit_json.find(':', at) - at);
  }
  static void ExpectFunction(TenderProcess& clone, int generation, int round) {
    const auto values = clone.Values();
    EXPECT_EQ(values.at("function"), std::to_string(generation));
    EXPECT_EQ(values.at("round"), std::to_string(round));
    EXPECT_EQ(values.at("clockWentOn"), "1");
    EXPECT_EQ(values.at("kept"), "44");
    EXPECT_EQ(values.at("written"), std::to_string(5 + round));
    EXPECT_EQ(values.at("zero"), "0");
    EXPECT_EQ(values.at("gone").substr(0, 5), "14 1 ");
    EXPECT_EQ(values.at("writeReadOnly").substr(0, 5), "14 1 ");
    // Write protection is that of the page's last protection, whichever tender.
    EXPECT_EQ(values.at("writeCode").substr(0, 5), "14 1 ");
    EXPECT_EQ(values.at("code"), "195");
    EXPECT_EQ(values.at("beyond"), "-12");
    EXPECT_EQ(values.at("released"), "0");
    EXPECT_EQ(values.at("again"), "0");
    EXPECT_EQ(values.at("fresh"), "0");
    EXPECT_FALSE(values.contains("wentOn"));
  }

  std::string name_ = [] {
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '-');
    return name;
  }();
  std::string listen_ = TemporaryPath(name_ + ".l");
  std::string snapshot_ = TemporaryPath(name_ + ".snapshot");
  std::string image_ = TestImage();
  std::string function_ = TemporaryPath(name_ + ".function");
};

TEST_P(FunctionTest, ClonesGoOnWhereTheFunctionParkedAndItGoesOnToo) {
  TenderProcess server = Start();
  TenderProcess clone = Clone({"--id", "one"});
  EXPECT_EQ(Capture(clone, "one"), R"({"reason":"ended"})");
  EXPECT_EQ(Park(clone).size(), sizeof(ParkedState));  // it has logged by then
  EXPECT_TRUE(Resume(clone));
  EXPECT_EQ(clone.Values().at("wentOn"), "1");
  struct stat info{};
  ASSERT_EQ(stat(function_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_LT(info.st_size, 200000);
  // The third and later ones of the process tender come from a zygote of the function.
  for (int i = 2; i <= 6; ++i) {
    TenderProcess warm = Clone({"--function", function_});
    ExpectFunction(warm, i, 1);
    EXPECT_EQ(StatusField(Pids(warm).back(), "Seccomp"), "2");
  }
  // The template is what it was.
  TenderProcess cold = Clone({});
  EXPECT_EQ(cold.Values().at("kept"), "42");
  EXPECT_FALSE(cold.Values().contains("function"));
}

TEST_P(FunctionTest, ACloneOfAFunctionCanBeSnapshottedAgain) {
  TenderProcess server = Start();
  TenderProcess clone = Clone({"--id", "one"});
  EXPECT_EQ(Capture(clone, "one"), R"({"reason":"ended"})");
  TenderProcess second = Clone({"--id", "two", "--function", function_});
  EXPECT_EQ(Capture(second, "two"), R"({"reason":"ended"})");
  TenderProcess third = Clone({"--function", function_});
  ExpectFunction(third, 3, 2);
  // Also from a zygote of the function, whose pages it shares.
  TenderProcess fourth = Clone({"--function", function_});
  TenderProcess fifth = Clone({"--id", "five", "--function", function_});
  EXPECT_EQ(Capture(fifth, "five"), R"({"reason":"ended"})");
  TenderProcess sixth = Clone({"--function", function_});
  ExpectFunction(sixth, 6, 3);
}

// Clones under KVM have no zygote.
class ZygoteTest : public FunctionTest {};
INSTANTIATE_TEST_SUITE_P(Tenders, ZygoteTest, testing::Values("process"));

std::set<pid_t> ChildrenOf(pid_t parent) {
  std::ifstream file("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children");
  std::set<pid_t> pids;
  for (pid_t pid = 0; file >> pid;) pids.insert(pid);
  return pids;
}

// The one child of the template's zygote that is none of these clones.
pid_t ZygoteOfFunction(pid_t zygote, std::initializer_list<TenderProcess*> clones) {
  std::set<pid_t> children = ChildrenOf(zygote);
  for (TenderProcess* clone : clones) children.erase(Pids(*clone).back());
  return children.size() == 1 ? *children.begin() : -1;
}

TEST_P(ZygoteTest, AZygoteOfAFunctionMayDie) {
  TenderProcess server = Start();
  TenderProcess clone = Clone({"--id", "one"});
  EXPECT_EQ(Capture(clone, "one"), R"({"reason":"ended"})");
  TenderProcess first = Clone({"--function", function_}), second = Clone({"--function", function_});
  const pid_t of_function = ZygoteOfFunction(Pids(server).back(), {&clone, &first, &second});
  ASSERT_GT(of_function, 0);
  TenderProcess third = Clone({"--function", function_});
  ExpectFunction(third, 4, 1);
  kill(of_function, SIGKILL);
  // Its clone lives on, and the next one is the template's.
  TenderProcess fourth = Clone({"--function", function_});
  ExpectFunction(fourth, 5, 1);
  EXPECT_EQ(Park(third).size(), sizeof(ParkedState));
  EXPECT_TRUE(Resume(third));
}

TEST_P(ZygoteTest, AZygoteOfAFunctionThatComesLateMakesNoSecondGuest) {
  TenderProcess server = Start();
  TenderProcess clone = Clone({"--id", "one"});
  EXPECT_EQ(Capture(clone, "one"), R"({"reason":"ended"})");
  TenderProcess first = Clone({"--function", function_}), second = Clone({"--function", function_});
  const pid_t zygote = Pids(server).back();
  const pid_t of_function = ZygoteOfFunction(zygote, {&clone, &first, &second});
  ASSERT_GT(of_function, 0);
  kill(of_function, SIGSTOP);
  // The server gives it ten seconds.
  TenderProcess third = Clone({"--function", function_});
  kill(of_function, SIGCONT);
  ExpectFunction(third, 4, 1);
  // It answers nobody, and ends; the clone that it made ends before.
  const std::set<pid_t> clones = {Pids(clone).back(), Pids(first).back(), Pids(second).back(), Pids(third).back()};
  for (int i = 0; i < 500 && ChildrenOf(zygote) != clones; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(ChildrenOf(zygote), clones);
  EXPECT_EQ(Park(third).size(), sizeof(ParkedState));
  EXPECT_TRUE(Resume(third));
}

TEST_P(FunctionTest, ACloneThatCopiesPagesAtOnceIsStillTheTemplate) {
  TenderProcess server = Start();
  TenderProcess clone = Clone({"--id", "one"});
  EXPECT_EQ(Capture(clone, "one"), R"({"reason":"ended"})");
  // A file that is not there, or of no use, costs time only.
  std::ofstream(function_ + ".bad") << "no snapshot";
  for (const std::string file : {"", ".bad", ".missing"}) {
    TenderProcess cold = Clone({"--prefault", function_ + file});
    EXPECT_EQ(cold.Values().at("kept"), "42");
    EXPECT_FALSE(cold.Values().contains("function"));
  }
}

TEST_P(FunctionTest, WhoeverReadsNeedsNoRoot) {
  if (GetParam() == "kvm" && geteuid() == 0) GTEST_SKIP() << "/dev/kvm is root's";
  // A user of its own, in namespaces where these are permitted.
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    const std::string folder = "/tmp/ebb-function-" + std::to_string(getpid());
    std::string image = image_;
    image_ = "/tmp/ebb-function-image-" + std::to_string(getpid());
    std::filesystem::copy_file(image, image_);
    chmod(image_.c_str(), 0444);
    if (geteuid() == 0 && (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)) _exit(10);
    if (mkdir(folder.c_str(), 0700) != 0) _exit(11);
    listen_ = folder + "/l", snapshot_ = folder + "/s", function_ = folder + "/f";
    int failed = 0;
    try {
      TenderProcess server = Start();
      TenderProcess clone = Clone({"--id", "one"});
      const std::string end = Capture(clone, "one");
      if (end != R"({"reason":"ended"})") std::fprintf(stderr, "%s\n", end.c_str()), failed = 12;
      TenderProcess warm = Clone({"--function", function_});
      if (warm.Values()["kept"] != "44") failed = 13;
      // The guest itself is closed: nobody but the server may look.
      if (GetParam() == "process") {
        const UniqueFd memory(open(("/proc/" + std::to_string(Pids(warm).back()) + "/mem").c_str(), O_RDONLY));
        if (memory) failed = 14;
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      failed = 16;
    }
    std::filesystem::remove_all(folder);
    _exit(HasFailure() ? 15 : failed);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  std::filesystem::remove("/tmp/ebb-function-image-" + std::to_string(pid));
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_P(FunctionTest, AGuestThatIsForgottenOrBusyGoesOn) {
  TenderProcess server = Start();
  TenderProcess clone = Clone({"--id", "one"});
  EXPECT_EQ(Park(clone, 5000, 50).size(), sizeof(ParkedState));
  std::this_thread::sleep_for(200ms);
  EXPECT_FALSE(Resume(clone));
  EXPECT_FALSE(Resume(clone));
  EXPECT_EQ(Park(clone).size(), sizeof(ParkedState));
  EXPECT_EQ(Park(clone), "");  // it is parked
  EXPECT_TRUE(Resume(clone));
  EXPECT_EQ(clone.Values().at("wentOn"), "1");
  TenderProcess busy({"--image", TestImage(), "--tender", GetParam(), "--arg", "spin"});
  EXPECT_TRUE(busy.WaitFor(FrameType::kLog));
  EXPECT_EQ(Park(busy, 50), "");
  EXPECT_FALSE(Resume(busy));
}

TEST_P(FunctionTest, WhatIsNotCommittedOrNotAskedForMakesNoFile) {
  TenderProcess server = Start();
  TenderProcess clone = Clone({"--id", "one"});
  Capture(clone, "one", false);
  EXPECT_NE(Capture(clone, "other").find("TENDER_SNAPSHOT_DENIED"), std::string::npos);
  std::this_thread::sleep_for(100ms);
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(function_).parent_path()))
    EXPECT_EQ(entry.path().string().find(function_), std::string::npos) << entry.path();
  EXPECT_EQ(Refusal(), "TENDER_SNAPSHOT_MISSING");
  EXPECT_EQ(Capture(clone, "one"), R"({"reason":"ended"})");
}

TEST_P(FunctionTest, DamagedAndForeignFilesAreRefused) {
  TenderProcess server = Start();
  {
    TenderProcess clone = Clone({"--id", "one"});
    EXPECT_EQ(Capture(clone, "one"), R"({"reason":"ended"})");
  }
  std::mt19937_64 random(3);
  const auto size = std::filesystem::file_size(function_);
  std::fstream file(function_, std::ios::in | std::ios::out | std::ios::binary);
  const auto flip = [&](uint64_t bit) {
    file.seekg(static_cast<std::streamoff>(bit / 8));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(bit / 8));
    file.put(static_cast<char>(byte ^ 1 << bit % 8));
    file.flush();
  };
  for (int i = 0; i < 200; ++i) {
    const uint64_t bit = i < 100 ? random() % (512 * 8) : random() % (size * 8);
    flip(bit);
    const std::string code = Refusal();
    EXPECT_TRUE(code == "TENDER_SNAPSHOT_BAD" || code == "TENDER_SNAPSHOT_STALE") << bit << " " << code;
    flip(bit);
  }
  Clone({"--function", function_});
  // A template is no function, and a function is of its template alone, were that made in the same way.
  const std::string function = function_;
  function_ = snapshot_;
  EXPECT_EQ(Refusal(), "TENDER_SNAPSHOT_STALE");
  function_ = function;
  server.CloseChannel();
  server.Wait();
  std::filesystem::remove(snapshot_);
  TenderProcess other = Start();
  EXPECT_EQ(Refusal(), "TENDER_SNAPSHOT_STALE");
}

INSTANTIATE_TEST_SUITE_P(Tenders, FunctionTest, testing::Values("process", "kvm"),
                         [](const auto& tender) { return tender.param; });

}  // namespace
}  // namespace ebb::tender
