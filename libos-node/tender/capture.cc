// Reading of /proc/<pid>/maps, pagemap and mem.
#include "tender/capture.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "tender/pages/commit_map.h"

namespace ebb::tender {
namespace {

// Of a pagemap entry. Exclusive: mapped by no other process, so not by the zygote either.
constexpr uint64_t kPresent = 1ull << 63, kSwapped = 1ull << 62, kFile = 1ull << 61, kExclusive = 1ull << 56;

struct Mapping {
  uint64_t start, end;  // as the guest sees them
  uint32_t prot;
  bool backed;  // by a file: what was not written is the file's

  bool IsKernel() const { return start >= EBB_KERNEL_BASE && end <= EBB_KERNEL_END; }
  bool IsProgram() const { return start >= EBB_EXE_BASE && end <= EBB_EXE_END; }
  // Heap and arena: zero until written to, and may be so again.
  bool IsCommitted() const { return start >= EBB_HEAP_BASE && end <= EBB_ARENA_END; }
};

Error Denied(const std::string& what, int error) {
  return ErrnoError(error == EACCES || error == EPERM ? ErrorCode::kSnapshotDenied : ErrorCode::kSystem, what, error);
}

Result<void> ReadAt(int fd, uint64_t offset, std::span<std::byte> buffer, const char* what) {
  while (!buffer.empty()) {
    const ssize_t size = pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (size <= 0) return Denied(what, size == 0 ? EIO : errno);
    offset += static_cast<uint64_t>(size);
    buffer = buffer.subspan(static_cast<size_t>(size));
  }
  return {};
}

// Adds what a snapshot keeps of a mapping.
void AddMapping(Mapping mapping, const std::vector<uint64_t>& held, std::vector<Mapping>& mappings) {
  for (const auto& [low, high] :
       {std::pair{EBB_EXE_BASE, EBB_EXE_END}, {EBB_KERNEL_BASE, EBB_KERNEL_END}, {EBB_HEAP_BASE, EBB_ARENA_END}}) {
    Mapping part = mapping;
    part.start = std::max<uint64_t>(mapping.start, low);
    part.end = std::min<uint64_t>(mapping.end, high);
    if (part.start >= part.end) continue;
    if (held.empty() || part.prot != 0) {
      mappings.push_back(part);
      continue;
    }
    // A reservation, or held without access.
    if (low != EBB_HEAP_BASE) {
      if (part.backed) mappings.push_back(part);
      continue;
    }
    const uint64_t end = (part.end - EBB_HEAP_BASE) / EBB_PAGE_SIZE;
    for (uint64_t page = (part.start - EBB_HEAP_BASE) / EBB_PAGE_SIZE; page < end;) {
      const uint64_t stop = CommitMap::RunEnd(held.data(), page, end);
      if (CommitMap::Get(held.data(), page))
        mappings.push_back(
            {EBB_HEAP_BASE + page * EBB_PAGE_SIZE, EBB_HEAP_BASE + stop * EBB_PAGE_SIZE, 0, part.backed});
      page = stop;
    }
  }
}

Result<std::vector<Mapping>> ReadMappings(const GuestAccess& guest, const GuestView& view) {
  std::vector<uint64_t> held;
  if (view.held_bits != 0) {
    held.resize(CommitMap::kBitmapSize / sizeof(uint64_t));
    if (auto read = ReadAt(guest.memory(), view.held_bits, std::as_writable_bytes(std::span(held)), "commit map");
        !read)
      return read.error();
  }
  std::string text;
  char buffer[1 << 16];
  for (ssize_t size = 0; (size = pread(guest.maps(), buffer, sizeof buffer, static_cast<off_t>(text.size()))) != 0;) {
    if (size < 0) return Denied("maps", errno);
    text.append(buffer, static_cast<size_t>(size));
  }
  std::vector<Mapping> mappings;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    Mapping mapping{};
    char access[5] = {};
    unsigned long inode = 0;
    if (sscanf(text.c_str() + at, "%" SCNx64 "-%" SCNx64 " %4s %*x %*s %lu", &mapping.start, &mapping.end, access,
               &inode) != 4)
      return Error{ErrorCode::kSystem, "maps: " + text.substr(at, end - at)};
    at = end + 1;
    if (mapping.end <= view.base) continue;
    mapping.start = std::max(mapping.start, view.base) - view.base;
    mapping.end -= view.base;
    mapping.prot = (access[0] == 'r' ? EBB_PROT_READ : 0) | (access[1] == 'w' ? EBB_PROT_WRITE : 0) |
                   (access[2] == 'x' ? EBB_PROT_EXEC : 0);
    mapping.backed = inode != 0;
    AddMapping(mapping, held, mappings);
  }
  return mappings;
}

std::vector<SnapshotRun> RunsOf(const std::vector<Mapping>& mappings) {
  std::vector<SnapshotRun> runs;
  for (const Mapping& mapping : mappings) {
    if (mapping.IsKernel()) continue;
    SnapshotRun* last = runs.empty() ? nullptr : &runs.back();
    if (last != nullptr && last->address + last->size == mapping.start && last->prot == mapping.prot)
      last->size += mapping.end - mapping.start;
    else
      runs.push_back({mapping.start, mapping.end - mapping.start, mapping.prot});
  }
  return runs;
}

bool IsZero(std::span<const std::byte> bytes) {
  return bytes[0] == std::byte{} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

Result<void> ReadMemory(const GuestAccess& guest, const GuestView& view, uint64_t address,
                        std::span<std::byte> buffer) {
  return ReadAt(guest.memory(), view.base + address, buffer, "reading guest memory");
}

void Append(std::vector<SnapshotExtent>& extents, uint64_t address, uint64_t size) {
  if (!extents.empty() && extents.back().address + extents.back().size == address)
    extents.back().size += size;
  else
    extents.push_back({address, size, 0});
}

// Calls visit(address, pagemap entry) for each page.
template <typename Visit>
Result<void> ForEachPage(const GuestAccess& guest, const GuestView& view, const Mapping& mapping, Visit visit) {
  constexpr uint64_t kBatch = 4096;
  std::vector<uint64_t> entries(kBatch);
  for (uint64_t at = mapping.start; at < mapping.end;) {
    const uint64_t pages = std::min<uint64_t>(kBatch, (mapping.end - at) / EBB_PAGE_SIZE);
    const auto wanted = std::as_writable_bytes(std::span(entries).first(pages));
    if (auto read = ReadAt(guest.pagemap(), (view.base + at) / EBB_PAGE_SIZE * sizeof(uint64_t), wanted, "pagemap");
        !read)
      return read;
    for (uint64_t i = 0; i < pages; ++i, at += EBB_PAGE_SIZE) {
      if (auto visited = visit(at, entries[i]); !visited) return visited;
    }
  }
  return {};
}

// What a template has at an address; asked for with growing addresses.
class BasePages {
 public:
  explicit BasePages(const SnapshotFile& file) : file_(file) {}
  // Null: as the image has it, zero in heap and arena.
  const std::byte* At(uint64_t address) {
    const auto& extents = file_.snapshot().extents;
    while (next_ < extents.size() && extents[next_].address + extents[next_].size <= address) ++next_;
    if (next_ == extents.size() || extents[next_].address > address) return nullptr;
    return file_.Pages(extents[next_]).data() + (address - extents[next_].address);
  }

 private:
  const SnapshotFile& file_;
  size_t next_ = 0;
};

class DifferenceReader {
 public:
  DifferenceReader(const GuestAccess& guest, const GuestView& view, const SnapshotFile& base, Parent parent,
                   uint64_t limit)
      : guest_(guest), view_(view), base_(base), parent_(parent), limit_(limit) {}

  Result<CapturedPages> Read() {
    const auto mappings = ReadMappings(guest_, view_);
    if (!mappings) return mappings.error();
    pages_.runs = RunsOf(mappings.value());
    for (const Mapping& mapping : mappings.value()) {
      auto read = ForEachPage(guest_, view_, mapping, [&](uint64_t address, uint64_t entry) {
        return Visit(address, entry, mapping.IsCommitted(), mapping.backed);
      });
      if (read) read = Compare();
      if (!read) return read.error();
    }
    return std::move(pages_);
  }

 private:
  static constexpr size_t kMostWaiting = 256;

  Result<void> Visit(uint64_t address, uint64_t entry, bool committed, bool backed) {
    const std::byte* base = base_.At(address);
    const bool present = (entry & (kPresent | kSwapped)) != 0 && (entry & kFile) == 0;
    const bool own = parent_ == Parent::kFunction || (entry & (kExclusive | kSwapped)) != 0;
    // Shared and in the template: its page, or the page of zeros that was read where the guest had given it back.
    if (present && (own || (committed && base != nullptr))) {
      if (!waiting_.empty() &&
          (waiting_.back().address + EBB_PAGE_SIZE != address || waiting_.size() == kMostWaiting)) {
        if (auto compared = Compare(); !compared) return compared;
      }
      waiting_.push_back({address, base, committed});
      return {};
    }
    if (present || !committed || backed || base == nullptr) return {};
    if (auto compared = Compare(); !compared) return compared;
    return Keep(address, std::span(zeros_));
  }

  // Reads the pages that wait, which lie side by side, and keeps those that differ.
  Result<void> Compare() {
    if (waiting_.empty()) return {};
    buffer_.resize(waiting_.size() * EBB_PAGE_SIZE);
    if (auto read = ReadMemory(guest_, view_, waiting_.front().address, buffer_); !read) return read;
    for (size_t i = 0; i < waiting_.size(); ++i) {
      const auto page = std::span(buffer_).subspan(i * EBB_PAGE_SIZE, EBB_PAGE_SIZE);
      const Waiting& waiting = waiting_[i];
      const bool same = waiting.base != nullptr ? std::memcmp(page.data(), waiting.base, page.size()) == 0
                                                : waiting.committed && IsZero(page);
      if (same) continue;
      if (auto kept = Keep(waiting.address, page); !kept) return kept;
    }
    waiting_.clear();
    return {};
  }

  Result<void> Keep(uint64_t address, std::span<const std::byte> page) {
    if (pages_.bytes.size() + page.size() > limit_)
      return Error{ErrorCode::kSnapshotTooBig, "more than " + std::to_string(limit_ >> 20) + " MiB"};
    Append(pages_.extents, address, page.size());
    pages_.bytes.insert(pages_.bytes.end(), page.begin(), page.end());
    return {};
  }

  struct Waiting {
    uint64_t address;
    const std::byte* base;
    bool committed;
  };

  const GuestAccess& guest_;
  const GuestView view_;
  BasePages base_;
  Parent parent_;
  uint64_t limit_;
  CapturedPages pages_;
  std::vector<Waiting> waiting_;
  std::vector<std::byte> buffer_;
  const std::vector<std::byte> zeros_ = std::vector<std::byte>(EBB_PAGE_SIZE);
};

}  // namespace

Result<GuestAccess> GuestAccess::Open(pid_t pid) {
  GuestAccess access;
  const std::string folder = "/proc/" + std::to_string(pid);
  for (const auto& [fd, name] :
       {std::pair{&access.maps_, "/maps"}, {&access.memory_, "/mem"}, {&access.pagemap_, "/pagemap"}}) {
    *fd = UniqueFd(open((folder + name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!*fd) return Denied(folder + name, errno);
  }
  return access;
}

Result<void> CaptureProcess(pid_t pid, const GuestView& view, Snapshot snapshot, const std::string& path) {
  const auto guest = GuestAccess::Open(pid);
  if (!guest) return guest.error();
  const auto mappings = ReadMappings(guest.value(), view);
  if (!mappings) return mappings.error();
  snapshot.runs = RunsOf(mappings.value());
  std::vector<std::byte> page(EBB_PAGE_SIZE);
  for (const Mapping& mapping : mappings.value()) {
    // The pages of a private mapping that are no file's: what the guest wrote.
    auto read = ForEachPage(guest.value(), view, mapping, [&](uint64_t address, uint64_t entry) -> Result<void> {
      if ((entry & (kPresent | kSwapped)) == 0 || (entry & kFile) != 0) return {};
      if (mapping.IsCommitted()) {
        if (auto got = ReadMemory(guest.value(), view, address, page); !got) return got;
        if (IsZero(page)) return {};
      }
      Append(snapshot.extents, address, EBB_PAGE_SIZE);
      return {};
    });
    if (!read) return read;
  }
  return WriteSnapshot(path, std::move(snapshot), [&](uint64_t address, std::span<std::byte> buffer) {
    return ReadMemory(guest.value(), view, address, buffer);
  });
}

Result<CapturedPages> CaptureDifference(const GuestAccess& guest, const GuestView& view, const SnapshotFile& base,
                                        Parent parent, uint64_t limit) {
  return DifferenceReader(guest, view, base, parent, limit).Read();
}

}  // namespace ebb::tender
