// World: the stand-ins of the kernel's primitives.
#include "linux/net/test/world.h"

#include <asm/prctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <random>

#include "kernel/clock.h"
#include "kernel/event_manager.h"
#include "kernel/panic.h"
#include "kernel/random.h"
#include "kernel/user_memory.h"
#include "linux/net/unix_path.h"

namespace ebb {
namespace {

test::World* world = nullptr;
IntrusiveList<Event, &Event::node> events;

class HostRandom final : public Random {
 public:
  void Fill(std::span<std::byte> bytes) override {
    static std::random_device device;
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(device());
  }
};

void* MapFixed(uint64_t address, size_t size) {
  void* at = mmap(reinterpret_cast<void*>(address), size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (at != reinterpret_cast<void*>(address)) {
    std::perror("mmap of a fixed region");
    std::abort();
  }
  return at;
}

}  // namespace

// ---- Kernel primitives

RingQueue& ring() { return world->ring_queue; }
NetworkManager& network() { return *world->manager; }
Random& random() {
  static HostRandom host;
  return host;
}
uint64_t Clock::Now() const {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}
static const Clock the_clock;
const Clock* const clock = &the_clock;
void Panic(const char* reason) {
  std::fprintf(stderr, "panic: %s\n", reason);
  std::abort();
}

// These tests do not trace.
void TraceHypercall(const char*, uint64_t, uint64_t, uint64_t) {}

EventManager& event_manager() {
  static EventManager manager;
  return manager;
}
void EventManager::Spawn(Event& event) {
  if (!event.node.linked()) events.PushBack(event);
}

// Below the first page nothing is ever mapped, as in the guest.
Result<std::span<std::byte>> UserWritable(uint64_t address, size_t size) {
  if (size != 0 && address < 4096) return Errno::kFault;
  return std::span(reinterpret_cast<std::byte*>(address), size);
}
Result<std::span<const std::byte>> UserReadable(uint64_t address, size_t size) {
  if (size != 0 && address < 4096) return Errno::kFault;
  return std::span(reinterpret_cast<const std::byte*>(address), size);
}

// ---- Sleeping: instead of it the world goes on, until the sleeper is woken (or would sleep for ever).

WakeReason WaitQueue::Wait(uint64_t deadline_ns, bool, bool) {
  Waiter waiter;
  Add(waiter);
  const uint64_t give_up = clock->Now() + 5'000'000'000;
  while (!waiter.woken) {
    ++world->sleeps;
    if (world->meanwhile) world->meanwhile();
    if (waiter.woken) break;
    world->Turn(1);
    const uint64_t now = clock->Now();
    if (!waiter.woken && now >= deadline_ns) return WakeReason::kTimeout;
    if (now >= give_up) return WakeReason::kSignal;
  }
  return WakeReason::kWoken;
}
void WaitQueue::WakeAll() {
  while (WakeOne()) {
  }
}
bool WaitQueue::WakeOne() {
  Waiter* waiter = waiters_.PopFront();
  if (waiter != nullptr) waiter->woken = true;
  return waiter != nullptr;
}

// ---- World

namespace linux_abi {

// The file tree: names without folders. Never emptied: a path outlives its socket.
static std::map<std::string, Ref<UnixPath>, std::less<>> paths;

Result<Ref<UnixPath>> MakeUnixPath(std::string_view path) {
  const auto [at, made] = paths.try_emplace(std::string(path));
  if (!made) return Errno::kAddrInUse;
  at->second = Ref<UnixPath>(new UnixPath);
  return at->second;
}

Result<Ref<UnixPath>> FindUnixPath(std::string_view path) {
  const auto at = paths.find(path);
  return at != paths.end() ? Result<Ref<UnixPath>>(at->second) : Errno::kNoEnt;
}

}  // namespace linux_abi

namespace test {

World::World(tender::EgressRules egress, bool loopback_only) {
  world = this;
  static void* rings = MapFixed(EBB_RINGS, EBB_RING_STRIDE);
  static void* data = MapFixed(EBB_DATA, EBB_DATA_SIZE);
  (void)data;
  static void* info = MapFixed(EBB_BOOT_INFO, EBB_PAGE_SIZE);
  std::memset(rings, 0, EBB_RING_STRIDE);
  static_cast<ebb_boot_info*>(info)->hypercalls[EBB_HC_ENTER] = reinterpret_cast<uint64_t>(&World::Enter);
  core.self = &core;
  syscall(SYS_arch_prctl, ARCH_SET_GS, &core);

  char name[] = "/tmp/ebb-net-XXXXXX";
  folder_ = mkdtemp(name);
  config_.unix_path = folder_ + "/s";
  config_.tcp_port = 0;
  config_.egress = std::move(egress);
  StartBroker();
  manager.reset(loopback_only ? MakeLoopbackNetwork() : MakeHostedNetwork());
}

void World::Restore() {
  broker_.reset();
  std::memset(reinterpret_cast<void*>(EBB_RINGS), 0, EBB_RING_STRIDE);
  std::memset(reinterpret_cast<void*>(EBB_DATA), 0xee, EBB_DATA_SIZE);
  StartBroker();
  ring_queue.BeginRestore();
  manager->OnRestore();
  ring_queue.FinishRestore();
}

void World::StartBroker() {
  config_.max_handles = 1024;
  auto created = tender::Broker::Create(config_, reinterpret_cast<ebb_core_shared*>(EBB_RINGS), 1,
                                        {reinterpret_cast<std::byte*>(EBB_DATA), EBB_DATA_SIZE}, report_);
  if (!created) {
    std::fprintf(stderr, "%s\n", created.error().Text().c_str());
    std::abort();
  }
  broker_ = std::move(*created);
}

World::~World() {
  meanwhile = nullptr;
  std::vector<int> open;
  linux_abi::fds().ForEach([&](int fd, const Ref<linux_abi::File>&) { open.push_back(fd); });
  for (const int fd : open) (void)linux_abi::fds().Close(fd);
  // Completions of what was closed still name channels.
  for (int i = 0; i < 20; ++i) Turn(0);
  manager.reset();
  broker_.reset();
  rmdir(folder_.c_str());
  world = nullptr;
}

World& World::Current() { return *world; }

long World::Enter(uint64_t flags, uint64_t, int64_t, int64_t) {
  ++world->enters_;
  if ((flags & EBB_ENTER_SUBMIT) != 0) world->broker_->Submit(0);
  if ((flags & EBB_ENTER_WAIT) != 0) world->broker_->Poll(0);
  return 0;
}

void World::RunReady() {
  ring_queue.Dispatch();
  while (Event* event = events.PopFront()) event->Run();
}

void World::Turn(int wait_ms) {
  RunReady();
  // As EventManager::Wait: one exit that submits, and waits unless a completion is there already.
  ++enters_;
  if (ring_queue.MustNotify()) broker_->Submit(0);
  ring_queue.MarkSubmitted();
  if (!ring_queue.HasCompletions()) broker_->Poll(int64_t{wait_ms} * 1'000'000);
  RunReady();
}

bool World::Until(const std::function<bool()>& condition, int milliseconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    Turn(2);
  }
  return true;
}

size_t World::open_descriptors() const {
  size_t count = 0;
  linux_abi::fds().ForEach([&](int, const Ref<linux_abi::File>&) { ++count; });
  return count;
}

}  // namespace test
}  // namespace ebb
