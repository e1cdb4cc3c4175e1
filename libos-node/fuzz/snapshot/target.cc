// A snapshot file on its way into the tender. Input: flags, then changes to a sound file, whose checksums are then made
// right again so that the checks behind them are reached. What is accepted must hold every promise of
// tender/snapshot_file.h, which is restated here.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "tender/crc32c.h"
#include "tender/snapshot_file.h"

namespace {

using namespace ebb::tender;

constexpr uint64_t kPage = EBB_PAGE_SIZE;

SnapshotBinding Binding() {
  SnapshotBinding binding;
  binding.image[5] = 7;
  binding.xsave_mask = 7;
  binding.memory_limit = 64 << 20;
  return binding;
}

// The file of this process; its content is replaced in place.
struct File {
  File() {
    char folder[] = "/tmp/ebb-fuzz-snapshot-XXXXXX";
    FUZZ_CHECK(mkdtemp(folder) != nullptr);
    path = std::string(folder) + "/s";
    Snapshot snapshot;
    snapshot.binding = Binding();
    snapshot.cores = {{1, 2, 3, 4}};
    snapshot.boot_info = {1, 2, 3, 4, 5, 6, 7, 8};
    snapshot.runs = {{EBB_EXE_BASE, 3 * kPage, 5}, {EBB_HEAP_BASE, 4 * kPage, 3}, {EBB_ARENA_BASE, kPage, 0}};
    snapshot.extents = {{EBB_EXE_BASE, kPage, 0}, {EBB_KERNEL_BASE, kPage, 0}, {EBB_HEAP_BASE + kPage, kPage, 0}};
    const auto filler = [](uint64_t address, std::span<std::byte> buffer) -> Result<void> {
      std::memset(buffer.data(), static_cast<int>(address >> 12 & 0xff), buffer.size());
      return {};
    };
    FUZZ_CHECK(WriteSnapshot(path, snapshot, filler));
    fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct stat info{};
    FUZZ_CHECK(fd >= 0 && fstat(fd, &info) == 0);
    sound.resize(static_cast<size_t>(info.st_size));
    FUZZ_CHECK(pread(fd, sound.data(), sound.size(), 0) == info.st_size);
    written = sound.size();
  }
  ~File() {
    unlink(path.c_str());
    rmdir(path.substr(0, path.size() - 2).c_str());
  }
  File(const File&) = delete;

  void Replace(const std::vector<uint8_t>& content) {
    if (content.size() != written) FUZZ_CHECK(ftruncate(fd, static_cast<off_t>(content.size())) == 0);
    written = content.size();
    FUZZ_CHECK(pwrite(fd, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
  }

  std::string path;
  int fd;
  size_t written;
  std::vector<uint8_t> sound;
};

uint32_t Crc(std::span<const uint8_t> bytes) {
  Crc32c crc;
  crc.Update(std::as_bytes(bytes));
  return crc.value();
}

// As far as the layout lets tell what a checksum covers.
void Seal(std::vector<uint8_t>& file, bool content) {
  SnapshotHeader header;
  std::memcpy(&header, file.data(), sizeof header);
  const std::span<const uint8_t> bytes = file;
  if (content && header.pages_offset >= kPage && header.pages_offset <= file.size()) {
    header.metadata_crc = Crc(bytes.subspan(kPage, header.pages_offset - kPage));
    header.pages_crc = Crc(bytes.subspan(header.pages_offset));
  }
  header.header_crc = 0;
  std::memcpy(file.data(), &header, sizeof header);
  header.header_crc = Crc(bytes.first(kPage));
  std::memcpy(file.data(), &header, sizeof header);
}

bool Lies(uint64_t address, uint64_t size, uint64_t low, uint64_t high) {
  return size != 0 && address % kPage == 0 && size % kPage == 0 && address >= low && address < high &&
         size <= high - address;
}

void CheckAccepted(const SnapshotFile& file, const std::vector<uint8_t>& content) {
  const Snapshot& snapshot = file.snapshot();
  const SnapshotBinding binding = Binding();
  FUZZ_CHECK(std::memcmp(&snapshot.binding, &binding, sizeof binding) == 0);
  FUZZ_CHECK(!snapshot.cores.empty() && snapshot.cores.size() <= EBB_MAX_CORES);
  FUZZ_CHECK(snapshot.boot_info.size() <= EBB_BOOT_INFO_SIZE);
  uint64_t end = 0;
  for (const SnapshotRun& run : snapshot.runs) {
    FUZZ_CHECK(run.address >= end && run.prot <= 7);
    FUZZ_CHECK(Lies(run.address, run.size, EBB_EXE_BASE, EBB_EXE_END) ||
               Lies(run.address, run.size, EBB_HEAP_BASE, EBB_ARENA_END));
    end = run.address + run.size;
  }
  end = 0;
  for (const SnapshotExtent& extent : snapshot.extents) {
    FUZZ_CHECK(extent.address >= end);
    FUZZ_CHECK(Lies(extent.address, extent.size, EBB_EXE_BASE, EBB_EXE_END) ||
               Lies(extent.address, extent.size, EBB_KERNEL_BASE, EBB_KERNEL_END) ||
               Lies(extent.address, extent.size, EBB_HEAP_BASE, EBB_ARENA_END));
    end = extent.address + extent.size;
    FUZZ_CHECK(extent.file_offset <= content.size() && extent.size <= content.size() - extent.file_offset);
    FUZZ_CHECK(std::memcmp(file.Pages(extent).data(), content.data() + extent.file_offset, extent.size) == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static File file;
  static const SnapshotBinding binding = Binding();
  static std::vector<uint8_t> content;

  ebb::fuzz::Input input(data, size);
  const uint8_t flags = input.Byte();
  content = file.sound;
  if ((flags & 1) != 0)
    content.resize(input.Byte() % 8 * kPage + ((flags & 2) != 0 ? input.Take<uint16_t>() : 0), 0x5a);
  while (!input.empty()) {
    // The header and the metadata, whose fields are 8 bytes each or less.
    const size_t at = input.Take<uint16_t>() % 512 + ((flags & 32) != 0 ? input.Byte() % 2 * kPage : kPage);
    const auto bytes = input.Bytes(1 + input.Below(8));
    if (at + bytes.size() <= content.size())
      std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<long>(at));
  }
  if ((flags & 4) != 0 && content.size() >= kPage) {
    const uint64_t right = content.size();
    std::memcpy(content.data() + offsetof(SnapshotHeader, file_size), &right, sizeof right);
  }
  if ((flags & 8) == 0 && content.size() >= kPage) Seal(content, (flags & 16) == 0);
  file.Replace(content);

  const auto opened = SnapshotFile::Open(file.path, binding);
  if (opened) {
    CheckAccepted(opened.value(), content);
  } else {
    const ErrorCode code = opened.error().code;
    FUZZ_CHECK(code == ErrorCode::kSnapshotBad || code == ErrorCode::kSnapshotStale);
  }
  return 0;
}
