// Writing and checking of snapshot files.
#include "tender/snapshot_file.h"

#include <cpuid.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "tender/cpu.h"
#include "tender/crc32c.h"
#include "tender/sha256.h"

namespace ebb::tender {
namespace {

constexpr uint64_t kMaxFile = 1ull << 40;
constexpr uint32_t kMaxRuns = 1u << 20, kMaxExtents = 1u << 24;

uint64_t RoundUp(uint64_t size) { return (size + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1); }

uint32_t HeaderCrc(std::span<const std::byte> page) {
  SnapshotHeader header;
  std::memcpy(&header, page.data(), sizeof header);
  header.header_crc = 0;
  Crc32c crc;
  crc.Update(std::as_bytes(std::span(&header, 1)));
  crc.Update(page.subspan(sizeof header));
  return crc.value();
}

Error Bad(const char* what) { return Error{ErrorCode::kSnapshotBad, what}; }
Error Stale(const char* what) { return Error{ErrorCode::kSnapshotStale, what}; }

// A page-aligned, non-empty range of [low, high).
bool Within(uint64_t address, uint64_t size, uint64_t low, uint64_t high) {
  return ((address | size) & (EBB_PAGE_SIZE - 1)) == 0 && size != 0 && address >= low && address < high &&
         size <= high - address;
}

bool IsMemory(uint64_t address, uint64_t size) {
  return Within(address, size, EBB_EXE_BASE, EBB_EXE_END) || Within(address, size, EBB_HEAP_BASE, EBB_ARENA_END);
}

// `count` of them from `at`, which is anyhow aligned. Returns the end.
template <class T>
const uint8_t* CopyArray(const uint8_t* at, uint32_t count, std::vector<T>& out) {
  out.resize(count);
  if (count != 0) std::memcpy(out.data(), at, count * sizeof(T));
  return at + count * sizeof(T);
}

class FileWriter {
 public:
  explicit FileWriter(int fd) : fd_(fd) {}
  Result<void> Append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return ErrnoError(ErrorCode::kSystem, "writing a snapshot", errno);
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return {};
  }

 private:
  int fd_;
};

Result<void> WriteTo(int fd, Snapshot& snapshot, const PageReader& read_pages) {
  std::vector<std::byte> metadata;
  const auto append = [&](std::span<const std::byte> bytes) {
    metadata.insert(metadata.end(), bytes.begin(), bytes.end());
  };
  uint64_t offset = EBB_PAGE_SIZE + RoundUp(snapshot.boot_info.size() + snapshot.runs.size() * sizeof(SnapshotRun) +
                                            snapshot.extents.size() * sizeof(SnapshotExtent));
  const uint64_t pages_offset = offset;
  for (SnapshotExtent& extent : snapshot.extents) {
    extent.file_offset = offset;
    offset += extent.size;
  }
  append(std::as_bytes(std::span(snapshot.boot_info)));
  append(std::as_bytes(std::span(snapshot.runs)));
  append(std::as_bytes(std::span(snapshot.extents)));
  metadata.resize(pages_offset - EBB_PAGE_SIZE);

  SnapshotHeader header{};
  std::memcpy(header.magic, kSnapshotMagic, sizeof kSnapshotMagic);
  header.version = kSnapshotVersion;
  header.abi_version = EBB_ABI_VERSION;
  header.core_count = static_cast<uint32_t>(snapshot.cores.size());
  header.run_count = static_cast<uint32_t>(snapshot.runs.size());
  header.extent_count = static_cast<uint32_t>(snapshot.extents.size());
  header.boot_info_size = snapshot.boot_info.size();
  header.pages_offset = pages_offset;
  header.file_size = offset;
  header.parked_at_ns = snapshot.parked_at_ns;
  header.binding = snapshot.binding;
  if (getrandom(header.nonce, sizeof header.nonce, 0) != static_cast<ssize_t>(sizeof header.nonce))
    return ErrnoError(ErrorCode::kSystem, "getrandom", errno);
  std::copy(snapshot.cores.begin(), snapshot.cores.end(), header.cores);

  FileWriter writer(fd);
  std::vector<std::byte> page(EBB_PAGE_SIZE);
  if (auto done = writer.Append(page); !done) return done;
  if (auto done = writer.Append(metadata); !done) return done;
  Crc32c pages_crc;
  std::vector<std::byte> buffer;
  for (const SnapshotExtent& extent : snapshot.extents) {
    constexpr uint64_t kStep = 1 << 20;
    for (uint64_t done = 0; done < extent.size; done += kStep) {
      buffer.resize(std::min(kStep, extent.size - done));
      if (auto read = read_pages(extent.address + done, buffer); !read) return read;
      pages_crc.Update(buffer);
      if (auto written = writer.Append(buffer); !written) return written;
    }
  }
  Crc32c metadata_crc;
  metadata_crc.Update(metadata);
  header.metadata_crc = metadata_crc.value();
  header.pages_crc = pages_crc.value();
  std::memcpy(page.data(), &header, sizeof header);
  header.header_crc = HeaderCrc(page);
  std::memcpy(page.data(), &header, sizeof header);
  if (pwrite(fd, page.data(), page.size(), 0) != static_cast<ssize_t>(page.size()) || fsync(fd) != 0)
    return ErrnoError(ErrorCode::kSystem, "writing a snapshot", errno);
  return {};
}

}  // namespace

Result<SnapshotBinding> BindingOf(const Image& image, uint64_t memory_limit) {
  const auto cpu = ReadCpuState();
  if (!cpu) return cpu.error();
  SnapshotBinding binding;
  std::copy(std::begin(image.header().sha256), std::end(image.header().sha256), binding.image);
  unsigned a = 0, b = 0, c = 0, d = 0;
  __get_cpuid(1, &a, &b, &c, &d);
  constexpr unsigned kOsxsave = 1u << 27;
  binding.cpu_features[0] = a;  // family, model, stepping
  binding.cpu_features[1] = static_cast<uint64_t>(c | kOsxsave) << 32 | d;
  __get_cpuid_count(7, 0, &a, &b, &c, &d);
  binding.cpu_features[2] = static_cast<uint64_t>(b) << 32 | c;
  binding.cpu_features[3] = d;
  binding.xsave_mask = cpu.value().xsave_mask;
  binding.xsave_size = cpu.value().xsave_size;
  binding.memory_limit = memory_limit;
  return binding;
}

Result<void> WriteSnapshot(const std::string& path, Snapshot snapshot, const PageReader& read_pages,
                           const Commit& commit) {
  const std::string temporary = path + "." + std::to_string(getpid()) + ".tmp";
  const UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return ErrnoError(ErrorCode::kSystem, temporary, errno);
  auto written = WriteTo(fd.get(), snapshot, read_pages);
  if (written && commit) written = commit();
  if (written && rename(temporary.c_str(), path.c_str()) != 0) written = ErrnoError(ErrorCode::kSystem, path, errno);
  if (!written) {
    unlink(temporary.c_str());
    return written;
  }
  // The name, too, survives a crash of the host.
  const size_t slash = path.rfind('/');
  const UniqueFd folder(
      open(slash == std::string::npos ? "." : path.substr(0, slash + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) fsync(folder.get());
  return {};
}

Result<SnapshotFile> SnapshotFile::Open(const std::string& path, const SnapshotBinding& expected) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return ErrnoError(errno == ENOENT ? ErrorCode::kSnapshotMissing : ErrorCode::kSnapshotBad, path, errno);
  struct stat info{};
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return Bad("not a file");
  // It holds what a guest computed, keys included.
  if ((info.st_mode & 077) != 0 || info.st_uid != geteuid()) return Bad("others may read or own it");
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size < EBB_PAGE_SIZE || size > kMaxFile || size % EBB_PAGE_SIZE != 0) return Bad("size");
  void* mapping = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd.get(), 0);
  if (mapping == MAP_FAILED) return ErrnoError(ErrorCode::kMemory, "mapping a snapshot", errno);
  SnapshotFile file;
  file.file_ = {static_cast<const std::byte*>(mapping), size};
  file.fd_ = std::move(fd);
  if (auto parsed = file.Parse(expected); !parsed) return parsed.error();
  return file;
}

Result<void> SnapshotFile::Parse(const SnapshotBinding& expected) {
  SnapshotHeader header;
  std::memcpy(&header, file_.data(), sizeof header);
  if (std::memcmp(header.magic, kSnapshotMagic, sizeof kSnapshotMagic) != 0) return Bad("no snapshot");
  if (header.version != kSnapshotVersion || header.abi_version != EBB_ABI_VERSION) return Stale("version");
  if (HeaderCrc(file_.first(EBB_PAGE_SIZE)) != header.header_crc) return Bad("header checksum");
  if (header.file_size != file_.size()) return Bad("size");
  const uint64_t runs_size = uint64_t{header.run_count} * sizeof(SnapshotRun);
  const uint64_t extents_size = uint64_t{header.extent_count} * sizeof(SnapshotExtent);
  if (header.run_count > kMaxRuns || header.extent_count > kMaxExtents || header.boot_info_size > EBB_BOOT_INFO_SIZE ||
      header.core_count == 0 || header.core_count > EBB_MAX_CORES ||
      header.pages_offset != EBB_PAGE_SIZE + RoundUp(header.boot_info_size + runs_size + extents_size) ||
      header.pages_offset > file_.size()) {
    return Bad("layout");
  }
  Crc32c metadata, pages;
  metadata.Update(file_.subspan(EBB_PAGE_SIZE, header.pages_offset - EBB_PAGE_SIZE));
  if (metadata.value() != header.metadata_crc) return Bad("metadata checksum");
  pages.Update(file_.subspan(header.pages_offset));
  if (pages.value() != header.pages_crc) return Bad("page checksum");
  if (std::memcmp(header.binding.image, expected.image, sizeof expected.image) != 0) return Stale("another image");
  if (std::memcmp(header.binding.parent, expected.parent, sizeof expected.parent) != 0)
    return Stale("another template");
  if (std::memcmp(&header.binding, &expected, sizeof expected) != 0) return Stale("another processor or memory limit");

  identity_ = Sha256::Of({reinterpret_cast<const uint8_t*>(file_.data()), EBB_PAGE_SIZE});
  snapshot_.binding = header.binding;
  snapshot_.cores.assign(header.cores, header.cores + header.core_count);
  snapshot_.parked_at_ns = header.parked_at_ns;
  const auto* at = reinterpret_cast<const uint8_t*>(file_.data()) + EBB_PAGE_SIZE;
  snapshot_.boot_info.assign(at, at + header.boot_info_size);
  at += header.boot_info_size;
  at = CopyArray(at, header.run_count, snapshot_.runs);
  CopyArray(at, header.extent_count, snapshot_.extents);

  uint64_t end = 0;
  for (const SnapshotRun& run : snapshot_.runs) {
    if (!IsMemory(run.address, run.size) || run.address < end || run.prot > 7) return Bad("run");
    end = run.address + run.size;
  }
  end = 0;
  uint64_t offset = header.pages_offset;
  for (const SnapshotExtent& extent : snapshot_.extents) {
    const bool known =
        IsMemory(extent.address, extent.size) || Within(extent.address, extent.size, EBB_KERNEL_BASE, EBB_KERNEL_END);
    if (!known || extent.address < end || extent.file_offset != offset || extent.size > file_.size() - offset)
      return Bad("extent");
    end = extent.address + extent.size;
    offset += extent.size;
  }
  if (offset != file_.size()) return Bad("size");
  return {};
}

SnapshotFile::SnapshotFile(SnapshotFile&& other) noexcept
    : fd_(std::move(other.fd_)),
      file_(std::exchange(other.file_, {})),
      snapshot_(std::move(other.snapshot_)),
      identity_(other.identity_) {}

SnapshotFile::~SnapshotFile() {
  if (!file_.empty()) munmap(const_cast<std::byte*>(file_.data()), file_.size());
}

}  // namespace ebb::tender
