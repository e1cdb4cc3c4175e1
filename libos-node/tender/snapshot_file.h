// Snapshot: the state of a parked VM, and the one file format in which both tenders keep it.
//
// File: struct SnapshotHeader padded to 4096 bytes, then boot info, runs and extents (the metadata), padded to 4096
// bytes, then the pages of the extents. Every byte is covered by a checksum (CRC-32C: any flipped bit is found; it is
// no protection against somebody who may write the file, which is private to its owner). Invariant: Read gives only
// what fits this build, this processor and the image, with every range inside the guest's regions; it is written to a
// temporary name, synced and renamed, so that a file is whole or not there.
#ifndef EBB_TENDER_SNAPSHOT_FILE_H_
#define EBB_TENDER_SNAPSHOT_FILE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "abi/ebb_abi.h"
#include "tender/image.h"
#include "tender/result.h"
#include "tender/unique_fd.h"

namespace ebb::tender {

inline constexpr uint32_t kSnapshotVersion = 2;
inline constexpr char kSnapshotMagic[8] = {'E', 'B', 'B', 'S', 'N', 'A', 'P', '\0'};

struct ParkedRegisters {
  uint64_t rip, rsp, fs_base, gs_base;
};

// [address, address + size) of EXE, HEAP or ARENA is held with this protection (EBB_PROT_*; 0: held, no access).
struct SnapshotRun {
  uint64_t address, size;
  uint64_t prot;
};

// Pages that differ from the image (from zero in HEAP and ARENA) or, in a function's snapshot, from its template; at
// file_offset.
struct SnapshotExtent {
  uint64_t address, size;
  uint64_t file_offset;
};

// What a snapshot is bound to. Whoever restores it must be able to say the same.
struct SnapshotBinding {
  uint8_t image[32] = {};         // sha256 of the image's header, which holds those of its segments
  uint64_t cpu_features[4] = {};  // CPUID 1 and 7: V8 and OpenSSL chose their code by them
  uint64_t xsave_mask = 0;
  uint64_t xsave_size = 0;
  uint64_t memory_limit = 0;
  uint8_t parent[32] = {};  // identity of the template that a function's snapshot is a difference to; zero: none
};
Result<SnapshotBinding> BindingOf(const Image& image, uint64_t memory_limit);

// The file's first page, padded with zeros; exported for the tests that damage files.
struct SnapshotHeader {
  char magic[8];
  uint32_t version;
  uint32_t abi_version;
  uint32_t core_count;
  uint32_t run_count;
  uint32_t extent_count;
  uint32_t metadata_crc;
  uint64_t boot_info_size;
  uint64_t pages_offset;
  uint64_t file_size;
  uint64_t parked_at_ns;
  SnapshotBinding binding;
  uint8_t nonce[16];  // random: makes every file another
  uint32_t pages_crc;
  uint32_t header_crc;  // of the header with this field zero
  ParkedRegisters cores[EBB_MAX_CORES];
};
static_assert(sizeof(SnapshotHeader) <= EBB_PAGE_SIZE);

struct Snapshot {
  SnapshotBinding binding;
  std::vector<ParkedRegisters> cores;  // one each
  uint64_t parked_at_ns = 0;           // CLOCK_MONOTONIC of the guest
  std::vector<uint8_t> boot_info;
  std::vector<SnapshotRun> runs;
  std::vector<SnapshotExtent> extents;  // sorted; file_offset is set by the writer
};

// Writes `snapshot` to `path` (0600). `read_pages(address, buffer)` fills in the content of an extent's pages, in
// order. `commit` is asked once everything is on the disk, before the file gets its name.
using PageReader = std::function<Result<void>(uint64_t address, std::span<std::byte> buffer)>;
using Commit = std::function<Result<void>()>;
Result<void> WriteSnapshot(const std::string& path, Snapshot snapshot, const PageReader& read_pages,
                           const Commit& commit = {});

// An opened and checked file, mapped for reading.
class SnapshotFile {
 public:
  // Fails with kSnapshotMissing, kSnapshotBad (damaged, cut, foreign) or kSnapshotStale (bound to something else).
  static Result<SnapshotFile> Open(const std::string& path, const SnapshotBinding& expected);
  SnapshotFile(SnapshotFile&& other) noexcept;
  SnapshotFile& operator=(SnapshotFile&&) = delete;
  ~SnapshotFile();

  const Snapshot& snapshot() const { return snapshot_; }
  // Of this very file: no other has it, were it made in the same way of the same things.
  const std::array<uint8_t, 32>& identity() const { return identity_; }
  // The open file.
  UniqueFd TakeFd() { return std::move(fd_); }
  std::span<const std::byte> Pages(const SnapshotExtent& extent) const {
    return file_.subspan(extent.file_offset, extent.size);
  }

 private:
  SnapshotFile() = default;
  Result<void> Parse(const SnapshotBinding& expected);

  UniqueFd fd_;
  std::span<const std::byte> file_;
  Snapshot snapshot_;
  std::array<uint8_t, 32> identity_{};
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_SNAPSHOT_FILE_H_
