// Version, buffers, time, the current directory, stdio inheritance, libraries' end: what fits nowhere else.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "os/clock.h"
#include "os/workers.h"
#include "src/fd.h"
#include "src/text.h"
#include "uv.h"

using namespace ebb::uv;

unsigned int uv_version() { return UV_VERSION_HEX; }

#define EBB_STRING(x) #x
#define EBB_EXPANDED(x) EBB_STRING(x)
const char* uv_version_string() {
  return EBB_EXPANDED(UV_VERSION_MAJOR) "." EBB_EXPANDED(UV_VERSION_MINOR) "." EBB_EXPANDED(UV_VERSION_PATCH);
}

uv_buf_t uv_buf_init(char* base, unsigned int len) { return {base, len}; }

uint64_t uv_hrtime() { return monotonic_clock->MonotonicNs(); }

int uv_clock_gettime(uv_clock_id clock_id, uv_timespec64_t* ts) {
  if (ts == nullptr) return UV_EFAULT;
  if (clock_id != UV_CLOCK_MONOTONIC && clock_id != UV_CLOCK_REALTIME) return UV_EINVAL;
  timespec now;
  if (clock_gettime(clock_id == UV_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now) != 0) return -errno;
  *ts = {now.tv_sec, static_cast<int32_t>(now.tv_nsec)};
  return 0;
}

int uv_gettimeofday(uv_timeval64_t* tv) {
  if (tv == nullptr) return UV_EINVAL;
  timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -errno;
  *tv = {now.tv_sec, static_cast<int32_t>(now.tv_nsec / 1000)};
  return 0;
}

void uv_sleep(unsigned int msec) {
  timespec left = {static_cast<time_t>(msec / 1000), static_cast<long>(msec % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

int uv_cwd(char* buffer, size_t* size) {
  if (buffer == nullptr || size == nullptr || *size == 0) return UV_EINVAL;
  char path[PATH_MAX + 1];
  if (getcwd(path, sizeof(path)) == nullptr) return -errno;
  return ReturnText(path, std::strlen(path), buffer, size);
}

int uv_chdir(const char* dir) { return chdir(dir) == 0 ? 0 : -errno; }

uv_os_fd_t uv_get_osfhandle(int fd) { return fd; }

int uv_open_osfhandle(uv_os_fd_t os_fd) { return os_fd; }

void uv_disable_stdio_inheritance() {
  // Descriptors that came from our parent are dense; the first gap beyond stdio ends them.
  constexpr int kAlwaysTried = 15;
  for (int fd = 0; SetCloseOnExec(fd, true) == 0 || fd <= kAlwaysTried; ++fd) continue;
}

void uv_library_shutdown() { workers->Shutdown(); }
