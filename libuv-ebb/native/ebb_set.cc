// The Ebbs of the native library, over the LibOS.
#include "ebb/ebb_registry.h"
#include "kernel/clock_page.h"
#include "native/call.h"
#include "native/libos_file_system.h"
#include "native/libos_network.h"
#include "native/libos_port.h"
#include "os/clock.h"
#include "os/random.h"
#include "src/thread_workers.h"

namespace ebb::uv {
namespace {

class LibosClock final : public Clock {
 public:
  uint64_t MonotonicNs() override { return ReadClockPage().monotonic; }
};

class LibosRandom final : public Random {
 public:
  int Fill(void* buffer, size_t length) override {
    for (size_t done = 0; done < length;) {
      const int64_t count = Call(SYS_getrandom, static_cast<char*>(buffer) + done, length - done, 0);
      if (count < 0) return static_cast<int>(count);
      done += static_cast<size_t>(count);
    }
    return 0;
  }
};

constinit SharedEbb<EventPorts, LibosPorts> event_ports_root;
constinit SharedEbb<Clock, LibosClock> clock_root;
constinit SharedEbb<Random, LibosRandom> random_root;
constinit SharedEbb<Network, LibosNetwork> network_root;
constinit SharedEbb<FileSystem, LibosFileSystem> file_system_root;
constinit SharedEbb<Workers, ThreadWorkers> workers_root;

__attribute__((constructor(101))) void Install() {
  const EbbImplementation set[] = {
      {kEventPortsEbb, "EventPorts", "libos", &event_ports_root},
      {kClockEbb, "Clock", "libos", &clock_root},
      {kRandomEbb, "Random", "libos", &random_root},
      {kNetworkEbb, "Network", "libos", &network_root},
      {kFileSystemEbb, "FileSystem", "libos", &file_system_root},
      {kWorkersEbb, "Workers", "threads", &workers_root},
  };
  InstallEbbs(set, {});
}

}  // namespace
}  // namespace ebb::uv
