// Mapping of a guest's initial memory.
#include "tender/guest_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "tender/snapshot_file.h"
#include "tender/template_memory.h"

namespace ebb::tender {
namespace {

constexpr uint32_t kReadWrite = EBB_PROT_READ | EBB_PROT_WRITE;

uint64_t RoundUp(uint64_t size) { return (size + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1); }

}  // namespace

int GuestMemory::HostProt(uint32_t prot) const {
  int host = PROT_NONE;
  if ((prot & EBB_PROT_READ) != 0) host |= PROT_READ;
  if ((prot & EBB_PROT_WRITE) != 0) host |= PROT_READ | PROT_WRITE;
  if ((prot & EBB_PROT_EXEC) != 0) host |= executable_ ? PROT_READ | PROT_EXEC : PROT_READ;
  return host;
}

Result<void> GuestMemory::MapFile(uint64_t address, uint64_t size, uint32_t prot, int fd, uint64_t offset, bool shared,
                                  const char* what) {
  // A reservation (KVM) is there to be replaced; at true addresses nothing else may be.
  const int fixed = base_ == nullptr ? MAP_FIXED_NOREPLACE : MAP_FIXED;
  const int flags = fixed | MAP_NORESERVE | (shared ? MAP_SHARED : MAP_PRIVATE) | (fd < 0 ? MAP_ANONYMOUS : 0);
  void* result = mmap(At(address), size, HostProt(prot), flags, fd, static_cast<off_t>(offset));
  if (result == MAP_FAILED) return ErrnoError(ErrorCode::kMemory, what, errno);
  if (result != At(address)) return Error{ErrorCode::kMemory, std::string(what) + ": the address is taken"};
  mapped_bytes_ += RoundUp(size);
  return {};
}

Result<void> GuestMemory::MapAnonymous(uint64_t address, uint64_t size, uint32_t prot, const char* what) {
  return MapFile(address, size, prot, -1, 0, false, what);
}

Result<void> GuestMemory::Protect(uint64_t address, uint64_t size, uint32_t prot) {
  if (mprotect(At(address), size, HostProt(prot)) != 0) return ErrnoError(ErrorCode::kMemory, "mprotect", errno);
  return {};
}

Result<void> GuestMemory::MapSegment(const ebb_image_segment& segment, int fd) {
  const uint64_t file_pages = RoundUp(segment.file_size);
  const uint64_t all_pages = RoundUp(segment.mem_size);
  if (file_pages > 0) {
    if (auto done = MapFile(segment.vaddr, file_pages, segment.prot, fd, segment.file_offset, false, "image segment");
        !done)
      return done;
    const uint64_t rest = file_pages - segment.file_size;
    auto* tail = static_cast<uint8_t*>(At(segment.vaddr + segment.file_size));
    const bool readable = HostProt(segment.prot) != PROT_NONE;
    // The file may go on after the segment; the page may not. Looked at first, so that clean pages stay shared.
    if (rest > 0 && (!readable || std::any_of(tail, tail + rest, [](uint8_t byte) { return byte != 0; }))) {
      if (auto done = Protect(segment.vaddr, file_pages, EBB_PROT_WRITE); !done) return done;
      std::memset(tail, 0, rest);
      if (auto done = Protect(segment.vaddr, file_pages, segment.prot); !done) return done;
    }
  }
  if (all_pages > file_pages)
    return MapAnonymous(segment.vaddr + file_pages, all_pages - file_pages, segment.prot, "image segment");
  return {};
}

Result<void> GuestMemory::MapHypercallPage(const GuestMemoryPlan& plan) {
  if (auto done = MapAnonymous(EBB_HYPERCALL_PAGE, EBB_HYPERCALL_PAGE_SIZE, kReadWrite, "hypercall page"); !done)
    return done;
  std::memcpy(At(EBB_HYPERCALL_PAGE), plan.page.data(), plan.page.size());
  std::memcpy(At(EBB_HYPERCALL_PAGE + kPageParamsOffset), &plan.params, sizeof plan.params);
  if (auto done = Protect(EBB_HYPERCALL_PAGE, EBB_HYPERCALL_PAGE_SIZE, EBB_PROT_READ | EBB_PROT_EXEC); !done)
    return done;
  return {};
}

Result<void> GuestMemory::Map(const GuestMemoryPlan& plan) {
  for (const auto& segment : plan.image.segments()) {
    if (auto done = MapSegment(segment, plan.image.fd()); !done) return done;
  }
  if (auto done = MapHypercallPage(plan); !done) return done;

  if (auto done = MapBootInfo(plan); !done) return done;
  if (auto done = MapAnonymous(EBB_UPCALL_STACKS, plan.cores * EBB_UPCALL_STACK_SIZE, kReadWrite, "upcall stacks");
      !done)
    return done;
  return MapShared(*plan.shared);
}

Result<void> GuestMemory::MapBootInfo(const GuestMemoryPlan& plan) {
  const uint64_t size = RoundUp(plan.boot_info.size());
  if (auto done = MapAnonymous(EBB_BOOT_INFO, size, kReadWrite, "boot info"); !done) return done;
  std::memcpy(At(EBB_BOOT_INFO), plan.boot_info.data(), plan.boot_info.size());
  return Protect(EBB_BOOT_INFO, size, EBB_PROT_READ);
}

Result<void> GuestMemory::MapShared(const SharedMemory& shared) {
  if (auto done =
          MapFile(EBB_RINGS, shared.rings_size(), kReadWrite, shared.fd(), shared.rings_offset(), true, "rings");
      !done)
    return done;
  if (auto done = MapFile(EBB_DATA, EBB_DATA_SIZE, kReadWrite, shared.fd(), shared.data_offset(), true, "data area");
      !done)
    return done;
  return MapFile(EBB_CLOCK, EBB_CLOCK_SIZE, EBB_PROT_READ, shared.fd(), shared.clock_offset(), true, "clock page");
}

Result<void> GuestMemory::MapRestored(const GuestMemoryPlan& plan, const TemplateMemory& memory) {
  for (const auto& segment : plan.image.segments()) {
    auto done = TemplateMemory::Holds(segment) ? MapFile(segment.vaddr, RoundUp(segment.mem_size), segment.prot,
                                                         memory.fd(), segment.vaddr, false, "image segment")
                                               : MapSegment(segment, plan.image.fd());
    if (!done) return done;
  }
  if (auto done = MapHypercallPage(plan); !done) return done;
  return MapAnonymous(EBB_UPCALL_STACKS, plan.cores * EBB_UPCALL_STACK_SIZE, kReadWrite, "upcall stacks");
}

Result<void> GuestMemory::Restore(const GuestMemoryPlan& plan, const SnapshotFile& snapshot,
                                  const TemplateMemory& memory) {
  if (auto done = MapRestored(plan, memory); !done) return done;
  mapped_bytes_ += RoundUp(plan.boot_info.size()) + SharedMemory::MappedByGuest(plan.cores);
  if (auto done = RestorePages(snapshot); !done) return done;
  return RestoreRuns(snapshot);
}

// Everything writable first, then the content.
Result<void> GuestMemory::RestorePages(const SnapshotFile& snapshot) {
  const uint64_t mapped = mapped_bytes_;
  for (const SnapshotRun& run : snapshot.snapshot().runs) {
    if (run.address < EBB_EXE_END) continue;
    if (auto done = MapAnonymous(run.address, run.size, kReadWrite, "heap and arena"); !done) return done;
    // As for a guest that commits it (pages/process_page.cc).
    madvise(At(run.address), run.size, MADV_HUGEPAGE);
  }
  mapped_bytes_ = mapped;  // the guest's memory limit counts these
  for (const SnapshotExtent& extent : snapshot.snapshot().extents) {
    if (extent.address < EBB_HEAP_BASE) continue;
    const auto pages = snapshot.Pages(extent);
    std::memcpy(At(extent.address), pages.data(), pages.size());
  }
  return {};
}

Result<void> GuestMemory::RestoreRuns(const SnapshotFile& snapshot) {
  for (const SnapshotRun& run : snapshot.snapshot().runs) {
    if (run.address >= EBB_EXE_END && run.prot == kReadWrite) continue;
    if (auto done = Protect(run.address, run.size, static_cast<uint32_t>(run.prot)); !done) return done;
  }
  return {};
}

extern "C" {
extern const uint8_t ebb_process_page[], ebb_process_page_end[];
extern const uint8_t ebb_zygote_page[], ebb_zygote_page_end[];
extern const uint8_t ebb_kvm_page[], ebb_kvm_page_end[];
}

std::span<const uint8_t> ProcessPage() { return {ebb_process_page, ebb_process_page_end}; }
std::span<const uint8_t> ZygotePage() { return {ebb_zygote_page, ebb_zygote_page_end}; }
std::span<const uint8_t> KvmPage() { return {ebb_kvm_page, ebb_kvm_page_end}; }

PageHeader ReadPageHeader(std::span<const uint8_t> page) {
  PageHeader header;
  std::memcpy(&header, page.data(), sizeof header);
  return header;
}

void FillHypercalls(std::span<const uint8_t> page, uint64_t (&hypercalls)[EBB_HC_COUNT]) {
  const PageHeader header = ReadPageHeader(page);
  std::copy(std::begin(header.hypercalls), std::end(header.hypercalls), std::begin(hypercalls));
}

PageParams ParamsOf(const Image& image, uint64_t memory_limit) {
  PageParams params{};
  params.kernel_entry = image.header().kernel_entry;
  params.upcall_entry = image.header().upcall_entry;
  params.syscall_entry = image.header().syscall_entry;
  params.kernel_text_start = image.header().kernel_text_start;
  params.kernel_text_end = image.header().kernel_text_end;
  params.memory_limit = memory_limit;
  return params;
}

}  // namespace ebb::tender
