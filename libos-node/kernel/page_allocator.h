// PageAllocator: runs of 4 KiB pages of the LibOS heap region. Power-of-two runs (a binary buddy system),
// address-ordered by size class, grown from the tender in blocks as needed. Counts against the VM's memory limit.
#pragma once

#include <cstdint>

namespace ebb {

class PageAllocator {
 public:
  virtual ~PageAllocator() = default;
  // Address of `pages` pages (rounded up to a power of two), content undefined; 0 when the limit is reached.
  virtual uint64_t Allocate(uint64_t pages) = 0;
  // 0 is fine. The run as Allocate returned it.
  virtual void Free(uint64_t address) = 0;
  // For the allocator above: marks the run that contains `address`. Tag 0: none.
  virtual void SetTag(uint64_t address, uint8_t tag) = 0;
  // First page and tag of the allocated run's page; only the first page of a run carries the tag.
  virtual uint8_t TagOf(uint64_t page) const = 0;
  virtual uint64_t RunPages(uint64_t address) const = 0;
  virtual uint64_t committed_bytes() const = 0;
};

PageAllocator& page_allocator();

}  // namespace ebb
