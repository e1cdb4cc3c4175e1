// Posts of other threads: asyncs, work, signals.
#include <signal.h>

#include <atomic>
#include <thread>

#include "loop_fixture.h"

namespace ebb::uv::test {
namespace {

TEST_F(LoopTest, SendsCoalesceUntilTheCallbackRuns) {
  uv_async_t async;
  int calls = 0;
  uv_async_init(&loop_, &async, [](uv_async_t* h) {
    // Counts for the next turn.
    if (++Data<int>(h) == 1) uv_async_send(h);
  });
  async.data = &calls;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(uv_async_send(&async), 0);
  Run(UV_RUN_NOWAIT);
  EXPECT_EQ(calls, 1);
  Run(UV_RUN_NOWAIT);
  EXPECT_EQ(calls, 2);
  Run(UV_RUN_NOWAIT);
  EXPECT_EQ(calls, 2);
  CloseAll();
}

TEST_F(LoopTest, NoSendOfManyThreadsIsLost) {
  // Each thread waits for its callback before it sends again: a lost wake-up would hang.
  constexpr int kThreads = 4;
  constexpr int kRounds = 3000;
  struct Channel {
    uv_async_t async;
    std::atomic<int> sent{0};
    std::atomic<int> seen{0};
  } channels[kThreads];
  std::vector<std::thread> threads;
  for (Channel& channel : channels) {
    uv_async_init(&loop_, &channel.async, [](uv_async_t* h) {
      Channel& c = Data<Channel>(h);
      c.seen.store(c.sent.load());
      if (c.seen.load() == kRounds) uv_close(Handle(h), nullptr);
    });
    channel.async.data = &channel;
  }
  for (Channel& channel : channels) {
    threads.emplace_back([&channel] {
      for (int i = 1; i <= kRounds; ++i) {
        channel.sent.store(i);
        uv_async_send(&channel.async);
        while (channel.seen.load() < i) std::this_thread::yield();
      }
    });
  }
  EXPECT_EQ(Run(), 0);
  for (std::thread& thread : threads) thread.join();
  CloseAll();
}

TEST_F(LoopTest, AnAsyncClosedWithASendOnItsWayIsSilent) {
  for (int i = 0; i < 200; ++i) {
    uv_async_t first;
    uv_async_t second;
    uv_async_init(&loop_, &first, [](uv_async_t*) { FAIL(); });
    uv_async_init(&loop_, &second, [](uv_async_t* h) { uv_close(Handle(h), nullptr); });
    std::thread sender([&] {
      uv_async_send(&first);
      uv_async_send(&second);
    });
    sender.join();
    uv_close(Handle(&first), nullptr);
    ASSERT_EQ(Run(), 0);
  }
  CloseAll();
}

TEST_F(LoopTest, ALoopMayEndRightAfterAWorkersLastPost) {
  for (int i = 0; i < 300; ++i) {
    uv_loop_t loop;
    ASSERT_EQ(uv_loop_init(&loop), 0);
    uv_work_t work;
    int done = 0;
    work.data = &done;
    ASSERT_EQ(uv_queue_work(
                  &loop, &work, [](uv_work_t*) {},
                  [](uv_work_t* w, int status) {
                    EXPECT_EQ(status, 0);
                    ++Data<int>(w);
                  }),
              0);
    ASSERT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
    ASSERT_EQ(done, 1);
    ASSERT_EQ(uv_loop_close(&loop), 0);
  }
  CloseAll();
}

TEST_F(LoopTest, CanceledWorkEndsWithEcanceledAndRunningWorkIsBusy) {
  // More than the pool takes at once: the last ones are still waiting.
  constexpr size_t kWork = 64;
  struct Item {
    uv_work_t work;
    std::atomic<bool>* go;
    std::atomic<bool> began{false};
    int status = 1;
  };
  std::atomic<bool> go{false};
  std::vector<Item> items(kWork);
  for (Item& item : items) {
    item.go = &go;
    item.work.data = &item;
    uv_queue_work(
        &loop_, &item.work,
        [](uv_work_t* w) {
          Data<Item>(w).began = true;
          while (!Data<Item>(w).go->load()) std::this_thread::yield();
        },
        [](uv_work_t* w, int status) { Data<Item>(w).status = status; });
  }
  while (!items[0].began) std::this_thread::yield();
  EXPECT_EQ(uv_cancel(reinterpret_cast<uv_req_t*>(&items[0].work)), UV_EBUSY);
  EXPECT_EQ(uv_cancel(reinterpret_cast<uv_req_t*>(&items[kWork - 1].work)), 0);
  go = true;
  Run();
  EXPECT_EQ(items[0].status, 0);
  EXPECT_EQ(items[kWork - 1].status, UV_ECANCELED);
  EXPECT_FALSE(items[kWork - 1].began);
  CloseAll();
}

TEST_F(LoopTest, ASignalReachesEveryLoopThatWaitsForIt) {
  struct Count {
    int calls = 0;
    int last = 0;
  } here, there, once;
  const auto note = [](uv_signal_t* h, int signum) {
    ++Data<Count>(h).calls;
    Data<Count>(h).last = signum;
  };
  uv_loop_t other;
  ASSERT_EQ(uv_loop_init(&other), 0);
  uv_signal_t a, b, c;
  uv_signal_init(&loop_, &a);
  uv_signal_init(&other, &b);
  uv_signal_init(&loop_, &c);
  a.data = &here;
  b.data = &there;
  c.data = &once;
  EXPECT_EQ(uv_signal_start(&a, note, SIGKILL), UV_EINVAL);
  ASSERT_EQ(uv_signal_start(&a, note, SIGUSR1), 0);
  ASSERT_EQ(uv_signal_start(&b, note, SIGUSR1), 0);
  ASSERT_EQ(uv_signal_start_oneshot(&c, note, SIGUSR1), 0);
  raise(SIGUSR1);
  raise(SIGUSR1);
  Run(UV_RUN_NOWAIT);
  uv_run(&other, UV_RUN_NOWAIT);
  EXPECT_EQ(here.calls, 2);
  EXPECT_EQ(there.calls, 2);
  EXPECT_EQ(once.calls, 1);
  EXPECT_EQ(here.last, SIGUSR1);
  // Stopped with one on its way: not a word.
  raise(SIGUSR1);
  uv_signal_stop(&a);
  Run(UV_RUN_NOWAIT);
  EXPECT_EQ(here.calls, 2);
  uv_close(Handle(&b), nullptr);
  uv_run(&other, UV_RUN_DEFAULT);
  EXPECT_EQ(uv_loop_close(&other), 0);
  CloseAll();
}

}  // namespace
}  // namespace ebb::uv::test
