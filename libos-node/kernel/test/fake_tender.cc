#include "kernel/test/fake_tender.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <map>

#include "ebb/ebb_registry.h"
#include "ebb/hosted/local_table.h"
#include "kernel/buddy_page_allocator.h"
#include "kernel/core.h"
#include "kernel/ebb_ids.h"
#include "kernel/gp_allocator.h"
#include "kernel/memory_info.h"
#include "kernel/ring.h"
#include "linux/mm/address_space.h"
#include "linux/mm/syscall_sites.h"

namespace ebb {
namespace test {
uint64_t limit = 0;
namespace {

// AddressSanitizer's shadow begins a little above; under it what lies beyond can be mapped by the kernel, not touched.
#ifdef __SANITIZE_ADDRESS__
constexpr uint64_t kArenaEnd = 0x7fff0000;
#else
constexpr uint64_t kArenaEnd = EBB_ARENA_END;
#endif

FakeTender* current = nullptr;
std::map<uint64_t, uint64_t> held;  // pages and their protection
uint64_t calls = 0;

void* Region(uint64_t start, uint64_t size, int prot) {
  void* at = mmap(reinterpret_cast<void*>(start), size, prot,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (at == MAP_FAILED) std::abort();
  return at;
}

int HostProt(uint64_t prot) {
  return ((prot & EBB_PROT_READ) != 0 ? PROT_READ : 0) | ((prot & EBB_PROT_WRITE) != 0 ? PROT_WRITE : 0) |
         ((prot & EBB_PROT_EXEC) != 0 ? PROT_EXEC : 0);
}

long Enter(uint64_t flags, uint64_t, int64_t, int64_t) {
  if (current->on_enter) current->on_enter(flags);
  return 0;
}

long Protect(uint64_t address, uint64_t size, uint64_t prot) {
  if (address >= kArenaEnd) return prot == 0 ? 0 : -ENOMEM;
  ++calls;
  uint64_t fresh = 0;
  for (uint64_t page = address; page < address + size; page += EBB_PAGE_SIZE)
    fresh += held.contains(page) ? 0 : EBB_PAGE_SIZE;
  if (prot != 0 && held.size() * EBB_PAGE_SIZE + fresh > limit) return -ENOMEM;
  for (uint64_t page = address; page < address + size; page += EBB_PAGE_SIZE) {
    if (prot != 0 || held.contains(page)) held[page] = prot;
  }
  return mprotect(reinterpret_cast<void*>(address), size, HostProt(prot)) == 0 ? 0 : -errno;
}

// As the contract says: memory is given back only where the guest has no access; elsewhere it becomes zero.
long Discard(uint64_t address, uint64_t size) {
  if (address >= kArenaEnd) return 0;
  ++calls;
  for (auto page = held.lower_bound(address); page != held.end() && page->first < address + size;) {
    page = page->second == 0 ? held.erase(page) : std::next(page);
  }
  return madvise(reinterpret_cast<void*>(address), size, MADV_DONTNEED) == 0 ? 0 : -errno;
}

long Random(void* buffer, uint64_t size) {
  __builtin_memset(buffer, 0x5a, size);
  return 0;
}

void Exit(uint64_t kind, uint64_t) {
  ADD_FAILURE() << "the kernel ended the machine, kind " << kind << ": " << core_shared(0).report;
  std::abort();
}

Core core_block;

}  // namespace

FakeTender::FakeTender(uint64_t memory_limit) {
  current = this;
  limit = memory_limit;
  held.clear();
  calls = 0;
  Region(EBB_BOOT_INFO, EBB_PAGE_SIZE, PROT_READ | PROT_WRITE);
  Region(EBB_CLOCK, EBB_CLOCK_SIZE, PROT_READ | PROT_WRITE);
  Region(EBB_RINGS, EBB_RING_STRIDE, PROT_READ | PROT_WRITE);
  Region(EBB_DATA, EBB_DATA_SIZE, PROT_READ | PROT_WRITE);
  Region(EBB_HEAP_BASE, EBB_HEAP_END - EBB_HEAP_BASE, PROT_NONE);
  Region(EBB_ARENA_BASE, kArenaEnd - EBB_ARENA_BASE, PROT_NONE);
  auto& boot = *reinterpret_cast<ebb_boot_info*>(EBB_BOOT_INFO);
  boot = {};
  boot.memory_limit = memory_limit;
  boot.hypercalls[EBB_HC_ENTER] = reinterpret_cast<uint64_t>(&Enter);
  boot.hypercalls[EBB_HC_PROTECT] = reinterpret_cast<uint64_t>(&Protect);
  boot.hypercalls[EBB_HC_DISCARD] = reinterpret_cast<uint64_t>(&Discard);
  boot.hypercalls[EBB_HC_RANDOM] = reinterpret_cast<uint64_t>(&Random);
  boot.hypercalls[EBB_HC_EXIT] = reinterpret_cast<uint64_t>(&Exit);
  core_block = {};
  core_block.self = &core_block;
  // glibc leaves GS alone on x86-64.
  asm volatile("wrgsbase %0" ::"r"(&core_block) : "memory");
  hosted::EnterCore(0);
  SetEbbRoot(kPageAllocatorEbb, new SharedEbb<PageAllocator, BuddyPageAllocator>());
  SetEbbRoot(kGeneralPurposeAllocatorEbb, new SharedEbb<GeneralPurposeAllocator, SlabAllocator>());
  SetEbbRoot(kRingEbb, new PerCoreEbb<RingQueue>());
  SetEbbRoot(kAddressSpaceEbb, new SharedEbb<linux_abi::AddressSpace>());
}

FakeTender::~FakeTender() {
  munmap(reinterpret_cast<void*>(EBB_BOOT_INFO), EBB_PAGE_SIZE);
  munmap(reinterpret_cast<void*>(EBB_CLOCK), EBB_CLOCK_SIZE);
  munmap(reinterpret_cast<void*>(EBB_RINGS), EBB_RING_STRIDE);
  munmap(reinterpret_cast<void*>(EBB_DATA), EBB_DATA_SIZE);
  munmap(reinterpret_cast<void*>(EBB_HEAP_BASE), EBB_HEAP_END - EBB_HEAP_BASE);
  munmap(reinterpret_cast<void*>(EBB_ARENA_BASE), kArenaEnd - EBB_ARENA_BASE);
  current = nullptr;
}

uint64_t FakeTender::committed() const { return held.size() * EBB_PAGE_SIZE; }

uint64_t FakeTender::memory_calls() const { return calls; }

uint64_t FakeTender::arena_end() const { return kArenaEnd; }

uint64_t FakeTender::protection(uint64_t page) const {
  const auto found = held.find(page);
  return found == held.end() ? 0 : found->second;
}

}  // namespace test

uint64_t MemoryLimit() { return boot_info().memory_limit; }

PageAllocator& page_allocator() { return *EbbRef<PageAllocator>(kPageAllocatorEbb); }
GeneralPurposeAllocator& gp_allocator() { return *EbbRef<GeneralPurposeAllocator>(kGeneralPurposeAllocatorEbb); }
uint64_t MemoryCommitted() { return linux_abi::address_space().committed_bytes(); }
bool ReclaimMemory() { return linux_abi::address_space().ReleaseFreeMemory(); }
// Tests set no EBB_BOOT_TRACE.
void TraceHypercall(const char*, uint64_t, uint64_t, uint64_t) {}

RingQueue& ring() { return *EbbRef<RingQueue>(kRingEbb); }

namespace linux_abi {

AddressSpace& address_space() { return *EbbRef<AddressSpace>(kAddressSpaceEbb); }

// Anonymous mappings only in these tests.
void RedirectSyscallSites(const File&, uint64_t, uint64_t, uint64_t) {}
uint64_t FirstSegmentSpan(File&, uint64_t size) { return size; }

}  // namespace linux_abi
}  // namespace ebb
