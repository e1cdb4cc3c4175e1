// Start of the kernel on core 0: the core block, the Ebbs, the file system, then the program.
#include "kernel/clock.h"
#include "kernel/ebb_set.h"
#include "kernel/hypercall.h"
#include "kernel/memory_info.h"
#include "kernel/options.h"
#include "kernel/page_allocator.h"
#include "kernel/panic.h"
#include "kernel/thread.h"
#include "kernel/user_memory.h"
#include "linux/fs/open.h"
#include "linux/mm/address_space.h"
#include "linux/process/process.h"

extern "C" {
[[noreturn]] void ebb_kernel_main(const ebb_boot_info* boot);
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
  core.user_cs = ReadSegment(true);
  core.user_ss = ReadSegment(false);
  asm volatile("wrgsbase %0" ::"r"(&core) : "memory");
}

}  // namespace

std::string_view Options() { return {reinterpret_cast<const char*>(boot_info().options), boot_info().options_size}; }

void** LocalTranslationTable() {
  void** table;
  asm("mov %%gs:32, %0" : "=r"(table));
  return table;
}

uint32_t CurrentCore() { return this_core().index; }

uint64_t boot_time_ns() { return boot_time; }

uint64_t MemoryLimit() { return boot_info().memory_limit; }

uint64_t MemoryCommitted() { return page_allocator().committed_bytes() + linux_abi::address_space().committed_bytes(); }

std::string_view Option(std::string_view name) {
  std::string_view first;
  ForEachOption(name, [&](std::string_view value) {
    if (first.data() == nullptr) first = value;
  });
  return first;
}

Result<std::span<std::byte>> UserWritable(uint64_t address, size_t size) {
  if (size != 0 && !linux_abi::address_space().Covers(address, size, linux_abi::kProtWrite)) return Errno::kFault;
  return std::span(reinterpret_cast<std::byte*>(address), size);
}

Result<std::span<const std::byte>> UserReadable(uint64_t address, size_t size) {
  if (size != 0 && !linux_abi::address_space().Covers(address, size, linux_abi::kProtRead)) return Errno::kFault;
  return std::span(reinterpret_cast<const std::byte*>(address), size);
}

Result<std::string_view> UserString(uint64_t address, size_t limit) {
  const auto* text = reinterpret_cast<const char*>(address);
  uint64_t checked = address;  // bytes below are readable
  for (size_t size = 0; size < limit; ++size) {
    if (address + size >= checked) {
      if (!linux_abi::address_space().Covers(address + size, 1, linux_abi::kProtRead)) return Errno::kFault;
      checked = (address + size + EBB_PAGE_SIZE) & ~(EBB_PAGE_SIZE - 1);
    }
    if (text[size] == '\0') return std::string_view(text, size);
  }
  return Errno::kNameTooLong;
}

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
