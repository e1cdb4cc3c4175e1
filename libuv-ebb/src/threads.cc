// Threads: real pthreads in both builds, since the program's thread-local storage depends on them.
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "src/memory.h"
#include "src/text.h"
#include "uv.h"

namespace {

constexpr size_t kDefaultStack = 2u << 20;
constexpr size_t kMinStack = 8192;

size_t RoundToPage(size_t size) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (size + page - 1) & ~(page - 1);
}

size_t LeastStack() {
  const long least = sysconf(_SC_THREAD_STACK_MIN);
  return least > static_cast<long>(kMinStack) ? static_cast<size_t>(least) : kMinStack;
}

// As large as the main thread's, as programs expect.
size_t DefaultStack() {
  rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kDefaultStack;
  const size_t size = limit.rlim_cur & ~(static_cast<size_t>(sysconf(_SC_PAGESIZE)) - 1);
  return size >= LeastStack() ? size : kDefaultStack;
}

struct Entry {
  uv_thread_cb function;
  void* argument;
};

void* Run(void* raw) {
  const Entry entry = *static_cast<Entry*>(raw);
  ebb::uv::Free(raw);
  entry.function(entry.argument);
  return nullptr;
}

// libuv has five steps, from -2 to 2.
constexpr int kNicePerStep = -2;

}  // namespace

int uv_thread_create(uv_thread_t* tid, uv_thread_cb entry, void* arg) {
  const uv_thread_options_t options = {UV_THREAD_NO_FLAGS, 0};
  return uv_thread_create_ex(tid, &options, entry, arg);
}

int uv_thread_create_ex(uv_thread_t* tid, const uv_thread_options_t* params, uv_thread_cb entry, void* arg) {
  size_t stack = (params->flags & UV_THREAD_HAS_STACK_SIZE) != 0 ? params->stack_size : 0;
  if (stack == 0) {
    stack = DefaultStack();
  } else {
    stack = RoundToPage(stack);
    if (stack < LeastStack()) stack = LeastStack();
  }
  auto* start = ebb::uv::AllocateFor<Entry>();
  if (start == nullptr) return UV_ENOMEM;
  *start = {entry, arg};
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error == 0) {
    error = pthread_attr_setstacksize(&attributes, stack);
    if (error == 0) error = pthread_create(tid, &attributes, Run, start);
    pthread_attr_destroy(&attributes);
  }
  if (error != 0) ebb::uv::Free(start);
  return -error;
}

int uv_thread_detach(uv_thread_t* tid) { return -pthread_detach(*tid); }

int uv_thread_join(uv_thread_t* tid) { return -pthread_join(*tid, nullptr); }

uv_thread_t uv_thread_self() { return pthread_self(); }

int uv_thread_equal(const uv_thread_t* t1, const uv_thread_t* t2) { return pthread_equal(*t1, *t2); }

int uv_thread_setname(const char* name) {
  if (name == nullptr) return UV_EINVAL;
  char cut[16];  // the most that Linux keeps
  ebb::uv::CopyText(cut, sizeof(cut), name);
  return -pthread_setname_np(pthread_self(), cut);
}

int uv_thread_getname(uv_thread_t* tid, char* name, size_t size) {
  if (name == nullptr || size == 0) return UV_EINVAL;
  char full[16];
  const int error = pthread_getname_np(*tid, full, sizeof(full));
  if (error != 0) return -error;
  ebb::uv::CopyText(name, size, full);
  return 0;
}

int uv_thread_setaffinity(uv_thread_t* tid, char* cpumask, char* oldmask, size_t mask_size) {
  const int size = uv_cpumask_size();
  if (size < 0) return size;
  if (mask_size < static_cast<size_t>(size)) return UV_EINVAL;
  if (oldmask != nullptr) {
    const int error = uv_thread_getaffinity(tid, oldmask, mask_size);
    if (error < 0) return error;
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < size; ++i) {
    if (cpumask[i] != 0) CPU_SET(i, &set);
  }
  return -pthread_setaffinity_np(*tid, sizeof(set), &set);
}

int uv_thread_getaffinity(uv_thread_t* tid, char* cpumask, size_t mask_size) {
  const int size = uv_cpumask_size();
  if (size < 0) return size;
  if (mask_size < static_cast<size_t>(size)) return UV_EINVAL;
  cpu_set_t set;
  CPU_ZERO(&set);
  const int error = pthread_getaffinity_np(*tid, sizeof(set), &set);
  if (error != 0) return -error;
  for (int i = 0; i < size; ++i) cpumask[i] = CPU_ISSET(i, &set) ? 1 : 0;
  return 0;
}

int uv_thread_getcpu() {
  const int cpu = sched_getcpu();
  return cpu < 0 ? -errno : cpu;
}

int uv_thread_getpriority(uv_thread_t tid, int* priority) {
  if (priority == nullptr) return UV_EINVAL;
  sched_param param;
  int policy;
  const int error = pthread_getschedparam(tid, &policy, &param);
  if (error != 0) return -error;
  // Ordinary threads have a nice value; it is known for the calling thread only.
  if (policy == SCHED_OTHER && pthread_equal(tid, pthread_self())) {
    errno = 0;
    const int nice_value = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
    if (errno != 0) return -errno;
    *priority = nice_value;
    return 0;
  }
  *priority = param.sched_priority;
  return 0;
}

int uv_thread_setpriority(uv_thread_t tid, int priority) {
  if (priority < UV_THREAD_PRIORITY_LOWEST || priority > UV_THREAD_PRIORITY_HIGHEST) return UV_EINVAL;
  sched_param param;
  int policy;
  const int error = pthread_getschedparam(tid, &policy, &param);
  if (error != 0) return -error;
  if (policy == SCHED_OTHER && pthread_equal(tid, pthread_self())) {
    const int nice_value = priority * kNicePerStep;
    return setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), nice_value) == 0 ? 0 : -errno;
  }
  const int least = sched_get_priority_min(policy);
  const int most = sched_get_priority_max(policy);
  if (least == -1 || most == -1) return -errno;
  param.sched_priority = least + (most - least) * (priority - UV_THREAD_PRIORITY_LOWEST) / 4;
  return -pthread_setschedparam(tid, policy, &param);
}
