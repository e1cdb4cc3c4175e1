#include "linux/fs/inode.h"

#include "kernel/clock.h"
#include "linux/fs/inode_file.h"
#include "linux/fs/memory_directory.h"
#include "linux/fs/quota.h"

namespace ebb::linux_abi {
namespace {

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
uint64_t last_number = 1;

TimeSpec ToSpec(uint64_t nanoseconds) {
  return {static_cast<int64_t>(nanoseconds / kNanosecondsPerSecond),
          static_cast<int64_t>(nanoseconds % kNanosecondsPerSecond)};
}

}  // namespace

uint64_t NextInodeNumber() { return ++last_number; }

void ReserveInodeNumbers(uint64_t last) {
  if (last > last_number) last_number = last;
}

Inode::Inode(uint32_t mode, uint64_t number) : number_(number), mode_(mode) { SetAllTimes(clock->Realtime()); }

Inode::~Inode() {
  if (charged_) tree_quota().Give(kInodeCharge);
}

Result<> Inode::Charge() {
  if (!tree_quota().Take(kInodeCharge)) return Errno::kNoSpc;
  charged_ = true;
  return Ok{};
}

void Inode::FillStat(LinuxStat& out) const {
  out = {};
  out.dev = device();
  out.ino = number_;
  out.nlink = links_;
  out.mode = mode_;
  out.uid = user_;
  out.gid = group_;
  out.rdev = special_device();
  out.size = static_cast<int64_t>(size());
  out.blksize = static_cast<int64_t>(EBB_PAGE_SIZE);
  out.blocks = static_cast<int64_t>((allocated_bytes() + 511) / 512);
  out.atime = ToSpec(accessed_ns_);
  out.mtime = ToSpec(modified_ns_);
  out.ctime = ToSpec(changed_ns_);
}

Result<ebb::Ref<File>> Inode::Open(uint32_t) { return Errno::kNxio; }
Result<> Inode::Truncate(uint64_t) { return Errno::kInval; }

Directory* Inode::parent() const { return place != nullptr ? place->parent : nullptr; }
std::string_view Inode::name() const { return place != nullptr ? place->name() : std::string_view(); }

void Inode::SetMode(uint32_t bits) {
  mode_ = type() | (bits & kModeBits);
  TouchAttributes();
}

void Inode::SetOwner(uint32_t user, uint32_t group) {
  constexpr uint32_t kStays = ~0u, kSetUser = 04000, kSetGroup = 02000, kGroupExecute = 010;
  if (user != kStays) user_ = user;
  if (group != kStays) group_ = group;
  if (type() != kSIfDir) {
    mode_ &= ~kSetUser;
    if ((mode_ & kGroupExecute) != 0) mode_ &= ~kSetGroup;
  }
  TouchAttributes();
}

void Inode::SetTimes(uint64_t accessed_ns, uint64_t modified_ns) {
  accessed_ns_ = accessed_ns;
  modified_ns_ = modified_ns;
  TouchAttributes();
}

void Inode::TouchContent() { modified_ns_ = changed_ns_ = clock->Realtime(); }
void Inode::TouchAttributes() { changed_ns_ = clock->Realtime(); }

Directory::~Directory() {
  // Not by recursion: a program can make such a chain longer than the stack.
  ebb::Ref<Directory> up = std::move(former_parent_);
  while (up && up->references() == 1) {
    ebb::Ref<Directory> next = std::move(up->former_parent_);
    up = std::move(next);
  }
}

void Directory::MarkRemoved(Directory& from) {
  set_links(0);
  former_parent_ = ebb::Ref<Directory>(&from);
  TouchAttributes();
}

Result<> Directory::Add(std::string_view, ebb::Ref<Inode>) { return Errno::kPerm; }
Result<> Directory::Remove(std::string_view) { return Errno::kPerm; }
Result<ebb::Ref<File>> Directory::Open(uint32_t flags) { return ebb::Ref<File>(new DirectoryFile(*this, flags)); }

Result<std::string_view> PathOf(const Inode& inode, std::span<char> buffer) {
  size_t start = buffer.size();
  for (const Inode* at = &inode;;) {
    const Directory* parent = at->parent();
    if (parent == nullptr) return Errno::kNoEnt;
    if (parent == at) break;
    const std::string_view name = at->name();
    if (name.empty()) return Errno::kNoEnt;
    if (name.size() + 1 > start) return Errno::kRange;
    start -= name.size();
    name.copy(&buffer[start], name.size());
    buffer[--start] = '/';
    at = parent;
  }
  if (start == buffer.size()) {
    if (start == 0) return Errno::kRange;
    buffer[--start] = '/';
  }
  return std::string_view(buffer.data() + start, buffer.size() - start);
}

}  // namespace ebb::linux_abi
