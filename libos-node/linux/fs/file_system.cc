#include "linux/fs/file_system.h"

#include "linux/fs/inode_file.h"
#include "linux/fs/memory_directory.h"
#include "linux/fs/path_walk.h"
#include "linux/fs/text_symlink.h"

namespace ebb::linux_abi {
namespace {

// O_TMPFILE without the O_DIRECTORY that is part of it.
constexpr uint32_t kTmpFileBit = kOTmpFile & ~kODirectory;
constexpr uint32_t kOpenOnly = kOCreat | kOExcl | kONoCtty | kOTrunc | kOCloexec;

FileSystem the_file_system;

// In front of a name that is to be made: EEXIST when it is there. The name is then walk.name() in walk.directory().
Result<> ToNewName(PathWalk& walk, bool directory) {
  if (const auto walked = walk.ToParent(); !walked) return walked.error();
  if (walk.last() != PathWalk::Last::kName) return Errno::kExist;
  const auto found = walk.Find();
  if (found) return Errno::kExist;
  if (found.error() != Errno::kNoEnt) return found.error();
  if ((walk.trailing_slash() && !directory) || walk.directory().removed()) return Errno::kNoEnt;
  return Ok{};
}

Result<> AddNew(PathWalk& walk, Inode& inode) {
  if (const auto charged = inode.Charge(); !charged) return charged.error();
  return walk.directory().Add(walk.name(), ebb::Ref<Inode>(&inode));
}

// The root of another part of the tree (/proc) is in use as such.
bool IsMountPoint(const Directory& parent, const Inode& inode) { return parent.device() != inode.device(); }

bool IsInside(const Directory& directory, const Inode& ancestor) {
  for (const Directory* at = &directory;;) {
    if (at == &ancestor) return true;
    const Directory* up = at->parent();
    if (up == nullptr || up == at) return false;
    at = up;
  }
}

}  // namespace

FileSystem& file_system() { return the_file_system; }

Result<ebb::Ref<Inode>> FileSystem::Lookup(Directory& start, std::string_view path, bool follow) const {
  return PathWalk(*root_, start, path).Resolve(follow);
}

// ---- Opening

Result<ebb::Ref<File>> FileSystem::OpenInode(Inode& inode, uint32_t flags) {
  const bool directory = inode.AsDirectory() != nullptr;
  if ((flags & kODirectory) != 0 && !directory) return Errno::kNotDir;
  if (inode.AsSymlink() != nullptr) return Errno::kLoop;
  const bool writes = (flags & kOAccMode) != kORdOnly || (flags & kOTrunc) != 0;
  if (directory && writes) return Errno::kIsDir;
  auto file = inode.Open((flags & ~kOpenOnly) | kOLargeFile);
  if (!file) return file;
  if ((flags & kOTrunc) != 0 && inode.AsMemoryFile() != nullptr) {
    if (const auto truncated = inode.Truncate(0); !truncated) return truncated.error();
  }
  return file;
}

Result<> FileSystem::CheckOpenFlags(uint32_t flags) {
  if ((flags & kOPath) != 0) return Ok{};
  if ((flags & kOAccMode) == kOAccMode) return Errno::kInval;
  if ((flags & (kOCreat | kODirectory)) == (kOCreat | kODirectory)) return Errno::kInval;
  if ((flags & kTmpFileBit) != 0 && ((flags & kODirectory) == 0 || (flags & kOAccMode) == kORdOnly))
    return Errno::kInval;
  return Ok{};
}

Result<ebb::Ref<File>> FileSystem::Open(Directory& start, std::string_view path, uint32_t flags, uint32_t mode) {
  if (const auto checked = CheckOpenFlags(flags); !checked) return checked.error();
  if ((flags & kOPath) != 0) {
    flags &= kODirectory | kONoFollow | kOPath;
    auto found = Lookup(start, path, (flags & kONoFollow) == 0);
    if (!found) return found.error();
    if ((flags & kODirectory) != 0 && (*found)->AsDirectory() == nullptr) return Errno::kNotDir;
    // A pipe or socket met through /proc/self/fd is in no tree; its stand-in must not be taken for the real one.
    if ((*found)->device() == kAnonymousDevice) return Errno::kNxio;
    return ebb::Ref<File>(new PathFile(**found, flags));
  }
  if ((flags & kTmpFileBit) != 0) return OpenTemporary(start, path, flags, mode);
  if ((flags & kOCreat) != 0) return OpenCreating(start, path, flags, mode);
  auto found = Lookup(start, path, (flags & kONoFollow) == 0);
  if (!found) return found.error();
  return OpenInode(**found, flags);
}

Result<ebb::Ref<File>> FileSystem::OpenTemporary(Directory& start, std::string_view path, uint32_t flags,
                                                 uint32_t mode) {
  auto found = Lookup(start, path, (flags & kONoFollow) == 0);
  if (!found) return found.error();
  const Directory* directory = (*found)->AsDirectory();
  if (directory == nullptr) return Errno::kNotDir;
  if (directory->synthetic()) return Errno::kOpNotSupp;
  if (directory->removed()) return Errno::kNoEnt;
  const auto inode = MakeRef<MemoryFile>(mode & ~umask_);
  if (const auto charged = inode->Charge(); !charged) return charged.error();
  inode->set_linkable((flags & kOExcl) == 0);
  return inode->Open((flags & ~kOpenOnly) | kOLargeFile);
}

Result<ebb::Ref<File>> FileSystem::OpenCreating(Directory& start, std::string_view path, uint32_t flags,
                                                uint32_t mode) {
  const bool exclusive = (flags & kOExcl) != 0;
  PathWalk walk(*root_, start, path);
  if (const auto walked = walk.ToParent(); !walked) return walked.error();
  for (;;) {
    if (walk.last() != PathWalk::Last::kName) return exclusive ? Errno::kExist : Errno::kIsDir;
    if (walk.trailing_slash()) return Errno::kIsDir;
    auto found = walk.Find();
    if (!found) {
      if (found.error() != Errno::kNoEnt || walk.directory().removed()) return found.error();
      const auto inode = MakeRef<MemoryFile>(mode & ~umask_);
      if (const auto added = AddNew(walk, *inode); !added) return added.error();
      return inode->Open((flags & ~kOpenOnly) | kOLargeFile);
    }
    if (exclusive) return Errno::kExist;
    ebb::Ref<Inode> inode = *found;
    if (Symlink* link = inode->AsSymlink()) {
      if ((flags & kONoFollow) != 0) return Errno::kLoop;
      ebb::Ref<Inode> object;
      const auto followed = walk.Follow(*link, object);
      if (!followed) return followed.error();
      if (*followed) continue;
      inode = object;
    }
    if (inode->AsDirectory() != nullptr) return Errno::kIsDir;
    return OpenInode(*inode, flags);
  }
}

// ---- Making names

Result<> FileSystem::Place(Inode& inode, Directory& start, std::string_view path) {
  PathWalk walk(*root_, start, path);
  if (const auto ready = ToNewName(walk, false); !ready) return ready.error();
  return AddNew(walk, inode);
}

Result<> FileSystem::MakeDirectory(Directory& start, std::string_view path, uint32_t mode) {
  PathWalk walk(*root_, start, path);
  if (const auto ready = ToNewName(walk, true); !ready) return ready.error();
  constexpr uint32_t kDirectoryBits = 01777;
  return AddNew(walk, *MakeRef<MemoryDirectory>(mode & ~umask_ & kDirectoryBits));
}

Result<> FileSystem::MakeNode(Directory& start, std::string_view path, uint32_t mode) {
  const uint32_t type = mode & kSIfMt;
  if (type != 0 && type != kSIfReg) return Errno::kPerm;
  return Place(*MakeRef<MemoryFile>(mode & ~umask_), start, path);
}

Result<> FileSystem::MakeSymlink(std::string_view target, Directory& start, std::string_view path) {
  if (target.empty()) return Errno::kNoEnt;
  return Place(*MakeRef<TextSymlink>(target), start, path);
}

Result<> FileSystem::MakeLink(Inode& inode, Directory& start, std::string_view path) {
  PathWalk walk(*root_, start, path);
  if (const auto ready = ToNewName(walk, false); !ready) return ready.error();
  if (inode.device() != walk.directory().device()) return Errno::kXdev;
  if (inode.AsDirectory() != nullptr) return Errno::kPerm;
  MemoryFile* file = inode.AsMemoryFile();
  if (inode.links() == 0 && (file == nullptr || !file->linkable())) return Errno::kNoEnt;
  const auto added = walk.directory().Add(walk.name(), ebb::Ref<Inode>(&inode));
  if (added) inode.TouchAttributes();
  if (added && file != nullptr) file->set_linkable(false);
  return added;
}

// ---- Removing names

Result<> FileSystem::Unlink(Directory& start, std::string_view path) {
  PathWalk walk(*root_, start, path);
  if (const auto walked = walk.ToParent(); !walked) return walked.error();
  if (walk.last() != PathWalk::Last::kName) return Errno::kIsDir;
  const auto found = walk.Find();
  if (!found) return found.error();
  if ((*found)->AsDirectory() != nullptr) return Errno::kIsDir;
  if (walk.trailing_slash()) return Errno::kNotDir;
  const auto removed = walk.directory().Remove(walk.name());
  if (removed) (*found)->TouchAttributes();
  return removed;
}

Result<> FileSystem::RemoveDirectory(Directory& start, std::string_view path) {
  PathWalk walk(*root_, start, path);
  if (const auto walked = walk.ToParent(); !walked) return walked.error();
  switch (walk.last()) {
    case PathWalk::Last::kDot:
      return Errno::kInval;
    case PathWalk::Last::kDotDot:
      return Errno::kNotEmpty;
    case PathWalk::Last::kRoot:
      return Errno::kBusy;
    case PathWalk::Last::kName:
      break;
  }
  const auto found = walk.Find();
  if (!found) return found.error();
  Directory* directory = (*found)->AsDirectory();
  if (directory == nullptr) return Errno::kNotDir;
  if (IsMountPoint(walk.directory(), *directory)) return Errno::kBusy;
  if (!directory->empty()) return Errno::kNotEmpty;
  const auto removed = walk.directory().Remove(walk.name());
  if (removed) directory->MarkRemoved(walk.directory());
  return removed;
}

// ---- Renaming

Result<> FileSystem::Rename(Directory& from_start, std::string_view from, Directory& to_start, std::string_view to,
                            uint32_t flags) {
  const bool exchange = (flags & kRenameExchange) != 0;
  const bool no_replace = (flags & kRenameNoReplace) != 0;
  if ((flags & ~(kRenameExchange | kRenameNoReplace)) != 0 || (exchange && no_replace)) return Errno::kInval;
  PathWalk source(*root_, from_start, from);
  PathWalk target(*root_, to_start, to);
  if (const auto walked = source.ToParent(); !walked) return walked.error();
  if (const auto walked = target.ToParent(); !walked) return walked.error();
  Directory& from_directory = source.directory();
  Directory& to_directory = target.directory();
  if (from_directory.device() != to_directory.device()) return Errno::kXdev;
  if (source.last() != PathWalk::Last::kName) return Errno::kBusy;
  if (target.last() != PathWalk::Last::kName) return no_replace ? Errno::kExist : Errno::kBusy;

  auto found = source.Find();
  if (!found) return found.error();
  if (to_directory.removed()) return Errno::kNoEnt;
  const ebb::Ref<Inode> moved = *found;
  auto replaced_found = target.Find();
  if (!replaced_found && replaced_found.error() != Errno::kNoEnt) return replaced_found.error();
  const ebb::Ref<Inode> replaced = replaced_found ? *replaced_found : ebb::Ref<Inode>();
  if (no_replace && replaced) return Errno::kExist;
  if (exchange && !replaced) return Errno::kNoEnt;
  Directory* moved_directory = moved->AsDirectory();
  Directory* replaced_directory = replaced ? replaced->AsDirectory() : nullptr;
  if (exchange && replaced_directory == nullptr && target.trailing_slash()) return Errno::kNotDir;
  if (moved_directory == nullptr && (source.trailing_slash() || (!exchange && target.trailing_slash())))
    return Errno::kNotDir;
  if (moved_directory != nullptr && IsInside(to_directory, *moved)) return Errno::kInval;
  if (replaced_directory != nullptr && IsInside(from_directory, *replaced))
    return exchange ? Errno::kInval : Errno::kNotEmpty;
  if (from_directory.synthetic()) return Errno::kPerm;
  if (moved == replaced) return Ok{};

  if (replaced && !exchange) {
    if (moved_directory != nullptr && replaced_directory == nullptr) return Errno::kNotDir;
    if (moved_directory == nullptr && replaced_directory != nullptr) return Errno::kIsDir;
  }
  if (IsMountPoint(from_directory, *moved) || (replaced && IsMountPoint(to_directory, *replaced))) return Errno::kBusy;
  if (replaced_directory != nullptr && !exchange && !replaced_directory->empty()) return Errno::kNotEmpty;

  // None of these fail: both names were found, both directories are the tree's own.
  (void)from_directory.Remove(source.name());
  if (replaced) (void)to_directory.Remove(target.name());
  (void)to_directory.Add(target.name(), moved);
  if (exchange) {
    (void)from_directory.Add(source.name(), replaced);
  } else if (replaced_directory != nullptr) {
    replaced_directory->MarkRemoved(to_directory);
  }
  if (replaced) replaced->TouchAttributes();
  moved->TouchAttributes();
  return Ok{};
}

}  // namespace ebb::linux_abi
