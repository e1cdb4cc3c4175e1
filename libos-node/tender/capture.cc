// Reading of /proc/<pid>/maps, pagemap and mem.
#include "tender/capture.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>

namespace ebb::tender {
namespace {

struct Mapping {
  uint64_t start, end;
  uint32_t prot;
};

Error Denied(const std::string& path, int error) {
  return ErrnoError(error == EACCES || error == EPERM ? ErrorCode::kSnapshotDenied : ErrorCode::kSystem, path, error);
}

Result<std::vector<Mapping>> ReadMappings(const std::string& folder) {
  const std::string path = folder + "/maps";
  const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path.c_str(), "re"), fclose);
  if (!file) return Denied(path, errno);
  std::vector<Mapping> mappings;
  char line[512];
  while (fgets(line, sizeof line, file.get()) != nullptr) {
    Mapping mapping{};
    char access[5] = {};
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &mapping.start, &mapping.end, access) != 3)
      return Error{ErrorCode::kSystem, path + ": " + line};
    mapping.prot = (access[0] == 'r' ? EBB_PROT_READ : 0) | (access[1] == 'w' ? EBB_PROT_WRITE : 0) |
                   (access[2] == 'x' ? EBB_PROT_EXEC : 0);
    mappings.push_back(mapping);
  }
  return mappings;
}

bool IsZero(std::span<const std::byte> bytes) {
  return bytes[0] == std::byte{} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

class ProcessReader {
 public:
  static Result<ProcessReader> Open(const std::string& folder) {
    ProcessReader reader;
    reader.memory_ = UniqueFd(open((folder + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
    if (!reader.memory_) return Denied(folder + "/mem", errno);
    reader.pagemap_ = UniqueFd(open((folder + "/pagemap").c_str(), O_RDONLY | O_CLOEXEC));
    if (!reader.pagemap_) return Denied(folder + "/pagemap", errno);
    return reader;
  }

  Result<void> Read(uint64_t address, std::span<std::byte> buffer) const {
    while (!buffer.empty()) {
      const ssize_t size = pread(memory_.get(), buffer.data(), buffer.size(), static_cast<off_t>(address));
      if (size <= 0) return Denied("reading guest memory", size == 0 ? EIO : errno);
      address += static_cast<uint64_t>(size);
      buffer = buffer.subspan(static_cast<size_t>(size));
    }
    return {};
  }

  // The pages of a private mapping that are no file's: what the guest wrote. Pages of zeros do not count where
  // `sparse`.
  Result<void> AddExtents(uint64_t start, uint64_t end, bool sparse, std::vector<SnapshotExtent>& extents) const {
    constexpr uint64_t kPresent = 1ull << 63, kSwapped = 1ull << 62, kFile = 1ull << 61;
    constexpr uint64_t kBatch = 4096;
    std::vector<uint64_t> entries(kBatch);
    std::vector<std::byte> page(EBB_PAGE_SIZE);
    for (uint64_t at = start; at < end;) {
      const uint64_t pages = std::min<uint64_t>(kBatch, (end - at) / EBB_PAGE_SIZE);
      const auto wanted = static_cast<ssize_t>(pages * sizeof(uint64_t));
      if (pread(pagemap_.get(), entries.data(), static_cast<size_t>(wanted),
                static_cast<off_t>(at / EBB_PAGE_SIZE * sizeof(uint64_t))) != wanted)
        return Denied("pagemap", errno);
      for (uint64_t i = 0; i < pages; ++i, at += EBB_PAGE_SIZE) {
        if ((entries[i] & (kPresent | kSwapped)) == 0 || (entries[i] & kFile) != 0) continue;
        if (sparse) {
          if (auto read = Read(at, page); !read) return read;
          if (IsZero(page)) continue;
        }
        if (!extents.empty() && extents.back().address + extents.back().size == at)
          extents.back().size += EBB_PAGE_SIZE;
        else
          extents.push_back({at, EBB_PAGE_SIZE, 0});
      }
    }
    return {};
  }

 private:
  ProcessReader() = default;
  UniqueFd memory_, pagemap_;
};

}  // namespace

Result<void> CaptureProcess(pid_t pid, Snapshot snapshot, const std::string& path) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const auto mappings = ReadMappings(folder);
  if (!mappings) return mappings.error();
  const auto reader = ProcessReader::Open(folder);
  if (!reader) return reader.error();
  for (const Mapping& mapping : mappings.value()) {
    const bool exe = mapping.start >= EBB_EXE_BASE && mapping.end <= EBB_EXE_END;
    const bool kernel = mapping.start >= EBB_KERNEL_BASE && mapping.end <= EBB_KERNEL_END;
    const bool committed = mapping.start >= EBB_HEAP_BASE && mapping.end <= EBB_ARENA_END;
    if (!exe && !kernel && !committed) continue;
    if (!kernel) {
      SnapshotRun* last = snapshot.runs.empty() ? nullptr : &snapshot.runs.back();
      if (last != nullptr && last->address + last->size == mapping.start && last->prot == mapping.prot)
        last->size += mapping.end - mapping.start;
      else
        snapshot.runs.push_back({mapping.start, mapping.end - mapping.start, mapping.prot});
    }
    if (auto added = reader.value().AddExtents(mapping.start, mapping.end, committed, snapshot.extents); !added)
      return added;
  }
  return WriteSnapshot(path, std::move(snapshot), [&](uint64_t address, std::span<std::byte> buffer) {
    return reader.value().Read(address, buffer);
  });
}

}  // namespace ebb::tender
