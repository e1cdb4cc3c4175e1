// TemplateMemory: the content of a template, once, in a memfd whose offsets are guest addresses: the image's program
// and LibOS as the snapshot has them, and the snapshot's own pages. Clones map it privately; what they do not write
// they share.
//
// Invariant: nobody writes to it after Create. Pieces of 2 MiB are made large pages where the host has some to give, so
// that a clone pays one page fault for each.
#ifndef EBB_TENDER_TEMPLATE_MEMORY_H_
#define EBB_TENDER_TEMPLATE_MEMORY_H_

#include <cstdint>
#include <vector>

#include "tender/image.h"
#include "tender/snapshot_file.h"

namespace ebb::tender {

class TemplateMemory {
 public:
  struct Range {
    uint64_t start, end;
  };
  // Which parts of the template it holds: the image's segments of code and data that is written always, heap and arena
  // if asked for.
  enum class Extent { kImage, kAll };

  static Result<TemplateMemory> Create(const Image& image, const SnapshotFile& snapshot, Extent extent);

  int fd() const { return fd_.get(); }
  // Where heap and arena have content; sorted. Everything else there is zero.
  const std::vector<Range>& ranges() const { return ranges_; }
  // Constants and the file system are read here and there, and stay the image file's.
  static bool Holds(const ebb_image_segment& segment) {
    return segment.kind != EBB_SEGMENT_FS && (segment.prot & (EBB_PROT_WRITE | EBB_PROT_EXEC)) != 0;
  }

 private:
  TemplateMemory() = default;
  Result<void> WriteSegment(const Image& image, const ebb_image_segment& segment);
  Result<void> Write(uint64_t address, std::span<const std::byte> bytes);
  void MakeLarge(uint64_t start, uint64_t end);

  UniqueFd fd_;
  std::vector<Range> ranges_;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_TEMPLATE_MEMORY_H_
