// Workers as pthreads: UV_THREADPOOL_SIZE of them (4), started with the first work. Node expects real pthreads here in
// both builds: its work uses thread-local storage.
#include "src/thread_workers.h"

#include <pthread.h>

#include <cstdlib>
#include <initializer_list>

#include "src/memory.h"
#include "src/work.h"

namespace ebb::uv {
namespace {

constexpr unsigned kDefaultThreads = 4;
constexpr unsigned kMaxThreads = 1024;
// Deep recursion in work (JSON, regular expressions) is common; what a thread gets otherwise depends on ulimits.
constexpr size_t kStackSize = 8u << 20;

unsigned WantedThreads() {
  const char* value = std::getenv("UV_THREADPOOL_SIZE");
  if (value == nullptr) return kDefaultThreads;
  const int count = std::atoi(value);
  if (count <= 0) return 1;
  return static_cast<unsigned>(count) > kMaxThreads ? kMaxThreads : static_cast<unsigned>(count);
}

}  // namespace

ThreadWorkers::ThreadWorkers() {
  QueueInit(&queue_);
  QueueInit(&slow_queue_);
  QueueInit(&slow_turn_);
}

class ThreadWorkers::Guard {
 public:
  explicit Guard(ThreadWorkers& owner) : mutex_(&owner.mutex_) { pthread_mutex_lock(mutex_); }
  ~Guard() { pthread_mutex_unlock(mutex_); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  pthread_mutex_t* mutex_;
};

bool ThreadWorkers::MayRunSlow() const { return slow_running_ < (thread_count_ + 1) / 2; }

uv__work* ThreadWorkers::Take(bool* slow) {
  *slow = false;
  while (!QueueEmpty(&queue_)) {
    Queue* item = QueueFront(&queue_);
    QueueRemoveInit(item);
    if (item != &slow_turn_) return OwnerOf(item, &uv__work::wq);
    if (QueueEmpty(&slow_queue_)) continue;  // all taken back
    if (!MayRunSlow()) {
      // Its turn comes again behind the others; when there are none, the end of a slow one brings a worker back here.
      const bool others = !QueueEmpty(&queue_);
      QueuePushBack(&queue_, item);
      if (others) continue;
      return nullptr;
    }
    Queue* first = QueueFront(&slow_queue_);
    QueueRemoveInit(first);
    if (!QueueEmpty(&slow_queue_)) {
      QueuePushBack(&queue_, item);
      if (idle_ > 0) pthread_cond_signal(&condition_);
    }
    *slow = true;
    return OwnerOf(first, &uv__work::wq);
  }
  return nullptr;
}

void* ThreadWorkers::Main(void* self) {
  static_cast<ThreadWorkers*>(self)->Work();
  return nullptr;
}

void ThreadWorkers::Work() {
  pthread_mutex_lock(&mutex_);
  for (;;) {
    bool slow;
    uv__work* work = Take(&slow);
    if (work == nullptr) {
      if (ending_) break;
      ++idle_;
      pthread_cond_wait(&condition_, &mutex_);
      --idle_;
      continue;
    }
    if (slow) ++slow_running_;
    pthread_mutex_unlock(&mutex_);
    work->work(work);
    PostFinished(work);
    pthread_mutex_lock(&mutex_);
    if (slow) --slow_running_;
  }
  pthread_mutex_unlock(&mutex_);
}

void ThreadWorkers::Start() {
  const unsigned wanted = WantedThreads();
  threads_ = AllocateFor<pthread_t>(wanted);
  if (threads_ == nullptr) __builtin_trap();
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackSize);
  while (thread_count_ < wanted && pthread_create(&threads_[thread_count_], &attributes, Main, this) == 0) {
    pthread_setname_np(threads_[thread_count_], "libuv-worker");
    ++thread_count_;
  }
  pthread_attr_destroy(&attributes);
  if (thread_count_ == 0) __builtin_trap();  // work would wait for ever
}

void ThreadWorkers::Submit(uv__work* work, WorkKind kind) {
  Guard guard(*this);
  if (thread_count_ == 0) Start();
  Queue* item = &work->wq;
  if (kind == WorkKind::kSlow) {
    QueuePushBack(&slow_queue_, item);
    item = &slow_turn_;
  }
  if (item != &slow_turn_ || QueueEmpty(item)) QueuePushBack(&queue_, item);
  if (idle_ > 0) pthread_cond_signal(&condition_);
}

bool ThreadWorkers::Cancel(uv__work* work) {
  Guard guard(*this);
  // Running work is in no queue, and finished work's links belong to the mailbox.
  for (Queue* queue : {&queue_, &slow_queue_}) {
    for (Queue* item = queue->next; item != queue; item = item->next) {
      if (item != &work->wq) continue;
      QueueRemoveInit(item);
      return true;
    }
  }
  return false;
}

void ThreadWorkers::Shutdown() {
  {
    Guard guard(*this);
    if (thread_count_ == 0) return;
    ending_ = true;
    pthread_cond_broadcast(&condition_);
  }
  for (unsigned i = 0; i < thread_count_; ++i) pthread_join(threads_[i], nullptr);
  Free(threads_);
  Reset();
}

void ThreadWorkers::Reset() {
  threads_ = nullptr;
  thread_count_ = idle_ = slow_running_ = 0;
  ending_ = false;
}

void ThreadWorkers::AfterFork() {
  // The threads, and whoever held the lock, did not come along. The list is not freed: a lock of the program's
  // allocator may have been held as well.
  mutex_ = PTHREAD_MUTEX_INITIALIZER;
  condition_ = PTHREAD_COND_INITIALIZER;
  QueueInit(&queue_);
  QueueInit(&slow_queue_);
  QueueInit(&slow_turn_);
  Reset();
}

}  // namespace ebb::uv
