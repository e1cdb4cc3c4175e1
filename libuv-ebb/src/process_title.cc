// The title that ps shows. It is kept where the kernel put the arguments; uv_setup_args gives the program copies of
// them.
#include <pthread.h>
#include <sys/prctl.h>

#include <cstring>

#include "src/memory.h"
#include "src/text.h"
#include "uv.h"

namespace ebb::uv {
namespace {

pthread_mutex_t title_lock = PTHREAD_MUTEX_INITIALIZER;
// The memory of the arguments. Null before uv_setup_args.
char* title = nullptr;
size_t title_capacity = 0;
size_t title_length = 0;
void* argument_copies = nullptr;

class TitleLock {
 public:
  TitleLock() { pthread_mutex_lock(&title_lock); }
  ~TitleLock() { pthread_mutex_unlock(&title_lock); }
  TitleLock(const TitleLock&) = delete;
  TitleLock& operator=(const TitleLock&) = delete;
};

}  // namespace
}  // namespace ebb::uv

using namespace ebb::uv;

char** uv_setup_args(int argc, char** argv) {
  if (argc <= 0) return argv;
  const auto count = static_cast<size_t>(argc);
  size_t text = 0;
  for (size_t i = 0; i < count; ++i) text += std::strlen(argv[i]) + 1;
  char* block = AllocateFor<char>((count + 1) * sizeof(char*) + text);
  if (block == nullptr) return argv;
  auto** copies = reinterpret_cast<char**>(block);
  char* at = block + (count + 1) * sizeof(char*);
  for (size_t i = 0; i < count; ++i) {
    const size_t size = std::strlen(argv[i]) + 1;
    copies[i] = static_cast<char*>(std::memcpy(at, argv[i], size));
    at += size;
  }
  copies[count] = nullptr;
  TitleLock lock;
  title = argv[0];
  title_length = std::strlen(argv[0]);
  title_capacity = static_cast<size_t>(argv[count - 1] + std::strlen(argv[count - 1]) + 1 - argv[0]);
  argument_copies = copies;
  return copies;
}

int uv_set_process_title(const char* text) {
  TitleLock lock;
  if (argument_copies == nullptr) return UV_ENOBUFS;
  size_t length = std::strlen(text);
  if (length >= title_capacity) length = title_capacity > 0 ? title_capacity - 1 : 0;
  std::memcpy(title, text, length);
  std::memset(title + length, 0, title_capacity - length);
  title_length = length;
  // The short name, of this thread: what top and killall go by.
  prctl(PR_SET_NAME, title);
  return 0;
}

int uv_get_process_title(char* buffer, size_t size) {
  if (buffer == nullptr || size == 0) return UV_EINVAL;
  TitleLock lock;
  if (argument_copies == nullptr) return UV_ENOBUFS;
  if (size <= title_length) return UV_ENOBUFS;
  std::memcpy(buffer, title, title_length);
  buffer[title_length] = '\0';
  return 0;
}
