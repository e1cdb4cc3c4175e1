// Start of the kernel on core 0: the core block, the Ebbs, the file system, then the program.
#include "kernel/clock.h"
#include "kernel/ebb_set.h"
#include "kernel/hypercall.h"
#include "kernel/options.h"
#include "kernel/panic.h"
#include "kernel/thread.h"
#include "linux/fs/open.h"
#include "linux/process/process.h"

extern "C" {
[[noreturn]] void ebb_kernel_main(const ebb_boot_info* boot);
void ebb_call_entry();
extern void (*const __init_array_start[])();
extern void (*const __init_array_end[])();
}

namespace ebb {
namespace {

constinit Core core_blocks[4];
uint64_t boot_time;

uint64_t ReadSegment(bool code) {
  uint64_t value = 0;
  if (code) {
    asm("mov %%cs, %0" : "=r"(value));
  } else {
    asm("mov %%ss, %0" : "=r"(value));
  }
  return value & 0xffff;
}

void InitializeCore(uint32_t index) {
  Core& core = core_blocks[index];
  core.self = &core;
  core.index = index;
  core.ebb_table = core.ebb_table_storage;
  core.call = &ebb_call_entry;
  core.user_cs = ReadSegment(true);
  core.user_ss = ReadSegment(false);
  asm volatile("wrgsbase %0" ::"r"(&core) : "memory");
}

}  // namespace

void** LocalTranslationTable() {
  void** table;
  asm("mov %%gs:32, %0" : "=r"(table));
  return table;
}

uint32_t CurrentCore() { return this_core().index; }

uint64_t boot_time_ns() { return boot_time; }

}  // namespace ebb

void ebb_kernel_main(const ebb_boot_info* boot) {
  using namespace ebb;
  InitializeCore(0);
  if (boot != &boot_info() || boot->magic != EBB_BOOT_MAGIC || boot->abi_version != EBB_ABI_VERSION)
    Panic("boot info is not of this ABI");
  boot_time = clock->Now();
  for (auto* constructor = __init_array_start; constructor != __init_array_end; ++constructor) (*constructor)();
  if (const std::string_view unknown = InstallKernelEbbs(Options()); !unknown.empty()) Panic(unknown.data());
  linux_abi::InitializeFileSystem(reinterpret_cast<const ebb_fs_header*>(EBB_FS_BASE));
  linux_abi::InitializeStdio();
  // A place to switch from; this context is never continued.
  Thread* boot_thread = Thread::Create();
  if (boot_thread == nullptr) OutOfMemory();
  scheduler().Adopt(*boot_thread);
  linux_abi::Execute(Option("interpreter"));
  scheduler().Exit();
}
