// An image file on its way into the tender. Input: flags, then either the whole file, or changes to a sound one, whose
// checksums are then made right again so that the checks behind them are reached. What is accepted must hold every
// promise of tender/image.h, which is restated here.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "tender/image.h"
#include "tender/sha256.h"

namespace {

using namespace ebb::tender;

constexpr uint64_t kPage = EBB_PAGE_SIZE;
constexpr size_t kFilePages = 4;

ebb_image_segment Segment(uint64_t vaddr, uint64_t size, uint64_t page, uint32_t prot, ebb_segment_kind kind) {
  return {vaddr, size + 100, page * kPage, size, prot, static_cast<uint32_t>(kind), {}};
}

std::vector<uint8_t> SoundImage() {
  std::vector<uint8_t> file(kFilePages * kPage, 0x5a);
  ebb_image_header header{};
  std::memcpy(header.magic, EBB_IMAGE_MAGIC, sizeof header.magic);
  header.abi_version = EBB_ABI_VERSION;
  header.image_size = file.size();
  header.kernel_text_start = EBB_KERNEL_BASE;
  header.kernel_text_end = EBB_KERNEL_BASE + 64;
  header.kernel_entry = header.upcall_entry = header.syscall_entry = EBB_KERNEL_BASE;
  header.segments[0] = Segment(EBB_KERNEL_BASE, 64, 1, EBB_PROT_READ | EBB_PROT_EXEC, EBB_SEGMENT_KERNEL);
  header.segments[1] = Segment(EBB_EXE_BASE, 64, 2, EBB_PROT_READ | EBB_PROT_WRITE, EBB_SEGMENT_EXE);
  header.segments[2] = Segment(EBB_FS_BASE, 64, 3, EBB_PROT_READ, EBB_SEGMENT_FS);
  header.segment_count = 3;
  const char manifest[] = "{}", options[] = "profile=x";
  header.manifest_offset = 3 * kPage + 1000;
  header.manifest_size = sizeof manifest - 1;
  std::memcpy(file.data() + header.manifest_offset, manifest, header.manifest_size);
  header.options_offset = 3 * kPage + 2000;
  header.options_size = sizeof options;
  std::memcpy(file.data() + header.options_offset, options, header.options_size);
  std::memset(file.data(), 0, kPage);
  std::memcpy(file.data(), &header, sizeof header);
  return file;
}

bool Fits(uint64_t offset, uint64_t size, uint64_t limit) { return offset <= limit && size <= limit - offset; }

void Seal(std::vector<uint8_t>& file, bool content) {
  ebb_image_header header;
  std::memcpy(&header, file.data(), sizeof header);
  for (uint32_t i = 0; content && i < std::min(header.segment_count, EBB_IMAGE_MAX_SEGMENTS); ++i) {
    ebb_image_segment& segment = header.segments[i];
    if (!Fits(segment.file_offset, segment.file_size, file.size())) continue;
    const auto digest = Sha256::Of({file.data() + segment.file_offset, segment.file_size});
    std::memcpy(segment.sha256, digest.data(), digest.size());
  }
  std::memset(header.sha256, 0, sizeof header.sha256);
  std::memcpy(file.data(), &header, sizeof header);
  Sha256 hash;
  hash.Update({file.data(), kPage});
  if (Fits(header.manifest_offset, header.manifest_size, file.size()))
    hash.Update({file.data() + header.manifest_offset, header.manifest_size});
  if (Fits(header.options_offset, header.options_size, file.size()))
    hash.Update({file.data() + header.options_offset, header.options_size});
  const auto digest = hash.Finish();
  std::memcpy(file.data() + offsetof(ebb_image_header, sha256), digest.data(), digest.size());
}

void CheckAccepted(const Image& image, uint64_t file_size) {
  const ebb_image_header& header = image.header();
  FUZZ_CHECK(header.image_size == file_size);
  FUZZ_CHECK(!image.segments().empty() && image.segments().size() <= EBB_IMAGE_MAX_SEGMENTS);
  FUZZ_CHECK(image.options().size() == header.options_size && image.manifest().size() == header.manifest_size);
  FUZZ_CHECK(image.options().empty() || image.options().back() == '\0');
  bool entries = false;
  for (const auto& segment : image.segments()) {
    const uint64_t end = segment.vaddr + segment.mem_size;
    FUZZ_CHECK(segment.vaddr % kPage == 0 && segment.file_offset % kPage == 0 && end > segment.vaddr);
    FUZZ_CHECK(segment.file_size <= segment.mem_size && Fits(segment.file_offset, segment.file_size, file_size));
    const bool kernel = segment.vaddr >= EBB_KERNEL_BASE && end <= EBB_KERNEL_END;
    const bool exe = segment.vaddr >= EBB_EXE_BASE && end <= EBB_EXE_END;
    const bool fs = segment.vaddr >= EBB_FS_BASE && end <= EBB_FS_END;
    FUZZ_CHECK((segment.kind == EBB_SEGMENT_KERNEL && kernel) || (segment.kind == EBB_SEGMENT_EXE && exe) ||
               (segment.kind == EBB_SEGMENT_FS && fs));
    FUZZ_CHECK(segment.prot <= 7 && (!fs || segment.prot <= EBB_PROT_READ));
    FUZZ_CHECK(!kernel || (segment.prot & (EBB_PROT_WRITE | EBB_PROT_EXEC)) != (EBB_PROT_WRITE | EBB_PROT_EXEC));
    for (const auto& other : image.segments()) {
      if (&other == &segment) continue;
      FUZZ_CHECK(((end + kPage - 1) & ~(kPage - 1)) <= other.vaddr || other.vaddr + other.mem_size <= segment.vaddr);
    }
    entries = entries || (kernel && (segment.prot & EBB_PROT_EXEC) != 0 && segment.vaddr <= header.kernel_text_start &&
                          header.kernel_text_end <= end);
  }
  FUZZ_CHECK(entries);
  for (const uint64_t entry : {header.kernel_entry, header.upcall_entry, header.syscall_entry})
    FUZZ_CHECK(entry >= header.kernel_text_start && entry < header.kernel_text_end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<uint8_t> sound = SoundImage();
  static const int fd = memfd_create("image", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  static std::vector<uint8_t> file;
  static size_t written = 0;

  ebb::fuzz::Input input(data, size);
  const uint8_t flags = input.Byte();
  if ((flags & 1) != 0) {
    const auto rest = input.Rest();
    file.assign(rest.begin(), rest.end());
  } else {
    file = sound;
    if ((flags & 2) != 0) file.resize(input.Take<uint16_t>() % (2 * sound.size()), 0x5a);
    while (!input.empty()) {
      const size_t at = input.Take<uint16_t>() % (sound.size() + 8);
      // Mostly the header: its fields are 8 bytes each or less.
      const auto bytes = input.Bytes(1 + input.Below(8));
      if (at + bytes.size() <= file.size()) std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<long>(at));
    }
    if ((flags & 4) != 0 && file.size() >= kPage) {
      const uint64_t right = file.size();
      std::memcpy(file.data() + offsetof(ebb_image_header, image_size), &right, sizeof right);
    }
    if ((flags & 8) == 0 && file.size() >= kPage) Seal(file, (flags & 16) == 0);
  }
  if (file.size() != written) FUZZ_CHECK(ftruncate(fd, static_cast<off_t>(file.size())) == 0);
  written = file.size();
  FUZZ_CHECK(pwrite(fd, file.data(), file.size(), 0) == static_cast<ssize_t>(file.size()));

  const auto image = Image::Open(path, (flags & 32) != 0 ? ImageCheck::kFull : ImageCheck::kStamped);
  if (image) {
    CheckAccepted(image.value(), file.size());
  } else {
    const ErrorCode code = image.error().code;
    FUZZ_CHECK(code == ErrorCode::kImageBad || code == ErrorCode::kImageVersion || code == ErrorCode::kImageHash);
  }
  return 0;
}
