// Plans of function snapshots.
#include "tender/function_snapshot.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>

namespace ebb::tender {
namespace {

constexpr uint64_t kReadWrite = EBB_PROT_READ | EBB_PROT_WRITE;

// Looked at with growing addresses: the protection of a page, or nothing where none is held.
class RunCursor {
 public:
  explicit RunCursor(const std::vector<SnapshotRun>& runs) : runs_(runs) {}
  std::optional<uint64_t> At(uint64_t address) {
    while (next_ < runs_.size() && runs_[next_].address + runs_[next_].size <= address) ++next_;
    if (next_ == runs_.size() || runs_[next_].address > address) return std::nullopt;
    return runs_[next_].prot;
  }

 private:
  const std::vector<SnapshotRun>& runs_;
  size_t next_ = 0;
};

// Whether pages of the snapshot lie in a range; asked with growing addresses.
class ExtentCursor {
 public:
  explicit ExtentCursor(const std::vector<SnapshotExtent>& extents) : extents_(extents) {}
  bool Any(uint64_t start, uint64_t end) {
    while (next_ < extents_.size() && extents_[next_].address + extents_[next_].size <= start) ++next_;
    return next_ < extents_.size() && extents_[next_].address < end;
  }

 private:
  const std::vector<SnapshotExtent>& extents_;
  size_t next_ = 0;
};

void AddStep(std::vector<PlanStep>& steps, uint64_t hypercall, uint64_t start, uint64_t end, uint64_t prot) {
  if (!steps.empty()) {
    PlanStep& last = steps.back();
    if (last.hypercall == hypercall && last.prot == prot && last.address + last.size == start) {
      last.size += end - start;
      return;
    }
  }
  steps.push_back({hypercall, start, end - start, prot});
}

// Of the image, writable from the start and private.
bool InWritableSegment(const Image& image, const SnapshotExtent& extent) {
  uint64_t at = extent.address;
  for (const auto& segment : image.segments()) {
    const uint64_t end = segment.vaddr + ((segment.mem_size + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1));
    if ((segment.prot & EBB_PROT_WRITE) != 0 && at >= segment.vaddr && at < end)
      at = std::min(end, extent.address + extent.size);
  }
  return at == extent.address + extent.size;
}

Result<UniqueFd> PlanFile(const FunctionPlan& plan, uint64_t pages_offset, uint64_t& size) {
  const PlanHeader header{pages_offset, plan.before.size(), plan.parts.size(), plan.after.size()};
  std::vector<std::byte> bytes;
  const auto append = [&](std::span<const std::byte> more) { bytes.insert(bytes.end(), more.begin(), more.end()); };
  append(std::as_bytes(std::span(&header, 1)));
  append(std::as_bytes(std::span(plan.before)));
  append(std::as_bytes(std::span(plan.parts)));
  append(std::as_bytes(std::span(plan.after)));
  size = (bytes.size() + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1);
  if (size > kPlanEnd - kPlanBase) return Error{ErrorCode::kSnapshotTooBig, "too many pieces"};
  bytes.resize(size);
  UniqueFd fd(memfd_create("ebb-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return ErrnoError(ErrorCode::kMemory, "memfd_create", errno);
  if (write(fd.get(), bytes.data(), size) != static_cast<ssize_t>(size) ||
      fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return ErrnoError(ErrorCode::kMemory, "plan", errno);
  return fd;
}

}  // namespace

Result<FunctionPlan> PlanOf(const Snapshot& base, const Snapshot& function, const Image& image) {
  FunctionPlan plan;
  std::set<uint64_t> edges;
  for (const Snapshot* snapshot : {&base, &function}) {
    for (const SnapshotRun& run : snapshot->runs) {
      edges.insert(run.address);
      edges.insert(run.address + run.size);
    }
  }
  // What goes makes room in the memory limit before anything comes.
  std::vector<PlanStep> taken, opened;
  RunCursor before(base.runs), after(function.runs);
  ExtentCursor extents(function.extents);
  for (auto edge = edges.begin(); edge != edges.end() && std::next(edge) != edges.end(); ++edge) {
    const uint64_t start = *edge, end = *std::next(edge);
    const auto was = before.At(start), is = after.At(start);
    const bool loads = extents.Any(start, end);
    if (!was && !is) {
      if (loads && start >= EBB_HEAP_BASE) return Error{ErrorCode::kSnapshotBad, "a page that is not held"};
      continue;
    }
    if (start < EBB_HEAP_BASE) {
      if (!was || !is) return Error{ErrorCode::kSnapshotBad, "another program"};
      if (*was != *is) {
        if ((*is & EBB_PROT_WRITE) != 0) return Error{ErrorCode::kSnapshotBad, "another program"};
        AddStep(plan.after, EBB_HC_PROTECT, start, end, *is);
      }
      if (loads && (*was & EBB_PROT_WRITE) == 0) return Error{ErrorCode::kSnapshotBad, "a page of the program"};
      continue;
    }
    if (!is) {
      if (loads) return Error{ErrorCode::kSnapshotBad, "a page that is not held"};
      AddStep(taken, EBB_HC_PROTECT, start, end, 0);
      continue;
    }
    const bool open = !was || (loads && (*was & EBB_PROT_WRITE) == 0);
    if (open) AddStep(opened, EBB_HC_PROTECT, start, end, kReadWrite);
    if (open ? *is != kReadWrite : *is != *was) AddStep(plan.after, EBB_HC_PROTECT, start, end, *is);
  }
  plan.before = taken;
  for (const PlanStep& step : taken) plan.before.push_back({EBB_HC_DISCARD, step.address, step.size, 0});
  plan.before.insert(plan.before.end(), opened.begin(), opened.end());
  for (const SnapshotExtent& extent : function.extents) {
    if (extent.address < EBB_HEAP_BASE && !InWritableSegment(image, extent))
      return Error{ErrorCode::kSnapshotBad, "a page of the image"};
    plan.parts.push_back({extent.address, extent.size});
  }
  return plan;
}

Result<FunctionSnapshot> FunctionSnapshot::Open(const std::string& path, const SnapshotFile& base, const Image& image) {
  SnapshotBinding binding = base.snapshot().binding;
  std::copy(base.identity().begin(), base.identity().end(), binding.parent);
  auto file = SnapshotFile::Open(path, binding);
  if (!file) return file.error();
  const Snapshot& snapshot = file.value().snapshot();
  if (snapshot.cores.size() != 1) return Error{ErrorCode::kSnapshotBad, "cores"};
  const auto plan = PlanOf(base.snapshot(), snapshot, image);
  if (!plan) return plan.error();
  FunctionSnapshot function;
  const uint64_t offset = snapshot.extents.empty() ? 0 : snapshot.extents.front().file_offset;
  auto plan_file = PlanFile(plan.value(), offset, function.plan_size_);
  if (!plan_file) return plan_file.error();
  function.plan_ = std::move(*plan_file);
  function.registers_ = snapshot.cores.front();
  function.parked_at_ns_ = snapshot.parked_at_ns;
  for (const SnapshotExtent& extent : snapshot.extents) function.pages_ += extent.size / EBB_PAGE_SIZE;
  function.file_ = file.value().TakeFd();
  static uint64_t last_id = 0;
  function.id_ = ++last_id;
  return function;
}

Result<const void*> FunctionSnapshot::MapPlan() const {
  void* mapping = mmap(nullptr, plan_size_, PROT_READ, MAP_SHARED, plan_.get(), 0);
  if (mapping == MAP_FAILED) return ErrnoError(ErrorCode::kMemory, "plan", errno);
  return static_cast<const void*>(mapping);
}

void FunctionSnapshot::UnmapPlan(const void* mapping) const { munmap(const_cast<void*>(mapping), plan_size_); }

Result<const FunctionSnapshot*> FunctionCache::Open(const std::string& path, const SnapshotFile& base,
                                                    const Image& image) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0)
    return ErrnoError(errno == ENOENT ? ErrorCode::kSnapshotMissing : ErrorCode::kSnapshotBad, path, errno);
  const auto ns = [](const timespec& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1000000000ull + static_cast<uint64_t>(time.tv_nsec);
  };
  const Key key{info.st_dev, info.st_ino, static_cast<uint64_t>(info.st_size), ns(info.st_mtim), ns(info.st_ctim)};
  if (const auto found = known_.find(key); found != known_.end()) {
    used_.splice(used_.begin(), used_, found->second);
    return used_.front().second.get();
  }
  auto function = FunctionSnapshot::Open(path, base, image);
  if (!function) return function.error();
  while (used_.size() >= kMost) {
    known_.erase(used_.back().first);
    used_.pop_back();
  }
  used_.emplace_front(key, std::make_unique<FunctionSnapshot>(std::move(*function)));
  known_[key] = used_.begin();
  return used_.front().second.get();
}

}  // namespace ebb::tender
