// Child processes. The loop watches a pidfd per child, so no SIGCHLD handler is needed and only our own children are
// waited for.
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "os/network.h"
#include "src/close.h"
#include "src/fd.h"
#include "src/handle.h"
#include "src/memory.h"
#include "src/stream.h"
#include "src/watcher.h"

extern char** environ;

namespace ebb::uv {
namespace {

constexpr int kStdio = 3;

struct ChildWatch {
  uv__io_t watcher;
  uv_process_t* process;
};

ChildWatch*& WatchOf(uv_process_t* process) { return reinterpret_cast<ChildWatch*&>(process->u.reserved[0]); }

void StopWatching(uv_process_t* process) {
  ChildWatch* watch = WatchOf(process);
  if (watch == nullptr) return;
  WatcherClose(process->loop, &watch->watcher);
  network->Close(watch->watcher.fd);
  Free(watch);
  WatchOf(process) = nullptr;
}

void OnChildEnded(uv_loop_t*, uv__io_t* watcher, uint32_t) {
  uv_process_t* process = OwnerOf(watcher, &ChildWatch::watcher)->process;
  int status = 0;
  pid_t pid;
  do pid = waitpid(process->pid, &status, WNOHANG);
  while (pid == -1 && errno == EINTR);
  if (pid == 0) return;
  // -1: somebody else in the process waited for it, and the status is lost.
  process->status = pid == -1 ? 0 : status;
  StopWatching(process);
  HandleStop(process);
  if (process->exit_cb == nullptr) return;
  const int64_t code = WIFEXITED(process->status) ? WEXITSTATUS(process->status) : 0;
  const int signum = WIFSIGNALED(process->status) ? WTERMSIG(process->status) : 0;
  process->exit_cb(process, code, signum);
}

// The two ends of each of the child's descriptors. -1: none.
struct Stdio {
  int parent;
  int child;
  bool created;
};

int PrepareOne(const uv_stdio_container_t& container, Stdio* io) {
  *io = {-1, -1, false};
  switch (container.flags & (UV_IGNORE | UV_CREATE_PIPE | UV_INHERIT_FD | UV_INHERIT_STREAM)) {
    case UV_IGNORE:
      return 0;
    case UV_CREATE_PIPE: {
      if (container.data.stream == nullptr || container.data.stream->type != UV_NAMED_PIPE) return UV_EINVAL;
      int ends[2];
      const int error = uv_socketpair(SOCK_STREAM, 0, ends, 0, 0);
      if (error == 0) *io = {ends[0], ends[1], true};
      return error;
    }
    case UV_INHERIT_FD:
    case UV_INHERIT_STREAM:
      io->child = (container.flags & UV_INHERIT_FD) != 0 ? container.data.fd : StreamFd(container.data.stream);
      return io->child == -1 ? static_cast<int>(UV_EINVAL) : 0;
    default:
      return UV_EINVAL;
  }
}

[[noreturn]] void Fail(int error_fd) {
  const int error = -errno;
  [[maybe_unused]] const ssize_t written = write(error_fd, &error, sizeof(error));
  _exit(127);
}

void ArrangeDescriptors(Stdio* io, int count, int error_fd) {
  // First out of the way of each other: nobody may overwrite what another one still needs.
  for (int fd = 0; fd < count; ++fd) {
    if (io[fd].child < 0 || io[fd].child >= fd) continue;
    io[fd].child = fcntl(io[fd].child, F_DUPFD_CLOEXEC, count);
    if (io[fd].child == -1) Fail(error_fd);
  }
  for (int fd = 0; fd < count; ++fd) {
    int from = io[fd].child;
    bool opened = false;
    if (from < 0) {
      if (fd >= kStdio) continue;
      // Nobody should find something else under these numbers.
      from = open("/dev/null", fd == 0 ? O_RDONLY : O_RDWR);
      if (from == -1) Fail(error_fd);
      opened = true;
    }
    if (from == fd) {
      SetCloseOnExec(fd, false);
    } else if (dup2(from, fd) == -1) {
      Fail(error_fd);
    }
    // Programs expect stdio to block.
    if (fd < kStdio && from >= 0 && !opened) SetNonBlocking(fd, false);
    if (opened && from >= count) close(from);
  }
}

[[noreturn]] void RunChild(const uv_process_options_t& options, Stdio* io, int count, int error_fd) {
  // The pipe that carries errors back must not lie where the child's descriptors go.
  if (error_fd < count) {
    error_fd = fcntl(error_fd, F_DUPFD_CLOEXEC, count);
    if (error_fd == -1) _exit(127);
  }
  // Handlers of the parent mean nothing here; what is ignored would stay ignored.
  for (int signum = 1; signum < 32; ++signum) {
    if (signum != SIGKILL && signum != SIGSTOP) signal(signum, SIG_DFL);
  }
  if ((options.flags & UV_PROCESS_DETACHED) != 0) setsid();
  ArrangeDescriptors(io, count, error_fd);
  if (options.cwd != nullptr && chdir(options.cwd) != 0) Fail(error_fd);
  if ((options.flags & (UV_PROCESS_SETUID | UV_PROCESS_SETGID)) != 0) {
    // Without the privilege to do this, the next two fail too.
    [[maybe_unused]] const int groups = setgroups(0, nullptr);
  }
  if ((options.flags & UV_PROCESS_SETGID) != 0 && setgid(options.gid) != 0) Fail(error_fd);
  if ((options.flags & UV_PROCESS_SETUID) != 0 && setuid(options.uid) != 0) Fail(error_fd);
  if (options.env != nullptr) environ = options.env;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvp(options.file, options.args);
  Fail(error_fd);
}

// The child's pid, or a negative errno, also for what failed in the child up to exec.
int Fork(const uv_process_options_t& options, Stdio* io, int count) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return -errno;
  // No handler of the parent may run in the child, which shares its descriptors.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  const int fork_error = pid == -1 ? -errno : 0;
  if (pid == 0) RunChild(options, io, count, pipe_ends[1]);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  network->Close(pipe_ends[1]);
  int error = fork_error;
  if (pid > 0) {
    ssize_t size;
    do size = read(pipe_ends[0], &error, sizeof(error));
    while (size == -1 && errno == EINTR);
    if (size == 0) {
      error = 0;
    } else {
      if (size != sizeof(error)) error = UV_EPIPE;
      while (waitpid(pid, nullptr, 0) == -1 && errno == EINTR) continue;
    }
  }
  network->Close(pipe_ends[0]);
  return error != 0 ? error : pid;
}

int WatchChild(uv_process_t* process) {
  auto* watch = AllocateFor<ChildWatch>();
  if (watch == nullptr) return UV_ENOMEM;
  const auto fd = static_cast<int>(syscall(SYS_pidfd_open, process->pid, 0));
  int error = fd == -1 ? -errno : WatcherReserve(process->loop, fd);
  if (error != 0) {
    if (fd != -1) network->Close(fd);
    Free(watch);
    return error;
  }
  watch->process = process;
  WatcherInit(&watch->watcher, OnChildEnded, fd);
  WatcherStart(process->loop, &watch->watcher, kEventIn);
  WatchOf(process) = watch;
  return 0;
}

int OpenParentEnd(const uv_stdio_container_t& container, const Stdio& io) {
  if (!io.created) return 0;
  const int error = SetNonBlocking(io.parent, true);
  if (error != 0) return error;
  // Directions are meant from the child's side.
  unsigned flags = 0;
  if ((container.flags & UV_WRITABLE_PIPE) != 0) flags |= kReadable;
  if ((container.flags & UV_READABLE_PIPE) != 0) flags |= kWritable;
  return StreamOpen(container.data.stream, io.parent, flags);
}

int Spawn(uv_process_t* process, const uv_process_options_t& options, Stdio* io, int count) {
  for (int i = 0; i < count; ++i) io[i] = {-1, -1, false};
  for (int i = 0; i < options.stdio_count; ++i) {
    const int error = PrepareOne(options.stdio[i], &io[i]);
    if (error != 0) return error;
  }
  const int pid = Fork(options, io, count);
  if (pid < 0) return pid;
  process->pid = pid;
  int error = WatchChild(process);
  for (int i = 0; i < options.stdio_count && error == 0; ++i) {
    error = OpenParentEnd(options.stdio[i], io[i]);
    if (error == 0) io[i].parent = -1;  // the stream's now
  }
  if (error != 0) {
    StopWatching(process);
    return error;
  }
  process->exit_cb = options.exit_cb;
  HandleStart(process);
  return 0;
}

}  // namespace

void CloseProcess(uv_process_t* process) {
  StopWatching(process);
  HandleStop(process);
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_spawn(uv_loop_t* loop, uv_process_t* process, const uv_process_options_t* options) {
  HandleInit(loop, process, UV_PROCESS);
  QueueInit(&process->queue);
  WatchOf(process) = nullptr;
  process->status = 0;
  process->pid = 0;
  process->exit_cb = nullptr;
  if (options->file == nullptr || options->stdio_count < 0) return UV_EINVAL;
  const int count = options->stdio_count < kStdio ? kStdio : options->stdio_count;
  Stdio* io = AllocateFor<Stdio>(static_cast<size_t>(count));
  if (io == nullptr) return UV_ENOMEM;
  const int error = Spawn(process, *options, io, count);
  for (int i = 0; i < count; ++i) {
    if (!io[i].created) continue;
    network->Close(io[i].child);
    if (io[i].parent != -1) network->Close(io[i].parent);
  }
  Free(io);
  return error;
}

int uv_process_kill(uv_process_t* process, int signum) { return uv_kill(process->pid, signum); }

int uv_kill(int pid, int signum) { return kill(pid, signum) == 0 ? 0 : -errno; }

uv_pid_t uv_process_get_pid(const uv_process_t* process) { return process->pid; }
