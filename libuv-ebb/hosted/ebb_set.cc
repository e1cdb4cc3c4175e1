// The Ebbs of the hosted library. Installed by a constructor of the library, which runs before any of the program's:
// uv_hrtime, for one, is called by static initialisers.
#include <pthread.h>
#include <sys/random.h>
#include <time.h>

#include "ebb/ebb_registry.h"
#include "hosted/epoll_port.h"
#include "hosted/host_file_system.h"
#include "hosted/socket_network.h"
#include "hosted/system_calls.h"
#include "os/clock.h"
#include "os/random.h"
#include "src/signal_registry.h"
#include "src/thread_workers.h"

namespace ebb::uv {
namespace {

class HostClock final : public Clock {
 public:
  uint64_t MonotonicNs() override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
  }
};

class HostRandom final : public Random {
 public:
  int Fill(void* buffer, size_t length) override {
    for (size_t done = 0; done < length;) {
      const ssize_t count = Retried([&] { return getrandom(static_cast<char*>(buffer) + done, length - done, 0); });
      if (count < 0) return static_cast<int>(count);
      done += static_cast<size_t>(count);
    }
    return 0;
  }
};

constinit SharedEbb<EventPorts, EpollPorts> event_ports_root;
constinit SharedEbb<Clock, HostClock> clock_root;
constinit SharedEbb<Random, HostRandom> random_root;
constinit SharedEbb<Network, SocketNetwork> network_root;
constinit SharedEbb<FileSystem, HostFileSystem> file_system_root;
constinit SharedEbb<Workers, ThreadWorkers> workers_root;

// Signals may not be half registered in the child of a fork; and workers do not come along.
void InChild() {
  static_cast<ThreadWorkers&>(*workers).AfterFork();
  UnlockSignals();
}

__attribute__((constructor(101))) void Install() {
  const EbbImplementation set[] = {
      {kEventPortsEbb, "EventPorts", "epoll", &event_ports_root},
      {kClockEbb, "Clock", "host", &clock_root},
      {kRandomEbb, "Random", "host", &random_root},
      {kNetworkEbb, "Network", "sockets", &network_root},
      {kFileSystemEbb, "FileSystem", "host", &file_system_root},
      {kWorkersEbb, "Workers", "threads", &workers_root},
  };
  InstallEbbs(set, {});
  pthread_atfork(LockSignals, UnlockSignals, InChild);
}

}  // namespace
}  // namespace ebb::uv
