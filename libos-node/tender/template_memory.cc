// Filling of a template's memfd.
#include "tender/template_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ebb::tender {
namespace {

constexpr uint64_t kLargePage = 2ull << 20;
constexpr int kMadvCollapse = 25;  // MADV_COLLAPSE, Linux 6.1
// Two pieces of content with less between them are one mapping for each clone; what is between is zero.
constexpr uint64_t kSmallestGap = 16 * EBB_PAGE_SIZE;

uint64_t RoundUp(uint64_t size) { return (size + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1); }

bool InSegments(const Image& image, const SnapshotExtent& extent) {
  uint64_t at = extent.address;
  const uint64_t end = extent.address + extent.size;
  for (const auto& segment : image.segments()) {
    const uint64_t stop = segment.vaddr + RoundUp(segment.mem_size);
    if (TemplateMemory::Holds(segment) && at >= segment.vaddr && at < stop) at = std::min(end, stop);
  }
  return at == end;
}

// The host may want to be told that a memfd is to be mapped executable, and may refuse that.
int CreateMemfd() {
  constexpr unsigned kExecutable = 0x10;  // MFD_EXEC, Linux 6.3
  const int fd = memfd_create("ebb-template", MFD_CLOEXEC | MFD_ALLOW_SEALING | kExecutable);
  return fd >= 0 ? fd : memfd_create("ebb-template", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

}  // namespace

Result<void> TemplateMemory::Write(uint64_t address, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return ErrnoError(ErrorCode::kMemory, "template memory", errno);
    address += static_cast<uint64_t>(written);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Result<void> TemplateMemory::WriteSegment(const Image& image, const ebb_image_segment& segment) {
  std::vector<std::byte> buffer(1 << 20);
  for (uint64_t done = 0; done < segment.file_size;) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), segment.file_size - done);
    const ssize_t size = pread(image.fd(), buffer.data(), wanted, static_cast<off_t>(segment.file_offset + done));
    if (size <= 0) return ErrnoError(ErrorCode::kImageBad, "reading the image", size == 0 ? EIO : errno);
    if (auto written = Write(segment.vaddr + done, std::span(buffer).first(static_cast<size_t>(size))); !written)
      return written;
    done += static_cast<uint64_t>(size);
  }
  // Zeros that are there: a clone that reads a hole would make it a page of everybody's.
  std::fill(buffer.begin(), buffer.end(), std::byte{});
  for (uint64_t at = segment.file_size; at < RoundUp(segment.mem_size);) {
    const size_t size = std::min<uint64_t>(buffer.size(), RoundUp(segment.mem_size) - at);
    if (auto written = Write(segment.vaddr + at, std::span(buffer).first(size)); !written) return written;
    at += size;
  }
  return {};
}

void TemplateMemory::MakeLarge(uint64_t start, uint64_t end) {
  start &= ~(kLargePage - 1);
  end = (end + kLargePage - 1) & ~(kLargePage - 1);
  const uint64_t size = end - start;
  // At an address like that of the guest within its 2 MiB, or the host has nothing to make large.
  void* reserved = mmap(nullptr, size + kLargePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return;
  auto* at = static_cast<uint8_t*>(reserved) + (-reinterpret_cast<uint64_t>(reserved) & (kLargePage - 1));
  if (mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_.get(), static_cast<off_t>(start)) !=
      MAP_FAILED) {
    for (uint64_t done = 0; done < size; done += kLargePage) madvise(at + done, kLargePage, kMadvCollapse);
  }
  munmap(reserved, size + kLargePage);
}

Result<TemplateMemory> TemplateMemory::Create(const Image& image, const SnapshotFile& snapshot, Extent extent) {
  TemplateMemory memory;
  memory.fd_ = UniqueFd(CreateMemfd());
  if (!memory.fd_) return ErrnoError(ErrorCode::kMemory, "memfd_create", errno);
  if (ftruncate(memory.fd(), static_cast<off_t>(EBB_ARENA_END)) != 0)
    return ErrnoError(ErrorCode::kMemory, "template memory", errno);
  for (const auto& segment : image.segments()) {
    if (!Holds(segment)) continue;
    if (auto written = memory.WriteSegment(image, segment); !written) return written.error();
  }
  for (const SnapshotExtent& each : snapshot.snapshot().extents) {
    if (each.address >= EBB_HEAP_BASE) {
      if (extent == Extent::kImage) continue;
      auto& ranges = memory.ranges_;
      if (!ranges.empty() && each.address - ranges.back().end < kSmallestGap) {
        const std::vector<std::byte> zeros(each.address - ranges.back().end);
        if (auto written = memory.Write(ranges.back().end, zeros); !written) return written.error();
        ranges.back().end = each.address + each.size;
      } else {
        ranges.push_back({each.address, each.address + each.size});
      }
    }
    if (each.address < EBB_HEAP_BASE && !InSegments(image, each))
      return Error{ErrorCode::kSnapshotBad, "a page beside the image"};
    if (auto written = memory.Write(each.address, snapshot.Pages(each)); !written) return written.error();
  }
  for (const auto& segment : image.segments()) {
    if (Holds(segment)) memory.MakeLarge(segment.vaddr, segment.vaddr + segment.mem_size);
  }
  for (const Range& range : memory.ranges_) memory.MakeLarge(range.start, range.end);
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (fcntl(memory.fd(), F_ADD_SEALS, kSeals) != 0) return ErrnoError(ErrorCode::kMemory, "seals", errno);
  return memory;
}

}  // namespace ebb::tender
