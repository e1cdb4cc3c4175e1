// Opening and checking an image file.
#include "tender/image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "tender/sha256.h"

namespace ebb::tender {
namespace {

constexpr uint64_t kHeaderSize = EBB_PAGE_SIZE;
constexpr uint64_t kMaxManifestSize = 16ull << 20;
constexpr uint64_t kMaxOptionsSize = 64ull << 10;

Error Bad(std::string detail) { return Error{ErrorCode::kImageBad, std::move(detail)}; }

// offset + size stays within limit, without overflow.
bool Fits(uint64_t offset, uint64_t size, uint64_t limit) { return offset <= limit && size <= limit - offset; }

uint64_t RoundUp(uint64_t size) { return (size + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1); }

struct Region {
  uint64_t base, end;
  uint32_t allowed_prot;
};

std::optional<Region> RegionOf(uint32_t kind) {
  switch (kind) {
    case EBB_SEGMENT_KERNEL:
      return Region{EBB_KERNEL_BASE, EBB_KERNEL_END, EBB_PROT_READ | EBB_PROT_WRITE | EBB_PROT_EXEC};
    case EBB_SEGMENT_EXE:
      return Region{EBB_EXE_BASE, EBB_EXE_END, EBB_PROT_READ | EBB_PROT_WRITE | EBB_PROT_EXEC};
    case EBB_SEGMENT_FS:
      return Region{EBB_FS_BASE, EBB_FS_END, EBB_PROT_READ};
    default:
      return std::nullopt;
  }
}

Result<void> CheckSegment(const ebb_image_segment& segment, uint64_t file_size, const std::string& name) {
  const auto region = RegionOf(segment.kind);
  if (!region) return Bad(name + ": unknown kind");
  if (segment.vaddr % EBB_PAGE_SIZE != 0) return Bad(name + ": address not page-aligned");
  if (segment.file_offset % EBB_PAGE_SIZE != 0) return Bad(name + ": file offset not page-aligned");
  if (segment.mem_size == 0) return Bad(name + ": empty");
  if (segment.file_size > segment.mem_size) return Bad(name + ": larger in the file than in memory");
  if (segment.vaddr < region->base || !Fits(segment.vaddr, segment.mem_size, region->end))
    return Bad(name + ": outside the region of its kind");
  if (segment.file_size > 0 && segment.file_offset < kHeaderSize) return Bad(name + ": overlaps the header");
  if (!Fits(segment.file_offset, segment.file_size, file_size)) return Bad(name + ": beyond the end of the file");
  if ((segment.prot & ~region->allowed_prot) != 0) return Bad(name + ": protection not allowed for its kind");
  if (segment.kind == EBB_SEGMENT_KERNEL && (segment.prot & EBB_PROT_WRITE) != 0 &&
      (segment.prot & EBB_PROT_EXEC) != 0) {
    return Bad(name + ": writable and executable");
  }
  return {};
}

// The LibOS relies on ticks being deferred in all of its text, so every entry point must lie in that text.
Result<void> CheckEntryPoints(const ebb_image_header& header) {
  const uint64_t start = header.kernel_text_start, end = header.kernel_text_end;
  if (start >= end) return Bad("kernel text is empty");
  const auto segments = std::span(header.segments, header.segment_count);
  const bool inside = std::any_of(segments.begin(), segments.end(), [&](const ebb_image_segment& segment) {
    return segment.kind == EBB_SEGMENT_KERNEL && (segment.prot & EBB_PROT_EXEC) != 0 && start >= segment.vaddr &&
           end <= segment.vaddr + segment.mem_size;
  });
  if (!inside) return Bad("kernel text is not in an executable kernel segment");
  const std::pair<uint64_t, const char*> entries[] = {{header.kernel_entry, "kernel entry"},
                                                      {header.upcall_entry, "upcall entry"},
                                                      {header.syscall_entry, "syscall entry"}};
  for (const auto& [address, name] : entries) {
    if (address < start || address >= end) return Bad(std::string(name) + " is not in the kernel text");
  }
  return {};
}

// What makes the stamp valid. Any write to the file changes its ctime.
struct Stamp {
  char magic[8];
  uint64_t device, inode, size;
  int64_t modified_s, modified_ns, changed_s, changed_ns;
  Sha256Digest header;
};
constexpr char kStampMagic[8] = {'E', 'B', 'B', 'S', 'T', 'A', 'M', '1'};

Stamp MakeStamp(const struct stat& file, const Sha256Digest& header) {
  Stamp stamp{};
  std::memcpy(stamp.magic, kStampMagic, sizeof stamp.magic);
  stamp.device = file.st_dev;
  stamp.inode = file.st_ino;
  stamp.size = static_cast<uint64_t>(file.st_size);
  stamp.modified_s = file.st_mtim.tv_sec;
  stamp.modified_ns = file.st_mtim.tv_nsec;
  stamp.changed_s = file.st_ctim.tv_sec;
  stamp.changed_ns = file.st_ctim.tv_nsec;
  stamp.header = header;
  return stamp;
}

bool StampMatches(const std::string& path, const Stamp& expected) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  Stamp found{};
  if (!fd || read(fd.get(), &found, sizeof found) != static_cast<ssize_t>(sizeof found)) return false;
  return std::memcmp(&found, &expected, sizeof found) == 0;
}

// Failure only means that the next start checks again.
void WriteStamp(const std::string& path, const Stamp& stamp) {
  const std::string temporary = path + "." + std::to_string(getpid());
  bool written = false;
  {
    const UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!fd) return;
    written = write(fd.get(), &stamp, sizeof stamp) == static_cast<ssize_t>(sizeof stamp);
  }
  if (!written || rename(temporary.c_str(), path.c_str()) != 0) unlink(temporary.c_str());
}

class FileView {
 public:
  FileView(int fd, uint64_t size) : size_(size), address_(mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0)) {}
  ~FileView() {
    if (ok()) munmap(address_, size_);
  }
  FileView(const FileView&) = delete;
  FileView& operator=(const FileView&) = delete;
  bool ok() const { return address_ != MAP_FAILED; }
  std::span<const uint8_t> Part(uint64_t offset, uint64_t size) const {
    return {static_cast<const uint8_t*>(address_) + offset, size};
  }

 private:
  uint64_t size_;
  void* address_;
};

Sha256Digest HeaderDigest(const FileView& file, const ebb_image_header& header) {
  std::array<uint8_t, kHeaderSize> first;
  const auto bytes = file.Part(0, kHeaderSize);
  std::copy(bytes.begin(), bytes.end(), first.begin());
  std::fill_n(first.begin() + offsetof(ebb_image_header, sha256), sizeof header.sha256, uint8_t{0});
  Sha256 hash;
  hash.Update(first);
  hash.Update(file.Part(header.manifest_offset, header.manifest_size));
  hash.Update(file.Part(header.options_offset, header.options_size));
  return hash.Finish();
}

}  // namespace

Result<void> CheckImageHeader(const ebb_image_header& header, uint64_t file_size) {
  if (std::memcmp(header.magic, EBB_IMAGE_MAGIC, sizeof header.magic) != 0) return Bad("no image magic");
  if (header.abi_version != EBB_ABI_VERSION) {
    return Error{ErrorCode::kImageVersion,
                 "image " + std::to_string(header.abi_version) + ", tender " + std::to_string(EBB_ABI_VERSION)};
  }
  if (header.image_size != file_size) return Bad("file size differs from the header's");
  if (header.segment_count == 0 || header.segment_count > EBB_IMAGE_MAX_SEGMENTS) return Bad("segment count");
  if (header.manifest_size > kMaxManifestSize || !Fits(header.manifest_offset, header.manifest_size, file_size))
    return Bad("manifest range");
  if (header.options_size > kMaxOptionsSize || !Fits(header.options_offset, header.options_size, file_size))
    return Bad("options range");

  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (uint32_t i = 0; i < header.segment_count; ++i) {
    const ebb_image_segment& segment = header.segments[i];
    if (auto checked = CheckSegment(segment, file_size, "segment " + std::to_string(i)); !checked) return checked;
    ranges.emplace_back(segment.vaddr, segment.vaddr + RoundUp(segment.mem_size));
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) return Bad("segments overlap");
  }
  return CheckEntryPoints(header);
}

Result<Image> Image::Open(const std::string& path, ImageCheck check) {
  Image image;
  // O_NONBLOCK: a FIFO in the file's place must not hang the start.
  image.fd_ = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!image.fd_) return ErrnoError(ErrorCode::kImageMissing, path, errno);
  struct stat file{};
  if (fstat(image.fd_.get(), &file) != 0) return ErrnoError(ErrorCode::kImageMissing, path, errno);
  if (!S_ISREG(file.st_mode)) return Bad(path + " is not a regular file");
  const auto size = static_cast<uint64_t>(file.st_size);
  if (size < kHeaderSize) return Bad("shorter than a header");

  const FileView view(image.fd_.get(), size);
  if (!view.ok()) return ErrnoError(ErrorCode::kMemory, "mmap of the image", errno);
  std::memcpy(&image.header_, view.Part(0, sizeof image.header_).data(), sizeof image.header_);
  if (auto checked = CheckImageHeader(image.header_, size); !checked) return checked.error();

  const Sha256Digest digest = HeaderDigest(view, image.header_);
  if (std::memcmp(digest.data(), image.header_.sha256, digest.size()) != 0)
    return Error{ErrorCode::kImageHash, "header"};
  const auto copy = [&](uint64_t offset, uint64_t bytes) {
    const auto part = view.Part(offset, bytes);
    return std::string(part.begin(), part.end());
  };
  image.manifest_ = copy(image.header_.manifest_offset, image.header_.manifest_size);
  image.options_ = copy(image.header_.options_offset, image.header_.options_size);
  if (!image.options_.empty() && image.options_.back() != '\0') return Bad("options are not terminated");

  const std::string stamp_path = path + ".verified";
  const Stamp stamp = MakeStamp(file, digest);
  image.fully_checked_ = check == ImageCheck::kFull || !StampMatches(stamp_path, stamp);
  for (uint32_t i = 0; i < image.header_.segment_count; ++i) {
    const ebb_image_segment& segment = image.header_.segments[i];
    if (!image.fully_checked_ && segment.kind != EBB_SEGMENT_KERNEL) continue;
    const Sha256Digest content = Sha256::Of(view.Part(segment.file_offset, segment.file_size));
    if (std::memcmp(content.data(), segment.sha256, content.size()) != 0)
      return Error{ErrorCode::kImageHash, "segment " + std::to_string(i)};
  }
  if (image.fully_checked_) WriteStamp(stamp_path, stamp);
  return image;
}

}  // namespace ebb::tender
