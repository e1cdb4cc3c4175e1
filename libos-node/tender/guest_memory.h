// GuestMemory: puts everything that a guest finds at its start into an address space: the image's segments, the
// hypercall page, boot info, clock, rings, data area and upcall stacks (address map of abi/ebb_abi.h).
//
// The process tender maps at the true addresses (base 0) in the child; KVM maps into a reservation, guest address 0 at
// `base`, and never executable: the guest's code is data to the tender.
#ifndef EBB_TENDER_GUEST_MEMORY_H_
#define EBB_TENDER_GUEST_MEMORY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "tender/image.h"
#include "tender/pages/page_layout.h"
#include "tender/result.h"
#include "tender/shared_memory.h"

namespace ebb::tender {

struct GuestMemoryPlan {
  const Image& image;
  const SharedMemory* shared;     // null for a zygote
  std::span<const uint8_t> page;  // code of the hypercall page
  PageParams params;
  std::span<const uint8_t> boot_info;  // BuildBootInfo
  uint32_t cores = 1;
};

class SnapshotFile;
class TemplateMemory;

class GuestMemory {
 public:
  GuestMemory(uint8_t* base, bool executable) : base_(base), executable_(executable) {}

  Result<void> Map(const GuestMemoryPlan& plan);
  // Instead of Map, for a zygote: the image as it was when the snapshot was taken (program and LibOS from `memory`),
  // heap and arena, hypercall page and upcall stacks. What each clone gets as its own is left out, but counted as
  // mapped.
  Result<void> Restore(const GuestMemoryPlan& plan, const SnapshotFile& snapshot, const TemplateMemory& memory);
  // The parts of these.
  Result<void> MapRestored(const GuestMemoryPlan& plan, const TemplateMemory& memory);
  Result<void> MapBootInfo(const GuestMemoryPlan& plan);
  Result<void> MapShared(const SharedMemory& shared);

  Result<void> MapFile(uint64_t address, uint64_t size, uint32_t prot, int fd, uint64_t offset, bool shared,
                       const char* what);
  // Anonymous private pages.
  Result<void> MapAnonymous(uint64_t address, uint64_t size, uint32_t prot, const char* what);
  void* At(uint64_t address) const { return base_ + address; }
  // Address space used so far.
  uint64_t mapped_bytes() const { return mapped_bytes_; }

 private:
  Result<void> MapHypercallPage(const GuestMemoryPlan& plan);
  Result<void> RestoreRuns(const SnapshotFile& snapshot);
  Result<void> RestorePages(const SnapshotFile& snapshot);
  Result<void> MapSegment(const ebb_image_segment& segment, int fd);
  Result<void> Protect(uint64_t address, uint64_t size, uint32_t prot);
  int HostProt(uint32_t prot) const;

  uint8_t* base_;
  bool executable_;
  uint64_t mapped_bytes_ = 0;
};

// The code of a page, as linked at build time, and its header.
std::span<const uint8_t> ProcessPage();
std::span<const uint8_t> ZygotePage();
std::span<const uint8_t> KvmPage();
PageHeader ReadPageHeader(std::span<const uint8_t> page);
// Boot parameters and page parameters that follow from image and page.
void FillHypercalls(std::span<const uint8_t> page, uint64_t (&hypercalls)[EBB_HC_COUNT]);
PageParams ParamsOf(const Image& image, uint64_t memory_limit);

}  // namespace ebb::tender

#endif  // EBB_TENDER_GUEST_MEMORY_H_
