// ThreadWorkers: the implementation of Workers, on pthreads.
#pragma once

#include <pthread.h>

#include "os/workers.h"
#include "src/queue.h"

namespace ebb::uv {

class ThreadWorkers final : public Workers {
 public:
  ThreadWorkers();
  void Submit(uv__work* work, WorkKind kind) override;
  bool Cancel(uv__work* work) override;
  void Shutdown() override;
  // In the child: forget threads and work of the parent.
  void AfterFork();

 private:
  class Guard;
  static void* Main(void* self);
  void Work();
  void Start();
  void Reset();
  bool MayRunSlow() const;
  uv__work* Take(bool* slow);

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition_ = PTHREAD_COND_INITIALIZER;
  Queue queue_;
  // Slow work, and its place among the other work: in queue_ as long as slow work waits.
  Queue slow_queue_;
  Queue slow_turn_;
  pthread_t* threads_ = nullptr;
  unsigned thread_count_ = 0;
  unsigned idle_ = 0;
  unsigned slow_running_ = 0;
  bool ending_ = false;
};

}  // namespace ebb::uv
