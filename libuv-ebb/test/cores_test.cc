// Loops on two cores: posts from another core cost at most one wake-up each, however many there are, and none while the
// loop is awake. Wake-ups are writes to event descriptors; this program's own write(2), which the library calls, counts
// them.
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <thread>
#include <vector>

#include "loop_fixture.h"

namespace {
std::atomic<int> wake_ups{0};
}

extern "C" ssize_t write(int fd, const void* data, size_t size) {
  char link[32], target[32] = {};
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  if (readlink(link, target, sizeof(target) - 1) > 0 && std::string_view(target) == "anon_inode:[eventfd]") ++wake_ups;
  return syscall(SYS_write, fd, data, size);
}

namespace ebb::uv::test {
namespace {

// Two cores that this process may use, or none.
std::vector<int> TwoCores() {
  cpu_set_t allowed;
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return cores;
  for (int cpu = 0; cpu < CPU_SETSIZE && cores.size() < 2; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cores.push_back(cpu);
  }
  if (cores.size() < 2) cores.clear();
  return cores;
}

void StayOn(int core) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ASSERT_EQ(pthread_setaffinity_np(pthread_self(), sizeof(one), &one), 0);
}

class CoresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    pthread_getaffinity_np(pthread_self(), sizeof(before_), &before_);
    cores_ = TwoCores();
    if (cores_.empty()) GTEST_SKIP() << "needs two cores";
    wake_ups = 0;
  }
  void TearDown() override { pthread_setaffinity_np(pthread_self(), sizeof(before_), &before_); }
  std::vector<int> cores_;
  cpu_set_t before_;
};

TEST_F(CoresTest, ABurstIntoASleepingLoopWakesItOnce) {
  constexpr int kAsyncs = 100;
  struct Receiver {
    uv_loop_t loop;
    uv_async_t asyncs[kAsyncs];
    std::atomic<bool> all_sent{false};
    int seen = 0;
  } receiver;
  ASSERT_EQ(uv_loop_init(&receiver.loop), 0);
  receiver.loop.data = &receiver;
  for (uv_async_t& async : receiver.asyncs) {
    uv_async_init(&receiver.loop, &async, [](uv_async_t* handle) {
      auto& r = *static_cast<Receiver*>(handle->loop->data);
      // Keeps the loop awake, and from sleeping again, until the burst is over.
      while (!r.all_sent.load()) std::this_thread::yield();
      ++r.seen;
      uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
    });
  }
  std::thread thread([&] {
    StayOn(cores_[1]);
    uv_run(&receiver.loop, UV_RUN_DEFAULT);
  });
  StayOn(cores_[0]);
  // Long enough to be asleep.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  for (int round = 0; round < 50; ++round) {
    for (uv_async_t& async : receiver.asyncs) uv_async_send(&async);
  }
  receiver.all_sent = true;
  thread.join();
  EXPECT_EQ(receiver.seen, kAsyncs);
  EXPECT_EQ(wake_ups.load(), 1);
  EXPECT_EQ(uv_loop_close(&receiver.loop), 0);
}

TEST_F(CoresTest, SendsToALoopThatIsAwakeWakeNobody) {
  struct Receiver {
    uv_loop_t loop;
    uv_async_t async;
    uv_idle_t busy;
    std::atomic<bool> running{false}, stop{false};
    int seen = 0;
  } receiver;
  ASSERT_EQ(uv_loop_init(&receiver.loop), 0);
  receiver.loop.data = &receiver;
  uv_async_init(&receiver.loop, &receiver.async,
                [](uv_async_t* handle) { ++static_cast<Receiver*>(handle->loop->data)->seen; });
  // With an idle handle a loop never sleeps.
  uv_idle_init(&receiver.loop, &receiver.busy);
  uv_idle_start(&receiver.busy, [](uv_idle_t* handle) {
    auto& r = *static_cast<Receiver*>(handle->loop->data);
    r.running = true;
    if (!r.stop.load()) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&r.async), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&r.busy), nullptr);
  });
  std::thread thread([&] {
    StayOn(cores_[1]);
    uv_run(&receiver.loop, UV_RUN_DEFAULT);
  });
  StayOn(cores_[0]);
  while (!receiver.running.load()) std::this_thread::yield();
  for (int i = 0; i < 100'000; ++i) uv_async_send(&receiver.async);
  receiver.stop = true;
  thread.join();
  EXPECT_GE(receiver.seen, 1);
  EXPECT_EQ(wake_ups.load(), 0);
  EXPECT_EQ(uv_loop_close(&receiver.loop), 0);
}

TEST_F(CoresTest, TwoLoopsThatAnswerEachOtherWakeAtMostOncePerMessage) {
  constexpr int kRounds = 5000;
  struct Side {
    uv_loop_t loop;
    uv_async_t async;
    Side* other;
    bool sends_last;
    int seen = 0;
  } sides[2];
  for (int i = 0; i < 2; ++i) {
    Side& side = sides[i];
    side.other = &sides[1 - i];
    side.sends_last = i == 0;
    ASSERT_EQ(uv_loop_init(&side.loop), 0);
    side.async.data = &side;
    uv_async_init(&side.loop, &side.async, [](uv_async_t* handle) {
      Side& s = *static_cast<Side*>(handle->data);
      ++s.seen;
      // The last message has no answer: its sender is gone.
      if (s.sends_last || s.seen < kRounds) uv_async_send(&s.other->async);
      if (s.seen == kRounds) uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
    });
  }
  std::thread threads[2];
  for (int i = 0; i < 2; ++i) {
    threads[i] = std::thread([this, i, &sides] {
      StayOn(cores_[static_cast<size_t>(i)]);
      uv_run(&sides[i].loop, UV_RUN_DEFAULT);
    });
  }
  uv_async_send(&sides[0].async);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sides[0].seen, kRounds);
  EXPECT_EQ(sides[1].seen, kRounds);
  RecordProperty("wake_ups", wake_ups.load());
  EXPECT_LE(wake_ups.load(), 2 * kRounds);
  for (Side& side : sides) EXPECT_EQ(uv_loop_close(&side.loop), 0);
}

}  // namespace
}  // namespace ebb::uv::test
