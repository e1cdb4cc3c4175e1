// The turn of the loop: phases and their order, run modes, what keeps a loop alive.
#include "loop_fixture.h"

namespace ebb::uv::test {
namespace {

using Log = std::vector<std::string>;

TEST_F(LoopTest, PhasesRunInOrder) {
  Log log;
  uv_timer_t timer;
  uv_idle_t idle;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_async_t async;
  uv_timer_init(&loop_, &timer);
  uv_idle_init(&loop_, &idle);
  uv_prepare_init(&loop_, &prepare);
  uv_check_init(&loop_, &check);
  uv_async_init(&loop_, &async, [](uv_async_t* h) { Data<Log>(h).push_back("async"); });
  timer.data = idle.data = prepare.data = check.data = async.data = &log;
  uv_timer_start(&timer, [](uv_timer_t* h) { Data<Log>(h).push_back("timer"); }, 0, 0);
  uv_idle_start(&idle, [](uv_idle_t* h) { Data<Log>(h).push_back("idle"); });
  uv_prepare_start(&prepare, [](uv_prepare_t* h) { Data<Log>(h).push_back("prepare"); });
  uv_check_start(&check, [](uv_check_t* h) {
    Data<Log>(h).push_back("check");
    uv_close(Handle(h), [](uv_handle_t* closed) { Data<Log>(closed).push_back("close"); });
    uv_stop(h->loop);
  });
  uv_async_send(&async);
  Run();
  EXPECT_EQ(log, (Log{"timer", "idle", "prepare", "async", "check", "close"}));
  CloseAll();
}

TEST_F(LoopTest, ImmediatesAsNodeMakesThem) {
  // An unref'd check does the work, an idle handle keeps the loop from sleeping and from ending.
  uv_check_t check;
  uv_idle_t idle;
  int checks = 0;
  uv_check_init(&loop_, &check);
  uv_idle_init(&loop_, &idle);
  check.data = &checks;
  uv_check_start(&check, [](uv_check_t* h) { ++Data<int>(h); });
  uv_unref(Handle(&check));
  EXPECT_EQ(uv_loop_alive(&loop_), 0);
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(checks, 0);
  uv_idle_start(&idle, [](uv_idle_t* h) { uv_idle_stop(h); });
  EXPECT_EQ(uv_backend_timeout(&loop_), 0);
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(checks, 1);
  CloseAll();
}

TEST_F(LoopTest, OnceAndNowaitMakeOneTurn) {
  uv_idle_t idle;
  int turns = 0;
  uv_idle_init(&loop_, &idle);
  idle.data = &turns;
  uv_idle_start(&idle, [](uv_idle_t* h) { ++Data<int>(h); });
  EXPECT_NE(Run(UV_RUN_ONCE), 0);
  EXPECT_EQ(turns, 1);
  EXPECT_NE(Run(UV_RUN_NOWAIT), 0);
  EXPECT_EQ(turns, 2);
  CloseAll();
}

TEST_F(LoopTest, OnceWaitsForATimer) {
  uv_timer_t timer;
  int fired = 0;
  uv_timer_init(&loop_, &timer);
  timer.data = &fired;
  uv_timer_start(&timer, [](uv_timer_t* h) { ++Data<int>(h); }, 5, 0);
  EXPECT_NE(Run(UV_RUN_NOWAIT), 0);
  EXPECT_EQ(fired, 0);
  EXPECT_EQ(Run(UV_RUN_ONCE), 0);
  EXPECT_EQ(fired, 1);
  CloseAll();
}

TEST_F(LoopTest, StopBeforeRunSkipsOneRun) {
  uv_idle_t idle;
  int turns = 0;
  uv_idle_init(&loop_, &idle);
  idle.data = &turns;
  uv_idle_start(&idle, [](uv_idle_t* h) {
    ++Data<int>(h);
    uv_stop(h->loop);
  });
  uv_stop(&loop_);
  EXPECT_NE(Run(), 0);
  EXPECT_EQ(turns, 0);
  EXPECT_NE(Run(), 0);
  EXPECT_EQ(turns, 1);
  CloseAll();
}

TEST_F(LoopTest, ReferencesCountOnlyWhileActive) {
  uv_timer_t timer;
  uv_timer_init(&loop_, &timer);
  EXPECT_EQ(uv_loop_alive(&loop_), 0);
  uv_timer_start(&timer, [](uv_timer_t*) {}, 1000, 0);
  EXPECT_EQ(uv_loop_alive(&loop_), 1);
  uv_unref(Handle(&timer));
  uv_unref(Handle(&timer));
  EXPECT_EQ(uv_loop_alive(&loop_), 0);
  uv_ref(Handle(&timer));
  EXPECT_EQ(uv_loop_alive(&loop_), 1);
  uv_timer_stop(&timer);
  EXPECT_EQ(uv_loop_alive(&loop_), 0);
  CloseAll();
}

TEST_F(LoopTest, ClosingKeepsTheLoopAliveUntilItsCallback) {
  uv_timer_t timer;
  int closed = 0;
  uv_timer_init(&loop_, &timer);
  timer.data = &closed;
  uv_close(Handle(&timer), [](uv_handle_t* h) { ++Data<int>(h); });
  EXPECT_EQ(closed, 0);
  EXPECT_EQ(uv_loop_alive(&loop_), 1);
  EXPECT_EQ(uv_loop_close(&loop_), UV_EBUSY);
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(closed, 1);
  CloseAll();
}

TEST_F(LoopTest, AHandleStoppedByAnotherOfItsPhaseDoesNotRun) {
  struct Pair {
    uv_prepare_t first, second;
    int runs = 0;
  } pair;
  uv_prepare_init(&loop_, &pair.first);
  uv_prepare_init(&loop_, &pair.second);
  pair.first.data = pair.second.data = &pair;
  const auto stop_both = [](uv_prepare_t* h) {
    Pair& both = Data<Pair>(h);
    ++both.runs;
    uv_prepare_stop(&both.first);
    uv_prepare_stop(&both.second);
  };
  uv_prepare_start(&pair.first, stop_both);
  uv_prepare_start(&pair.second, stop_both);
  Run(UV_RUN_NOWAIT);
  EXPECT_EQ(pair.runs, 1);
  CloseAll();
}

TEST_F(LoopTest, WalkSeesEveryOpenHandle) {
  uv_timer_t timer;
  uv_async_t async;
  uv_fs_poll_t poll;
  uv_timer_init(&loop_, &timer);
  uv_async_init(&loop_, &async, nullptr);
  uv_fs_poll_init(&loop_, &poll);
  // Its inner timer is nobody's business.
  uv_fs_poll_start(&poll, [](uv_fs_poll_t*, int, const uv_stat_t*, const uv_stat_t*) {}, "/", 1000);
  std::vector<uv_handle_type> types;
  uv_walk(
      &loop_, [](uv_handle_t* h, void* seen) { static_cast<std::vector<uv_handle_type>*>(seen)->push_back(h->type); },
      &types);
  EXPECT_EQ(types, (std::vector<uv_handle_type>{UV_TIMER, UV_ASYNC, UV_FS_POLL}));
  CloseAll();
}

TEST_F(LoopTest, BackendFdIsReadableWhenALoopThatIsPolledFromOutsideIsWoken) {
  uv_async_t async;
  int runs = 0;
  uv_async_init(&loop_, &async, [](uv_async_t* h) { ++Data<int>(h); });
  async.data = &runs;
  uv_loop_t outer;
  ASSERT_EQ(uv_loop_init(&outer), 0);
  uv_poll_t poll;
  ASSERT_EQ(uv_poll_init(&outer, &poll, uv_backend_fd(&loop_)), 0);
  poll.data = &loop_;
  uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* h, int, int) {
    uv_run(&Data<uv_loop_t>(h), UV_RUN_NOWAIT);
    uv_close(Handle(h), nullptr);
  });
  uv_async_send(&async);
  uv_run(&outer, UV_RUN_DEFAULT);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(uv_loop_close(&outer), 0);
  CloseAll();
}

}  // namespace
}  // namespace ebb::uv::test
