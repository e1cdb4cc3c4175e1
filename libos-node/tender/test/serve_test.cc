// The server as a program, with the test guest: a template parked once, clones that differ from it and from each other,
// confined like guests that booted, and nothing left when anybody ends.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "image_builder.h"
#include "tender_process.h"

namespace ebb::tender {
namespace {

using namespace std::chrono_literals;

class ServeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = SanitizerInTheWay(); !reason.empty()) GTEST_SKIP() << reason;
  }
  std::vector<std::string> Arguments(const std::string& memory = "64") const {
    return {"--image", TestImage(), "--tender", "process", "--memory",   memory,
            "--arg",   "template",  "--listen", listen_,   "--snapshot", snapshot_};
  }
  TenderProcess Start() { return TenderProcess(Arguments(), "serve"); }
  // Whether the server had to boot a template, and why.
  static std::string Why(TenderProcess& server) {
    server.Send(FrameType::kStatsRequest);
    const std::string stats = server.WaitFor(FrameType::kStats).value().payload;
    const size_t at = stats.find("\"why\":\"") + 7;
    return stats.substr(at, stats.find_first_of(":\"", at) - at);
  }
  TenderProcess Clone(const std::vector<std::string>& options = {}) { return TenderProcess::Clone(listen_, options); }

  std::string name_ = testing::UnitTest::GetInstance()->current_test_info()->name();
  std::string listen_ = TemporaryPath(name_ + ".l");
  std::string snapshot_ = TemporaryPath(name_ + ".snapshot");
};

class TemplateTest : public ServeTest, public testing::WithParamInterface<std::string> {};

TEST_P(TemplateTest, ClonesGoOnWhereItParked) {
  if (GetParam() == "kvm" && !KvmMissing().empty()) GTEST_SKIP() << KvmMissing();
  listen_ = TemporaryPath(GetParam() + "-template.l"), snapshot_ = TemporaryPath(GetParam() + "-template.snapshot");
  auto arguments = Arguments();
  arguments.insert(arguments.end(), {"--tender", GetParam()});
  TenderProcess server(arguments, "serve");
  ASSERT_TRUE(server.WaitFor(FrameType::kReady)) << server.exit_json;
  std::set<std::string> randoms;
  for (int i = 1; i <= 5; ++i) {
    TenderProcess clone = Clone();
    ASSERT_TRUE(clone.WaitFor(FrameType::kReady)) << clone.exit_json;
    const auto values = clone.Values();
    EXPECT_EQ(values.at("generation"), std::to_string(i));
    EXPECT_EQ(values.at("kept"), "42");
    EXPECT_EQ(values.at("written"), "2");
    EXPECT_EQ(values.at("clockWentOn"), "1");
    EXPECT_EQ(values.at("bootInfo"), "1");
    EXPECT_EQ(values.at("readNone"), "14 1 77 1");
    EXPECT_EQ(values.at("writeReadOnly"), "14 1 77 1");
    EXPECT_EQ(values.at("back"), "0");
    EXPECT_EQ(values.at("keptBehind"), "43");
    EXPECT_EQ(values.at("held"), "0");
    EXPECT_EQ(values.at("beyond"), "-12");
    if (GetParam() == "process") {
      EXPECT_EQ(values.at("getpid"), "1039");
    }
    EXPECT_EQ(values.at("randomResult"), "0");
    EXPECT_FALSE(values.contains("unasked"));  // said by the template, long ago
    randoms.insert(values.at("random"));
    clone.Send(FrameType::kEnd);
    clone.Wait();
    EXPECT_EQ(clone.exit_json, R"({"reason":"ended"})");
  }
  EXPECT_EQ(randoms.size(), 5u);
}

// What the LibOS makes of it: test/templates/entropy.test.ts.
TEST_P(TemplateTest, ACloneOfAHostWithoutEntropyIsToldSo) {
  if (GetParam() == "kvm" && !KvmMissing().empty()) GTEST_SKIP() << KvmMissing();
  snapshot_ = TemporaryPath(GetParam() + "-entropy.snapshot");
  const auto arguments = [&](const std::string& listen) {
    listen_ = TemporaryPath(GetParam() + listen);
    auto result = Arguments();
    result.insert(result.end(), {"--tender", GetParam()});
    return result;
  };
  {
    // A template is not made without entropy either: its file has a random number.
    TenderProcess maker(arguments("-entropy.l"), "serve");
    ASSERT_TRUE(maker.WaitFor(FrameType::kReady)) << maker.exit_json;
  }
  TenderProcess server(arguments("-no-entropy.l"), "serve", EBB_WITHOUT_ENTROPY);
  ASSERT_TRUE(server.WaitFor(FrameType::kReady)) << server.exit_json;
  TenderProcess clone = Clone();
  ASSERT_TRUE(clone.WaitFor(FrameType::kReady)) << clone.exit_json;
  EXPECT_EQ(clone.Values().at("randomResult"), "-5");
  EXPECT_EQ(clone.Values().at("random"), "0");
}

INSTANTIATE_TEST_SUITE_P(Tenders, TemplateTest, testing::Values("process", "kvm"),
                         [](const auto& tender) { return tender.param; });

std::string Sandbox(TenderProcess& process) {
  process.Send(FrameType::kStatsRequest);
  const std::string stats = process.WaitFor(FrameType::kStats).value().payload;
  const size_t at = stats.find("\"sandbox\":");
  return stats.substr(at, stats.find('}', at) - at);
}

TEST_F(ServeTest, AClonesConfinementIsThatOfAGuestThatBooted) {
  TenderProcess server = Start();
  ASSERT_TRUE(server.WaitFor(FrameType::kReady)) << server.exit_json;
  TenderProcess clone = Clone();
  TenderProcess booted({"--image", TestImage(), "--tender", "process", "--memory", "64", "--arg", "idle"});
  ASSERT_TRUE(clone.WaitFor(FrameType::kReady));
  ASSERT_TRUE(booted.WaitFor(FrameType::kReady));
  EXPECT_EQ(Sandbox(clone), Sandbox(booted));
  const auto clones = Pids(clone), booteds = Pids(booted);
  ASSERT_EQ(clones.size(), 2u);
  ASSERT_EQ(booteds.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    for (const char* field : {"Seccomp", "NoNewPrivs", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Uid", "Gid",
                              "Groups", "Threads", "SigBlk", "SigIgn", "SigCgt"}) {
      EXPECT_EQ(StatusField(clones[i], field), StatusField(booteds[i], field)) << field << " " << i;
    }
    EXPECT_EQ(StatusField(clones[i], "Seccomp"), "2");
  }
  const auto limits = [](pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/limits");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  };
  EXPECT_EQ(limits(clones[1]), limits(booteds[1]));
  const auto links = [](pid_t pid, const char* folder) {
    std::set<std::string> names;
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/" + folder, ignored)) {
      names.insert(entry.path().filename());
    }
    return names;
  };
  EXPECT_EQ(links(clones[1], "fd"), links(booteds[1], "fd"));
  std::ifstream maps("/proc/" + std::to_string(clones[1]) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("[vsyscall]") != std::string::npos) continue;
    const uint64_t start = std::stoull(line, nullptr, 16),
                   end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
    EXPECT_GE(start, EBB_LOW_END) << line;
    EXPECT_LE(end, EBB_ARENA_END) << line;
    EXPECT_EQ(line.find("rwx"), std::string::npos) << line;
    // The zygote's code is gone.
    EXPECT_FALSE(start < 0x11010000 && end > 0x11001000) << line;
  }
}

TEST_F(ServeTest, NothingIsLeftWhoeverEnds) {
  TenderProcess server = Start();
  ASSERT_TRUE(server.WaitFor(FrameType::kReady)) << server.exit_json;
  const auto ended = [](const std::vector<pid_t>& pids) {
    return Eventually([&] { return std::none_of(pids.begin(), pids.end(), Alive); });
  };
  TenderProcess asked = Clone(), closed = Clone(), killed = Clone(), guest_killed = Clone(), left = Clone();
  std::vector<std::vector<pid_t>> pids;
  for (TenderProcess* clone : {&asked, &closed, &killed, &guest_killed, &left}) {
    ASSERT_TRUE(clone->WaitFor(FrameType::kReady));
    pids.push_back(Pids(*clone));
    ASSERT_EQ(pids.back().size(), 2u);
  }
  asked.Send(FrameType::kEnd);
  EXPECT_TRUE(ended(pids[0]));
  closed.CloseChannel();
  EXPECT_TRUE(ended(pids[1]));
  kill(pids[2][0], SIGKILL);
  EXPECT_TRUE(ended(pids[2]));
  kill(pids[3][1], SIGKILL);
  EXPECT_TRUE(ended(pids[3]));
  guest_killed.Wait();
  EXPECT_NE(guest_killed.exit_json.find(R"("reason":"fault")"), std::string::npos) << guest_killed.exit_json;
  EXPECT_TRUE(Alive(pids[4][0]) && Alive(pids[4][1]));
  auto all = Pids(server);
  ASSERT_EQ(all.size(), 2u);
  all.insert(all.end(), pids[4].begin(), pids[4].end());
  kill(server.pid(), SIGKILL);
  EXPECT_TRUE(ended(all));
}

TEST_F(ServeTest, AServerThatIsClosedTakesItsClonesAlong) {
  TenderProcess server = Start();
  ASSERT_TRUE(server.WaitFor(FrameType::kReady)) << server.exit_json;
  TenderProcess clone = Clone();
  ASSERT_TRUE(clone.WaitFor(FrameType::kReady));
  auto pids = Pids(server);
  for (const pid_t pid : Pids(clone)) pids.push_back(pid);
  server.CloseChannel();
  EXPECT_EQ(server.Wait(), 0);
  for (const pid_t pid : pids) EXPECT_TRUE(Eventually([&] { return !Alive(pid); })) << pid;
  EXPECT_FALSE(std::filesystem::exists(listen_));
}

TEST_F(ServeTest, RequestsThatMakeNoSenseGetNoVm) {
  TenderProcess server = Start();
  ASSERT_TRUE(server.WaitFor(FrameType::kReady)) << server.exit_json;
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--nonsense"}, {"--port", "x"}, {"--socket", "/nonexistent/folder/s"}}) {
    TenderProcess clone = Clone(options);
    clone.Wait();
    EXPECT_NE(clone.exit_json.find(R"({"reason":"tender","detail":"TENDER_)"), std::string::npos) << clone.exit_json;
  }
  TenderProcess clone = Clone();
  EXPECT_TRUE(clone.WaitFor(FrameType::kReady));
}

TEST_F(ServeTest, ARestartTakesTheFileUnlessItIsDamagedOrOfAnotherVm) {
  const auto why = [&](const std::vector<std::string>& arguments) {
    TenderProcess server(arguments, "serve");
    EXPECT_TRUE(server.WaitFor(FrameType::kReady)) << server.exit_json;
    TenderProcess clone = Clone();
    EXPECT_TRUE(clone.WaitFor(FrameType::kReady));
    EXPECT_EQ(clone.Values().at("kept"), "42");
    const std::string text = Why(server);
    server.CloseChannel();
    server.Wait();
    return text;
  };
  EXPECT_EQ(why(Arguments()), "TENDER_SNAPSHOT_MISSING");
  struct stat info{};
  ASSERT_EQ(stat(snapshot_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(why(Arguments()), "");
  EXPECT_EQ(why(Arguments("32")), "TENDER_SNAPSHOT_STALE");
  EXPECT_EQ(why(Arguments()), "TENDER_SNAPSHOT_STALE");
  auto other = Arguments();
  other.insert(other.end(), {"--env", "A=1"});
  EXPECT_EQ(why(other), "TENDER_SNAPSHOT_STALE");
  EXPECT_EQ(why(Arguments()), "TENDER_SNAPSHOT_STALE");
  {
    std::fstream file(snapshot_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-100, std::ios::end);
    file.put('!');
  }
  EXPECT_EQ(why(Arguments()), "TENDER_SNAPSHOT_BAD");
  EXPECT_EQ(why(Arguments()), "");
}

TEST_F(ServeTest, ATemplateThatDiesIsAnErrorWithItsReason) {
  TenderProcess server({"--image", TestImage(), "--arg", "panic", "--listen", listen_, "--snapshot", snapshot_},
                       "serve");
  EXPECT_EQ(server.Wait(), 2);
  EXPECT_NE(server.exit_json.find("the template ended"), std::string::npos) << server.exit_json;
  EXPECT_FALSE(std::filesystem::exists(snapshot_));
}

}  // namespace
}  // namespace ebb::tender
