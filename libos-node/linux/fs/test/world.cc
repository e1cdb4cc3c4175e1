#include "linux/fs/test/world.h"

#include <asm/prctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/event_manager.h"
#include "kernel/memory_info.h"
#include "kernel/options.h"
#include "kernel/page_allocator.h"
#include "kernel/panic.h"
#include "kernel/random.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "kernel/user_memory.h"
#include "linux/fd_table.h"
#include "linux/fs/file_system.h"
#include "linux/fs/open.h"
#include "linux/fs/quota.h"
#include "linux/mm/maps.h"
#include "linux/process/process.h"
#include "linux/process/signal.h"
#include "linux/process/syscalls.h"

namespace ebb {

using test::world;

// ---- Time and waiting

static const Clock the_clock;
const Clock* const clock = &the_clock;
uint64_t Clock::Now() const { return world().now_ns; }
uint64_t Clock::Realtime() const { return world().now_ns + world().realtime_offset_ns; }
uint64_t boot_time_ns() { return 1'000'000'000; }

Timer& timer() {
  static Timer instance;
  return instance;
}

void PrepareWait(Waiter& waiter) {
  waiter.thread = nullptr;
  waiter.woken = false;
}

WakeReason SleepUntilWoken(Waiter& waiter, uint64_t deadline_ns, bool) {
  while (!waiter.woken) {
    if (world().signal_pending) return WakeReason::kSignal;
    if (!world().meanwhile.empty()) {
      const auto next = world().meanwhile.front();
      world().meanwhile.pop_front();
      next();
      continue;
    }
    const uint64_t next = std::min(deadline_ns, timer().NextDeadline());
    if (next == kForever) {
      ADD_FAILURE() << "sleeps for ever";
      return WakeReason::kSignal;
    }
    world().now_ns = std::max(world().now_ns, next);
    timer().Run(world().now_ns);
    if (!waiter.woken && world().now_ns >= deadline_ns) return WakeReason::kTimeout;
  }
  return WakeReason::kWoken;
}

WakeReason WaitQueue::Wait(uint64_t deadline_ns, bool interruptible, bool) {
  Waiter waiter;
  PrepareWait(waiter);
  Add(waiter);
  return SleepUntilWoken(waiter, deadline_ns, interruptible);
}

void WaitQueue::Wake(Waiter& waiter) {
  waiter.node.Unlink();
  waiter.woken = true;
}

bool WaitQueue::WakeOne() {
  Waiter* first = waiters_.front();
  if (first == nullptr) return false;
  Wake(*first);
  return true;
}

void WaitQueue::WakeAll() {
  while (WakeOne()) {
  }
}

EventManager& event_manager() {
  static EventManager instance;
  return instance;
}
void EventManager::RunReady() { ++world().event_runs; }
// Whoever may wait is asked at once here: the tests count what leaves.
void EventManager::PollSoon() { Poll(); }
void EventManager::Poll() {
  ++world().tender_polls;
  if (world().on_tender_poll) world().on_tender_poll();
}

// ---- Threads

static Thread the_thread;
void Thread::OnTimer() {}
void Scheduler::MakeRunnable(Thread& thread) { run_queue_.PushBack(thread); }
Scheduler& scheduler() {
  static Scheduler instance;
  static Scheduler busy;
  static const bool prepared = (busy.MakeRunnable(the_thread), true);
  (void)prepared;
  return world().others_runnable ? busy : instance;
}

// ---- Memory

class HostPages final : public PageAllocator {
 public:
  uint64_t Allocate(uint64_t pages) override {
    if (world().pages + pages > world().page_limit) return 0;
    world().pages += pages;
    void* memory = std::aligned_alloc(EBB_PAGE_SIZE, pages * EBB_PAGE_SIZE);
    std::memset(memory, 0xdb, pages * EBB_PAGE_SIZE);
    return reinterpret_cast<uint64_t>(memory);
  }
  void Free(uint64_t address) override {
    if (address == 0) return;
    --world().pages;
    std::free(reinterpret_cast<void*>(address));
  }
  void SetTag(uint64_t, uint8_t) override {}
  uint8_t TagOf(uint64_t) const override { return 0; }
  uint64_t RunPages(uint64_t) const override { return 1; }
  uint64_t committed_bytes() const override { return world().pages * EBB_PAGE_SIZE; }
};

PageAllocator& page_allocator() {
  static HostPages instance;
  return instance;
}

uint64_t MemoryLimit() { return world().memory_limit; }
uint64_t MemoryCommitted() { return world().memory_committed; }

static bool Mapped(uint64_t address, size_t size) {
  if (size == 0) return true;
  return address >= EBB_PAGE_SIZE && (address + size <= world().unmapped_start || address >= world().unmapped_end);
}

Result<std::span<std::byte>> UserWritable(uint64_t address, size_t size) {
  if (!Mapped(address, size)) return Errno::kFault;
  return std::span(reinterpret_cast<std::byte*>(address), size);
}

Result<std::span<const std::byte>> UserReadable(uint64_t address, size_t size) {
  if (!Mapped(address, size)) return Errno::kFault;
  return std::span(reinterpret_cast<const std::byte*>(address), size);
}

Result<std::string_view> UserString(uint64_t address, size_t limit) {
  if (!Mapped(address, 1)) return Errno::kFault;
  const auto* text = reinterpret_cast<const char*>(address);
  const size_t size = strnlen(text, limit);
  if (size == limit) return Errno::kNameTooLong;
  return std::string_view(text, size);
}

// ---- The rest of the kernel

void OutOfMemory(const char* whom) { Panic(whom); }
void Panic(const char* reason) {
  std::fprintf(stderr, "panic: %s\n", reason);
  std::abort();
}

std::string_view Option(std::string_view name) {
  const auto found = world().options.find(name);
  return found == world().options.end() ? std::string_view() : std::string_view(found->second);
}

class CountingRandom final : public Random {
 public:
  void Fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(++next_);
  }

 private:
  uint8_t next_ = 0;
};

Random& random() {
  static CountingRandom instance;
  return instance;
}

class RecordingConsole final : public Console {
 public:
  Result<size_t> Write(uint32_t stream, std::span<const std::byte> bytes) override {
    ++world().console_writes;
    world().console[stream].append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return bytes.size();
  }
};

Console& console() {
  static RecordingConsole instance;
  return instance;
}

namespace linux_abi {

Process& process() {
  static Process instance;
  return instance;
}
Thread* Process::FindThread(uint32_t) { return nullptr; }
int64_t SysGetpid() { return 7; }
int64_t SysGettid() { return 7; }
void SendSignal(Thread&, int signal) { world().signals_sent.push_back(signal); }
void BeginMaskedWait(uint64_t mask) { world().mask_during_wait = mask; }
void EndMaskedWait(bool) { ++world().mask_ends; }

void WriteMaps(TextWriter& out) { out.Text("00400000-00500000 r-xp 00000000 00:00 0                    /bin/node\n"); }

}  // namespace linux_abi

// ---- World

namespace test {

static World the_world;
World& world() { return the_world; }

static void MapBootInfo() {
  static Core core;
  static bool mapped = false;
  if (mapped) return;
  mapped = true;
  void* at = mmap(reinterpret_cast<void*>(EBB_BOOT_INFO), EBB_PAGE_SIZE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (at != reinterpret_cast<void*>(EBB_BOOT_INFO)) std::abort();
  static const char kArguments[] = "node\0--test";
  static const char kEnvironment[] = "HOME=/";
  auto& info = *static_cast<ebb_boot_info*>(at);
  info.core_count = 1;
  info.arguments = P(kArguments);
  info.arguments_size = sizeof(kArguments);
  info.environment = P(kEnvironment);
  info.environment_size = sizeof(kEnvironment);
  core.self = &core;
  core.current = &the_thread;
  if (syscall(SYS_arch_prctl, ARCH_SET_GS, &core) != 0) std::abort();
}

FsTest::FsTest() {
  MapBootInfo();
  the_world = World{};
  the_world.options["program"] = "/bin/node";
  image_.Directory("/bin");
  image_.File("/bin/node", std::string(10000, 'n'), 0755, {{100, EBB_SITE_MOV}, {200, EBB_SITE_CMP}});
  image_.Directory("/dev");
  image_.Directory("/etc");
  image_.File("/etc/hosts", "127.0.0.1 localhost\n");
  image_.File("/etc/empty", "");
  image_.Symlink("/etc/alias", "hosts");
  image_.Directory("/proc", 0555);
  image_.Directory("/usr");
  image_.Directory("/usr/lib");
  image_.File("/usr/lib/libc.so", std::string(5000, 'c'), 0755);
  image_.Symlink("/lib", "usr/lib");
  Start(image_);
}

void FsTest::Start(ImageBuilder& image) {
  linux_abi::InitializeFileSystem(image.Build());
  linux_abi::InitializeStdio();
}

FsTest::~FsTest() {
  std::vector<int> open;
  linux_abi::fds().ForEach([&](int fd, const Ref<linux_abi::File>&) { open.push_back(fd); });
  for (const int fd : open) (void)linux_abi::fds().Close(fd);
  // Without a tree nothing may be left of what its files took.
  ImageBuilder nothing;
  the_world.options.clear();
  linux_abi::InitializeFileSystem(nothing.Build());
  EXPECT_EQ(the_world.pages, 0u);
  EXPECT_EQ(linux_abi::tree_quota().used(), 0u);
}

int64_t Open(std::string_view path, uint32_t flags, uint32_t mode) {
  return linux_abi::SysOpen(P(std::string(path).c_str()), flags, mode);
}

std::string ReadAll(int64_t fd) {
  std::string all;
  char buffer[1000] = {};
  for (;;) {
    const int64_t got = linux_abi::SysRead(static_cast<int>(fd), P(buffer), sizeof(buffer));
    EXPECT_GE(got, 0);
    if (got <= 0) return all;
    all.append(buffer, static_cast<size_t>(got));
  }
}

std::string ReadFile(std::string_view path) {
  const int64_t fd = Open(path);
  EXPECT_GE(fd, 0) << path;
  if (fd < 0) return {};
  std::string all = ReadAll(fd);
  EXPECT_EQ(linux_abi::SysClose(static_cast<int>(fd)), 0);
  return all;
}

int64_t WriteText(int64_t fd, std::string_view text) {
  return linux_abi::SysWrite(static_cast<int>(fd), P(text.data()), text.size());
}

void WriteFile(std::string_view path, std::string_view text) {
  const int64_t fd = Open(path, linux_abi::kOCreat | linux_abi::kOWrOnly | linux_abi::kOTrunc);
  ASSERT_GE(fd, 0) << path;
  EXPECT_EQ(WriteText(fd, text), static_cast<int64_t>(text.size()));
  EXPECT_EQ(linux_abi::SysClose(static_cast<int>(fd)), 0);
}

linux_abi::LinuxStat Stat(std::string_view path) {
  linux_abi::LinuxStat stat = {};
  EXPECT_EQ(linux_abi::SysLstat(P(std::string(path).c_str()), P(&stat)), 0) << path;
  return stat;
}

int64_t StatError(std::string_view path) {
  linux_abi::LinuxStat stat = {};
  return linux_abi::SysLstat(P(std::string(path).c_str()), P(&stat));
}

std::vector<std::string> List(std::string_view path) {
  std::vector<std::string> names;
  const int64_t fd = Open(path, linux_abi::kODirectory);
  EXPECT_GE(fd, 0) << path;
  // Small, so that a listing takes several calls.
  alignas(8) char buffer[128] = {};
  for (;;) {
    const int64_t got = linux_abi::SysGetdents64(static_cast<int>(fd), P(buffer), sizeof(buffer));
    EXPECT_GE(got, 0);
    if (got <= 0) break;
    for (int64_t at = 0; at < got;) {
      uint16_t size;
      std::memcpy(&size, buffer + at + 16, sizeof(size));
      names.emplace_back(buffer + at + 19);
      at += size;
    }
  }
  EXPECT_EQ(linux_abi::SysClose(static_cast<int>(fd)), 0);
  std::sort(names.begin(), names.end());
  return names;
}

std::string ReadLink(std::string_view path) {
  char buffer[4096] = {};
  const int64_t got = linux_abi::SysReadlink(P(std::string(path).c_str()), P(buffer), sizeof(buffer));
  EXPECT_GE(got, 0) << path;
  return got < 0 ? std::string() : std::string(buffer, static_cast<size_t>(got));
}

}  // namespace test
}  // namespace ebb
