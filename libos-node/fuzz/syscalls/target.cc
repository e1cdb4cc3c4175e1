// The Linux ABI against a hostile program: programs of system calls with any numbers, pointers, lengths, descriptors
// and flags, run through the real dispatch, files, sockets, memory, futexes and signals. Input: what the world answers,
// then steps. While a call sleeps, the next steps are those of another thread, so memory and descriptors change under
// it.
//
// Every call returns, with a result that Linux could give; nothing is left when the program has ended. Left out:
// arch_prctl(ARCH_SET_FS), which would take this process's own thread-local storage away.
#include <algorithm>
#include <memory>
#include <vector>

#include "fuzz/guest/kernel.h"
#include "fuzz/guest/tender.h"
#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "fuzz/syscalls/arguments.h"
#include "fuzz/syscalls/signatures.h"
#include "kernel/event_manager.h"
#include "linux/fd_table.h"
#include "linux/fs/file_system.h"
#include "linux/fs/open.h"
#include "linux/fs/quota.h"
#include "linux/fs/test/image_builder.h"
#include "linux/mm/address_space.h"
#include "linux/process/process.h"
#include "linux/process/signal.h"
#include "linux/syscall.h"

namespace ebb::fuzz {
namespace {

using namespace linux_abi;

constexpr uint64_t kArchPrctl = 158, kSetFs = 0x1002;
constexpr int kDeepestSleep = 3;

const ebb_fs_header* Image() {
  static test::ImageBuilder builder;
  static const ebb_fs_header* const image = [] {
    builder.Directory("/bin");
    std::string program(6000, 'n');
    program.replace(100, 7, std::string("\xb8\x01\x00\x00\x00\x0f\x05", 7));
    program.replace(200, 8, std::string("\x0f\x05\x48\x3d\x01\xf0\xff\xff", 8));
    builder.File("/bin/node", program, 0755, {{100, EBB_SITE_MOV}, {200, EBB_SITE_CMP}});
    builder.Directory("/dev");
    builder.Directory("/etc");
    builder.File("/etc/hosts", "127.0.0.1 localhost\n");
    builder.File("/etc/empty", "");
    builder.Symlink("/etc/alias", "hosts");
    builder.Directory("/proc", 0555);
    builder.Directory("/usr");
    builder.Directory("/usr/lib");
    builder.File("/usr/lib/libc.so", std::string(5000, 'c'), 0755);
    builder.Symlink("/lib", "usr/lib");
    return builder.Build();
  }();
  return image;
}

class Program {
 public:
  explicit Program(Input& input) : input_(input), arguments_(input) {
    const uint8_t world = input_.Byte();
    ResetKernel(world, (world & 1) != 0);
    InitializeFileSystem(Image());
    InitializeStdio();
    main_ = NewThread();
    this_core().current = main_;
    MapScratch();
    kernel.run_others = [this] { return RunOthers(); };
  }

  void Run() {
    try {
      while (Step()) {
      }
    } catch (const GuestExit&) {
    } catch (const ThreadExit&) {
      exited_.push_back(main_);
    }
  }

  // Without descriptors and names nothing may be left of what files, sockets and threads took.
  ~Program() {
    kernel.run_others = nullptr;
    std::vector<int> open;
    fds().ForEach([&](int fd, const Ref<File>&) { open.push_back(fd); });
    for (const int fd : open) (void)fds().Close(fd);
    fds() = FdTable();
    Settle();
    StopKernel();
    std::vector<Thread*> threads;
    process().ForEachThread([&](Thread& thread) { threads.push_back(&thread); });
    ResetProcess(threads);
    // A shared mapping holds its file.
    FUZZ_CHECK(address_space().Unmap(EBB_ARENA_BASE, EBB_ARENA_END - EBB_ARENA_BASE).ok());
    std::destroy_at(&file_system());
    std::construct_at(&file_system());
    for (Thread* thread : exited_) Thread::Destroy(thread);
    FUZZ_CHECK(kernel.pages == 0);
    FUZZ_CHECK(tree_quota().used() == 0);
  }

 private:
  static Thread* NewThread() {
    Thread* thread = process().CreateThread();
    if (thread == nullptr) return nullptr;
    thread->frame().rsp = kScratch + kScratchSize - 256;
    thread->frame().rip = EBB_EXE_BASE;
    return thread;
  }

  // The process as at its start: its threads end as they do when a thread exits.
  static void ResetProcess(const std::vector<Thread*>& threads) {
    (void)SysAlarm(0);
    process_signals().Drop(~0ull);
    for (int signal = 1; signal <= kSignals; ++signal) ActionOf(signal) = {};
    for (Thread* thread : threads) delete &PersonalityOf(*thread);
    std::destroy_at(&process());
    std::construct_at(&process());
    for (Thread* thread : threads) Thread::Destroy(thread);
  }

  static void MapScratch() {
    const auto map = [](uint64_t at, uint64_t size, uint32_t prot) {
      FUZZ_CHECK(address_space().Map(at, size, prot, kMapPrivate | kMapAnonymous | kMapFixed, nullptr, 0).ok());
    };
    map(kScratch, kScratchSize, kProtRead | kProtWrite);
    map(kReadOnly, EBB_PAGE_SIZE, kProtRead);
    map(kNoAccess, EBB_PAGE_SIZE, 0);
  }

  // False at the end of the input.
  bool Step() {
    if (input_.empty()) return false;
    const uint8_t number = input_.Byte();
    switch (number) {
      case 255:
        Call(input_.Take<uint16_t>() % 600, "xxxxxx");
        break;
      case 254: {
        const uint64_t at = kScratch + input_.Take<uint16_t>();
        arguments_.Store(at, input_.Bytes(input_.Below(32)));
        break;
      }
      case 253:
        HappenOutside(input_.Byte());
        event_manager().Poll();
        break;
      case 252:
        kernel.now_ns += input_.Byte() * 1'000'000ull;
        event_manager().RunReady();
        break;
      case 251: {
        // The program faults.
        Thread& thread = *scheduler().current();
        const uint64_t vector = input_.Below(20), address = arguments_.Hostile();
        DeliverFault(thread, thread.frame(), static_cast<uint32_t>(vector), input_.Byte(), address);
        FinishReturn(thread.frame());
        break;
      }
      default: {
        const Signature& signature = kSignatures[number % std::size(kSignatures)];
        Call(signature.number, signature.arguments);
      }
    }
    // In a VM a fault that passes the limit is the end.
    if (PassedLimit()) throw GuestExit{EBB_EXIT_MEMORY, 0};
    return true;
  }

  void Call(uint64_t number, const char* kinds) {
    Thread& thread = *scheduler().current();
    UserFrame& frame = thread.frame();
    uint64_t* const registers[] = {&frame.rdi, &frame.rsi, &frame.rdx, &frame.r10, &frame.r8, &frame.r9};
    arguments_.Begin();
    const uint8_t hostile = input_.Byte();
    size_t i = 0;
    for (; kinds[i] != '\0'; ++i)
      *registers[i] = (hostile >> i & 1) != 0 && hostile < 0xc0 ? arguments_.Hostile() : arguments_.Make(kinds[i]);
    for (; i < std::size(registers); ++i) *registers[i] = 0;
    if (number == kArchPrctl && static_cast<uint32_t>(frame.rdi) == kSetFs) return;
    if (hostile % 8 != 0) ShortenCopy(number, frame);
    frame.rax = frame.orig_rax = number;
    HandleSyscall(frame);
    BlockFarMemory();
    const auto result = static_cast<int64_t>(frame.rax);
    // Where a handler was entered, the result is in its frame.
    if (frame.orig_rax != number) return;
    FUZZ_CHECK(result >= -4095);
    arguments_.Remember(result);
  }

  // Gigabytes that go from one file to another take a second and say little more than some pages.
  static void ShortenCopy(uint64_t number, UserFrame& frame) {
    constexpr uint64_t kSendfile = 40, kSplice = 275, kCopyFileRange = 326, kEnough = 40000;
    if (number == kSendfile) frame.r10 = std::min(frame.r10, kEnough);
    if (number == kSplice || number == kCopyFileRange) frame.r8 = std::min(frame.r8, kEnough);
  }

  // The current thread sleeps: another one makes some calls.
  bool RunOthers() {
    if (depth_ == kDeepestSleep || input_.empty()) return false;
    Thread* sleeper = scheduler().current();
    Thread*& other = others_[depth_];
    if (other == nullptr) other = NewThread();
    if (other == nullptr) return false;
    struct Restore {
      Program& program;
      Thread* sleeper;
      ~Restore() {
        --program.depth_;
        this_core().current = sleeper;
      }
    } restore{*this, sleeper};
    ++depth_;
    this_core().current = other;
    try {
      for (int steps = 1 + static_cast<int>(input_.Below(3)); steps > 0 && Step(); --steps) {
      }
    } catch (const ThreadExit&) {
      exited_.push_back(other);
      other = nullptr;
    }
    return true;
  }

  Input& input_;
  Arguments arguments_;
  Thread* main_;
  int depth_ = 0;
  Thread* others_[kDeepestSleep] = {};
  std::vector<Thread*> exited_;
};

}  // namespace
}  // namespace ebb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool started = (ebb::fuzz::StartKernel(), true);
  (void)started;
  ebb::fuzz::Input input(data, size);
  ebb::fuzz::Program(input).Run();
  return 0;
}
