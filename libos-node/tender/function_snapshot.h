// FunctionSnapshot: a checked snapshot of a function, ready to start clones from: its file, and the plan that turns its
// template's memory into its own (pages/page_layout.h).
//
// Invariant: the plan's steps stay within what the snapshots say the guest held, both of which were checked; pages are
// only read into memory that is writable by then.
#ifndef EBB_TENDER_FUNCTION_SNAPSHOT_H_
#define EBB_TENDER_FUNCTION_SNAPSHOT_H_

#include <list>
#include <map>
#include <memory>
#include <string>

#include "tender/image.h"
#include "tender/pages/page_layout.h"
#include "tender/snapshot_file.h"

namespace ebb::tender {

class FunctionSnapshot {
 public:
  // `base` is the template that it must be a difference to.
  static Result<FunctionSnapshot> Open(const std::string& path, const SnapshotFile& base, const Image& image);

  int file() const { return file_.get(); }
  int plan() const { return plan_.get(); }
  // The plan's bytes, for a tender that follows it itself.
  Result<const void*> MapPlan() const;
  void UnmapPlan(const void* mapping) const;
  uint64_t plan_size() const { return plan_size_; }
  uint64_t pages() const { return pages_; }
  // Of this checked file, while this process lives.
  uint64_t id() const { return id_; }
  const ParkedRegisters& registers() const { return registers_; }
  uint64_t parked_at_ns() const { return parked_at_ns_; }

 private:
  UniqueFd file_, plan_;
  uint64_t plan_size_ = 0;
  uint64_t pages_ = 0;
  uint64_t id_ = 0;
  uint64_t parked_at_ns_ = 0;
  ParkedRegisters registers_{};
};

// The plan, as bytes of the file behind plan().
struct FunctionPlan {
  std::vector<PlanStep> before, after;
  std::vector<PlanPart> parts;
};
Result<FunctionPlan> PlanOf(const Snapshot& base, const Snapshot& function, const Image& image);

// The functions that were started last, so that each start does not check its file again. A file that was replaced or
// written to is another.
class FunctionCache {
 public:
  Result<const FunctionSnapshot*> Open(const std::string& path, const SnapshotFile& base, const Image& image);

 private:
  struct Key {
    uint64_t device, inode, size, modified_ns, changed_ns;
    auto operator<=>(const Key&) const = default;
  };
  // Each keeps two descriptors and some pages.
  static constexpr size_t kMost = 128;
  using Entry = std::pair<Key, std::unique_ptr<FunctionSnapshot>>;
  std::list<Entry> used_;  // latest first
  std::map<Key, std::list<Entry>::iterator> known_;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_FUNCTION_SNAPSHOT_H_
