// Image: an opened and fully checked image file (struct ebb_image_header).
//
// Invariant: an Image object exists only when every header field was checked: segments are page-aligned, in the region
// of their kind, disjoint and inside the file, entry points lie in executable kernel segments, and the checksums hold.
// The checksums of the EXE and FS segments (about 120 MB) are computed once; a stamp file `<image>.verified` then
// stands for them as long as the file's identity and times do not change. Leaves out: trust in the file's owner, who
// may change it after the check (images belong to the person who starts the tender).
#ifndef EBB_TENDER_IMAGE_H_
#define EBB_TENDER_IMAGE_H_

#include <cstdint>
#include <span>
#include <string>

#include "abi/ebb_abi.h"
#include "tender/result.h"
#include "tender/unique_fd.h"

namespace ebb::tender {

enum class ImageCheck {
  kStamped,  // as above
  kFull,     // every checksum, stamp or not
};

class Image {
 public:
  static Result<Image> Open(const std::string& path, ImageCheck check);

  const ebb_image_header& header() const { return header_; }
  std::span<const ebb_image_segment> segments() const { return {header_.segments, header_.segment_count}; }
  int fd() const { return fd_.get(); }
  // NAME=VALUE strings, each NUL-terminated.
  const std::string& options() const { return options_; }
  const std::string& manifest() const { return manifest_; }
  // Whether all checksums were computed by this Open (false: the stamp was taken).
  bool fully_checked() const { return fully_checked_; }

 private:
  Image() = default;

  UniqueFd fd_;
  ebb_image_header header_{};
  std::string options_;
  std::string manifest_;
  bool fully_checked_ = false;
};

// The checks on the header alone; `file_size` is that of the file. Exposed for the tests.
Result<void> CheckImageHeader(const ebb_image_header& header, uint64_t file_size);

}  // namespace ebb::tender

#endif  // EBB_TENDER_IMAGE_H_
