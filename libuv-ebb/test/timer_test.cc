// Timers: order, restarts within a callback, repeats; and random starts and stops against a plain model.
#include <algorithm>
#include <memory>
#include <random>

#include "loop_fixture.h"

namespace ebb::uv::test {
namespace {

TEST_F(LoopTest, ATimerRestartedWithZeroInItsCallbackWaitsATurn) {
  struct State {
    uv_timer_t timer;
    uv_check_t check;
    std::string log;
  } state;
  uv_timer_init(&loop_, &state.timer);
  uv_check_init(&loop_, &state.check);
  state.timer.data = state.check.data = &state;
  static uv_timer_cb again;
  again = [](uv_timer_t* h) {
    State& s = Data<State>(h);
    s.log += 't';
    if (s.log.size() < 5) uv_timer_start(h, again, 0, 0);
  };
  uv_check_start(&state.check, [](uv_check_t* h) { Data<State>(h).log += 'c'; });
  uv_unref(Handle(&state.check));
  uv_timer_start(&state.timer, again, 0, 0);
  Run();
  EXPECT_EQ(state.log, "tctct");
  CloseAll();
}

TEST_F(LoopTest, TimersOfOneTimeFireInStartOrder) {
  constexpr int kTimers = 50;
  std::vector<int> fired;
  uv_timer_t timers[kTimers];
  for (uv_timer_t& timer : timers) {
    uv_timer_init(&loop_, &timer);
    timer.data = &fired;
  }
  // Started backwards, and every third one again: that one is last.
  static uv_timer_t* base;
  base = timers;
  const auto note = [](uv_timer_t* h) { Data<std::vector<int>>(h).push_back(static_cast<int>(h - base)); };
  std::vector<int> expected;
  for (int i = kTimers - 1; i >= 0; --i) uv_timer_start(&timers[i], note, 1, 0);
  for (int i = 0; i < kTimers; i += 3) uv_timer_start(&timers[i], note, 1, 0);
  for (int i = kTimers - 1; i >= 0; --i) {
    if (i % 3 != 0) expected.push_back(i);
  }
  for (int i = 0; i < kTimers; i += 3) expected.push_back(i);
  Run();
  EXPECT_EQ(fired, expected);
  CloseAll();
}

TEST_F(LoopTest, ATimerStoppedByAnotherDueOneDoesNotFire) {
  uv_timer_t first;
  uv_timer_t second;
  uv_timer_init(&loop_, &first);
  uv_timer_init(&loop_, &second);
  first.data = &second;
  uv_timer_start(&first, [](uv_timer_t* h) { uv_timer_stop(static_cast<uv_timer_t*>(h->data)); }, 1, 0);
  uv_timer_start(&second, [](uv_timer_t*) { FAIL(); }, 1, 0);
  uv_sleep(3);
  Run();
  CloseAll();
}

TEST_F(LoopTest, AgainNeedsAStartAndUsesTheRepeat) {
  uv_timer_t timer;
  int fired = 0;
  uv_timer_init(&loop_, &timer);
  timer.data = &fired;
  EXPECT_EQ(uv_timer_again(&timer), UV_EINVAL);
  EXPECT_EQ(uv_timer_start(&timer, nullptr, 0, 0), UV_EINVAL);
  uv_timer_start(
      &timer,
      [](uv_timer_t* h) {
        if (++Data<int>(h) == 3) uv_timer_stop(h);
      },
      100000, 1);
  EXPECT_EQ(uv_timer_get_due_in(&timer), 100000u);
  EXPECT_EQ(uv_timer_again(&timer), 0);
  EXPECT_LE(uv_timer_get_due_in(&timer), 1u);
  Run();
  EXPECT_EQ(fired, 3);
  CloseAll();
}

TEST_F(LoopTest, AnEndlessTimeoutDoesNotWrapAround) {
  uv_timer_t timer;
  uv_timer_init(&loop_, &timer);
  uv_timer_start(&timer, [](uv_timer_t*) { FAIL(); }, UINT64_MAX, 0);
  Run(UV_RUN_NOWAIT);
  EXPECT_EQ(uv_is_active(Handle(&timer)), 1);
  CloseAll();
}

TEST_F(LoopTest, RandomStartsAndStopsFireAsAModelSays) {
  constexpr size_t kTimers = 600;
  struct Model {
    uv_timer_t timer;
    uint64_t due = 0;
    uint64_t order = 0;
    bool armed = false;
    std::vector<Model*>* fired = nullptr;
  };
  std::mt19937 random(7);
  std::vector<Model*> fired;
  std::vector<std::unique_ptr<Model>> models;
  for (size_t i = 0; i < kTimers; ++i) {
    models.push_back(std::make_unique<Model>());
    uv_timer_init(&loop_, &models[i]->timer);
    models[i]->timer.data = models[i].get();
    models[i]->fired = &fired;
  }
  uint64_t order = 0;
  for (int step = 0; step < 20000; ++step) {
    Model& model = *models[random() % kTimers];
    if (random() % 4 == 0) {
      uv_timer_stop(&model.timer);
      model.armed = false;
      continue;
    }
    // Mostly one length, as programs have it: that is what makes long runs.
    const uint64_t timeout = random() % 3 != 0 ? 20 : random() % 40;
    uv_timer_start(&model.timer, [](uv_timer_t* h) { Data<Model>(h).fired->push_back(&Data<Model>(h)); }, timeout, 0);
    model = {model.timer, uv_now(&loop_) + timeout, order++, true, &fired};
  }
  std::vector<Model*> expected;
  for (const auto& model : models) {
    if (model->armed) expected.push_back(model.get());
  }
  std::sort(expected.begin(), expected.end(),
            [](const Model* a, const Model* b) { return a->due != b->due ? a->due < b->due : a->order < b->order; });
  Run();
  EXPECT_EQ(fired, expected);
  CloseAll();
}

}  // namespace
}  // namespace ebb::uv::test
