// A tender that crashes under its own filter: what it says, and how it ends.
#include "tender/crash_dump.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <string>

#include "tender/seccomp/filters.h"
#include "tender_process.h"

namespace ebb::tender {
namespace {

struct Death {
  int status;
  std::string said;
};

// Runs `crash` in a child that is confined as a tender is.
Death Die(const Filter& filter, const std::function<void()>& crash) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], STDERR_FILENO);
    static ebb_core_shared core;
    core.sq_tail = 17;
    crash_facts() = {Phase::kRun, "test", &core, nullptr};
    if (!InstallCrashDump() || !ApplyFilter(filter)) _exit(99);
    crash();
    _exit(98);
  }
  close(ends[1]);
  Death death{};
  char buffer[4096];
  for (ssize_t size; (size = read(ends[0], buffer, sizeof buffer)) > 0;)
    death.said.append(buffer, static_cast<size_t>(size));
  close(ends[0]);
  waitpid(pid, &death.status, 0);
  return death;
}

bool Says(const Death& death, const std::string& text) { return death.said.find(text) != std::string::npos; }

volatile uint64_t* g_wild = reinterpret_cast<volatile uint64_t*>(0x123450);

[[gnu::noinline]] uint64_t Recurse(uint64_t depth) {
  volatile char room[4096] = {};
  return depth == ~0ull ? 0 : Recurse(depth + 1) + static_cast<uint64_t>(room[depth % sizeof room]);
}

class CrashDump : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = SanitizerInTheWay(); !reason.empty()) GTEST_SKIP() << reason;
  }
};

TEST_F(CrashDump, AFaultTellsItsAddressAndEndsWithItsNumber) {
  for (const Filter* filter : {&kBrokerFilter, &kKvmFilter}) {
    const Death death = Die(*filter, [] { *g_wild = 1; });
    EXPECT_TRUE(WIFEXITED(death.status) && WEXITSTATUS(death.status) == 128 + SIGSEGV) << death.status;
    EXPECT_EQ(death.said.compare(0, 19, "ebbtender crash {\"s"), 0) << death.said;
    EXPECT_TRUE(Says(death, R"("signal":"SIGSEGV","address":"0x123450","pid":)")) << death.said;
    EXPECT_TRUE(Says(death, R"("tender":"test","phase":"run","backtrace":["+0x)")) << death.said;
    EXPECT_TRUE(Says(death, R"("registers":{"rip":"0x)")) << death.said;
    EXPECT_TRUE(Says(death, R"("rings":{"sqHead":0,"sqTail":17,)")) << death.said;
    EXPECT_EQ(death.said.substr(death.said.size() - 3), "}}\n") << death.said;
    EXPECT_LT(death.said.size(), 3072u);
  }
}

TEST_F(CrashDump, AFullStackDoesNotSilenceIt) {
  const Death death = Die(kBrokerFilter, [] { Recurse(0); });
  EXPECT_TRUE(WIFEXITED(death.status) && WEXITSTATUS(death.status) == 128 + SIGSEGV) << death.status;
  EXPECT_TRUE(Says(death, R"("signal":"SIGSEGV","address":"0x7)")) << death.said;
}

TEST_F(CrashDump, TerminateIsAnAbortThoughTheFilterLetsNoneBeSent) {
  const Death death = Die(kBrokerFilter, [] { std::terminate(); });
  EXPECT_TRUE(WIFEXITED(death.status) && WEXITSTATUS(death.status) == 128 + SIGABRT) << death.status;
  EXPECT_TRUE(Says(death, R"("signal":"SIGABRT","pid":)")) << death.said;
}

TEST_F(CrashDump, WhatTheFilterKillsIsSilentAndKnownByItsSignal) {
  const Death death = Die(kBrokerFilter, [] { kill(getppid(), 0); });
  EXPECT_TRUE(WIFSIGNALED(death.status) && WTERMSIG(death.status) == SIGSYS) << death.status;
  EXPECT_EQ(death.said, "");
}

TEST_F(CrashDump, NoCoreFileIsWritten) {
  // What seccomp kills would dump core otherwise.
  const Death death = Die(kBrokerFilter, [] { kill(getppid(), 0); });
  EXPECT_FALSE(WCOREDUMP(death.status));
}

}  // namespace
}  // namespace ebb::tender
