// A native addon that uses what real ones use: work on libuv's pool, threads that call back, C++ exceptions,
// thread-local objects with constructors and destructors, static construction, big static data, and a second library.
#include <dlfcn.h>
#include <node_api.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

// 8 MiB of .bss and 1 MiB of .data.
unsigned char zeroes[8 << 20];
unsigned char ones[1 << 20] = {1};

struct Constructed {
  Constructed() : text("constructed before main") {}
  std::string text;
} constructed;

std::atomic<int> locals_made{0}, locals_gone{0};
struct Local {
  Local() { ++locals_made; }
  ~Local() { ++locals_gone; }
  int count = 0;
};
thread_local Local local;
thread_local int plain_local = 42;

napi_value Number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

napi_value Text(napi_env env, const std::string& value) {
  napi_value result;
  napi_create_string_utf8(env, value.c_str(), value.size(), &result);
  return result;
}

// statics(): facts of static data.
napi_value Statics(napi_env env, napi_callback_info) {
  size_t sum = ones[0];
  for (size_t at = 0; at < sizeof(zeroes); at += 4096) sum += zeroes[at]++;
  return Text(env, constructed.text + ", " + std::to_string(sum));
}

// exceptions(depth): thrown deep down, through frames with destructors, caught by type.
int Deep(int depth, std::vector<int>& unwound) {
  struct Note {
    std::vector<int>& unwound;
    int depth;
    ~Note() { unwound.push_back(depth); }
  } note{unwound, depth};
  if (depth == 0) throw std::out_of_range("thrown in C++");
  return Deep(depth - 1, unwound) + 1;
}
napi_value Exceptions(napi_env env, napi_callback_info) {
  std::vector<int> unwound;
  try {
    Deep(100, unwound);
  } catch (const std::logic_error& error) {
    return Text(env, std::string(error.what()) + ", " + std::to_string(unwound.size()) + " frames");
  }
  return Text(env, "not thrown");
}

// threads(n): n threads that count under a lock, each with locals of its own.
napi_value Threads(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t argc = 1;
  napi_get_cb_info(env, info, &argc, &argument, nullptr, nullptr);
  int32_t count = 0;
  napi_get_value_int32(env, argument, &count);
  std::mutex mutex;
  std::condition_variable ready;
  int arrived = 0, total = 0, caught = 0;
  bool go = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      std::unique_lock lock(mutex);
      ++arrived;
      ready.notify_all();
      ready.wait(lock, [&] { return go; });
      for (int j = 0; j < 1000; ++j) ++local.count;
      total += local.count + plain_local;
      try {
        throw std::runtime_error("in a thread");
      } catch (const std::exception&) {
        ++caught;
      }
    });
  }
  {
    std::unique_lock lock(mutex);
    ready.wait(lock, [&] { return arrived == count; });
    go = true;
  }
  ready.notify_all();
  for (std::thread& thread : threads) thread.join();
  return Text(env, std::to_string(total) + ", caught " + std::to_string(caught) + ", locals " +
                       std::to_string(locals_made.load()) + " made " + std::to_string(locals_gone.load()) + " gone");
}

// work(): a promise that a thread of libuv's pool settles.
struct Work {
  napi_async_work work;
  napi_deferred deferred;
  double result;
};
napi_value AsyncWork(napi_env env, napi_callback_info) {
  auto* job = new Work();
  napi_value promise;
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_async_work(
      env, nullptr, Text(env, "work"),
      [](napi_env, void* data) {
        auto* self = static_cast<Work*>(data);
        for (int i = 1; i <= 1'000'000; ++i) self->result += 1.0 / i / i;
      },
      [](napi_env environment, napi_status, void* data) {
        auto* self = static_cast<Work*>(data);
        napi_resolve_deferred(environment, self->deferred, Number(environment, self->result));
        napi_delete_async_work(environment, self->work);
        delete self;
      },
      job, &job->work);
  napi_queue_async_work(env, job->work);
  return promise;
}

// callback(f, n): a thread that calls f n times.
napi_value Callback(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t argc = 2;
  napi_get_cb_info(env, info, &argc, arguments, nullptr, nullptr);
  int32_t count = 0;
  napi_get_value_int32(env, arguments[1], &count);
  napi_threadsafe_function function;
  napi_create_threadsafe_function(
      env, arguments[0], nullptr, Text(env, "callback"), 4, 1, nullptr, nullptr, nullptr,
      [](napi_env environment, napi_value callback, void*, void* data) {
        napi_value receiver, value = Number(environment, static_cast<double>(reinterpret_cast<intptr_t>(data)));
        napi_get_undefined(environment, &receiver);
        napi_call_function(environment, receiver, callback, 1, &value, nullptr);
      },
      &function);
  std::thread([function, count] {
    for (intptr_t i = 0; i < count; ++i)
      napi_call_threadsafe_function(function, reinterpret_cast<void*>(i), napi_tsfn_blocking);
    napi_release_threadsafe_function(function, napi_tsfn_release);
  }).detach();
  return nullptr;
}

// library(path): what a second library answers, and that it goes again.
napi_value Library(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t argc = 1;
  napi_get_cb_info(env, info, &argc, &argument, nullptr, nullptr);
  char path[1024];
  size_t size = 0;
  napi_get_value_string_utf8(env, argument, path, sizeof(path), &size);
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return Text(env, dlerror());
  auto answer = reinterpret_cast<int (*)(int)>(dlsym(library, "answer"));
  const int first = answer(20), second = answer(20);
  const bool missing = dlsym(library, "missing") == nullptr;
  std::string text = std::to_string(first) + " " + std::to_string(second) + (missing ? " missing" : " found");
  text += dlclose(library) == 0 ? " closed" : " stays";
  return Text(env, text);
}

// fail(): a JavaScript exception.
napi_value Fail(napi_env env, napi_callback_info) {
  napi_throw_range_error(env, "E_NATIVE", "thrown by the addon");
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const std::pair<const char*, napi_callback> functions[] = {
      {"statics", Statics}, {"exceptions", Exceptions}, {"threads", Threads}, {"work", AsyncWork},
      {"callback", Callback}, {"library", Library},     {"fail", Fail},
  };
  for (const auto& [name, callback] : functions) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
    napi_set_named_property(env, exports, name, function);
  }
  return exports;
}
