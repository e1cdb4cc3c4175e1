// The machine and this process: names, load, use of resources, priority.
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "src/small_file.h"
#include "src/text.h"
#include "uv.h"

using namespace ebb::uv;

namespace {

int Usage(int who, uv_rusage_t* result) {
  if (result == nullptr) return UV_EINVAL;
  rusage usage;
  if (getrusage(who, &usage) != 0) return -errno;
  const auto number = [](long value) { return static_cast<uint64_t>(value); };
  result->ru_utime = {usage.ru_utime.tv_sec, usage.ru_utime.tv_usec};
  result->ru_stime = {usage.ru_stime.tv_sec, usage.ru_stime.tv_usec};
  result->ru_maxrss = number(usage.ru_maxrss);
  result->ru_ixrss = number(usage.ru_ixrss);
  result->ru_idrss = number(usage.ru_idrss);
  result->ru_isrss = number(usage.ru_isrss);
  result->ru_minflt = number(usage.ru_minflt);
  result->ru_majflt = number(usage.ru_majflt);
  result->ru_nswap = number(usage.ru_nswap);
  result->ru_inblock = number(usage.ru_inblock);
  result->ru_oublock = number(usage.ru_oublock);
  result->ru_msgsnd = number(usage.ru_msgsnd);
  result->ru_msgrcv = number(usage.ru_msgrcv);
  result->ru_nsignals = number(usage.ru_nsignals);
  result->ru_nvcsw = number(usage.ru_nvcsw);
  result->ru_nivcsw = number(usage.ru_nivcsw);
  return 0;
}

}  // namespace

int uv_getrusage(uv_rusage_t* usage) { return Usage(RUSAGE_SELF, usage); }

int uv_getrusage_thread(uv_rusage_t* usage) { return Usage(RUSAGE_THREAD, usage); }

int uv_uptime(double* uptime) {
  // /proc/uptime counts from the boot of a container where that is told apart; the clock from the kernel's.
  char text[64];
  if (ReadSmallFile("/proc/uptime", text, sizeof(text)) > 0) {
    char* end;
    *uptime = std::strtod(text, &end);
    if (end != text) return 0;
  }
  timespec now;
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) return -errno;
  *uptime = static_cast<double>(now.tv_sec);
  return 0;
}

void uv_loadavg(double avg[3]) {
  if (getloadavg(avg, 3) != 3) avg[0] = avg[1] = avg[2] = 0;
}

int uv_os_uname(uv_utsname_t* buffer) {
  if (buffer == nullptr) return UV_EINVAL;
  utsname name;
  if (uname(&name) != 0) {
    const int error = -errno;
    buffer->sysname[0] = buffer->release[0] = buffer->version[0] = buffer->machine[0] = '\0';
    return error;
  }
  CopyText(buffer->sysname, sizeof(buffer->sysname), name.sysname);
  CopyText(buffer->release, sizeof(buffer->release), name.release);
  CopyText(buffer->version, sizeof(buffer->version), name.version);
  CopyText(buffer->machine, sizeof(buffer->machine), name.machine);
  return 0;
}

int uv_os_gethostname(char* buffer, size_t* size) {
  if (buffer == nullptr || size == nullptr || *size == 0) return UV_EINVAL;
  char name[UV_MAXHOSTNAMESIZE];
  if (gethostname(name, sizeof(name)) != 0) return -errno;
  name[sizeof(name) - 1] = '\0';
  return ReturnText(name, std::strlen(name), buffer, size);
}

uv_pid_t uv_os_getpid() { return getpid(); }

uv_pid_t uv_os_getppid() { return getppid(); }

int uv_os_getpriority(uv_pid_t pid, int* priority) {
  if (priority == nullptr) return UV_EINVAL;
  errno = 0;
  const int found = getpriority(PRIO_PROCESS, static_cast<id_t>(pid));
  if (found == -1 && errno != 0) return -errno;
  *priority = found;
  return 0;
}

int uv_os_setpriority(uv_pid_t pid, int priority) {
  if (priority < UV_PRIORITY_HIGHEST || priority > UV_PRIORITY_LOW) return UV_EINVAL;
  return setpriority(PRIO_PROCESS, static_cast<id_t>(pid), priority) == 0 ? 0 : -errno;
}

int uv_exepath(char* buffer, size_t* size) {
  if (buffer == nullptr || size == nullptr || *size == 0) return UV_EINVAL;
  // What does not fit is cut: the caller sees *size used up.
  const ssize_t length = *size == 1 ? 0 : readlink("/proc/self/exe", buffer, *size - 1);
  if (length == -1) return -errno;
  buffer[length] = '\0';
  *size = static_cast<size_t>(length);
  return 0;
}
