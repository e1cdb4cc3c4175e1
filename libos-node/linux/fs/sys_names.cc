// Directories and the names in them.
#include "linux/fs/arguments.h"
#include "linux/fs/path_walk.h"
#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {
namespace {

constexpr size_t kPathSize = 4096;

// Calls operation(start directory, path) for one path argument.
template <class Operation>
int64_t WithPath(int directory, uint64_t path, Operation operation) {
  const auto argument = ReadPath(directory, path);
  if (!argument) return argument.Negative();
  return ToSyscall(operation(*argument->start, argument->path));
}

// Both forms of directory entry begin with these two words.
struct EntryHead {
  uint64_t number;
  uint64_t next;
  uint16_t size;
};
constexpr size_t kHeadSize = 18;

int64_t ListInto(int fd, uint64_t buffer, uint32_t size, bool with_type_first) {
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  InodeFile* inode_file = AsInodeFile(**file);
  if (inode_file == nullptr || inode_file->inode().AsDirectory() == nullptr) return Negative(Errno::kNotDir);
  auto& listing = static_cast<DirectoryFile&>(*inode_file);
  if (listing.directory().removed()) return Negative(Errno::kNoEnt);
  const auto out = UserWritable(buffer, size);
  if (!out) return out.Negative();
  size_t used = 0;
  Directory::Item item;
  while (listing.Next(item)) {
    // The name, its NUL, and the type, which is in front of the name or the last byte.
    const size_t length = (kHeadSize + item.name.size() + 2 + 7) & ~size_t{7};
    if (length > size - used) {
      if (used == 0) return Negative(Errno::kInval);
      break;
    }
    std::byte* at = out->data() + used;
    __builtin_memset(at, 0, length);
    const EntryHead head = {item.number, item.next, static_cast<uint16_t>(length)};
    const auto type = static_cast<std::byte>((item.mode & kSIfMt) >> 12);
    __builtin_memcpy(at, &head, kHeadSize);
    at[with_type_first ? kHeadSize : length - 1] = type;
    __builtin_memcpy(at + kHeadSize + (with_type_first ? 1 : 0), item.name.data(), item.name.size());
    used += length;
    listing.Advance(item);
  }
  return static_cast<int64_t>(used);
}

}  // namespace

int64_t SysGetdents(int fd, uint64_t buffer, uint32_t size) { return ListInto(fd, buffer, size, false); }
int64_t SysGetdents64(int fd, uint64_t buffer, uint32_t size) { return ListInto(fd, buffer, size, true); }

int64_t SysGetcwd(uint64_t buffer, uint64_t size) {
  char text[kPathSize];
  const auto path = PathOf(file_system().current(), text);
  if (!path) return path.error() == Errno::kRange ? Negative(Errno::kNameTooLong) : path.Negative();
  if (path->size() + 1 > size) return Negative(Errno::kRange);
  const auto out = UserWritable(buffer, path->size() + 1);
  if (!out) return out.Negative();
  __builtin_memcpy(out->data(), path->data(), path->size());
  (*out)[path->size()] = std::byte{0};
  return static_cast<int64_t>(path->size() + 1);
}

int64_t SysChdir(uint64_t path) {
  const auto argument = ReadPath(kAtFdCwd, path);
  if (!argument) return argument.Negative();
  const auto inode = ResolvePath(*argument, true);
  if (!inode) return inode.Negative();
  Directory* directory = (*inode)->AsDirectory();
  if (directory == nullptr) return Negative(Errno::kNotDir);
  file_system().set_current(*directory);
  return 0;
}

int64_t SysFchdir(int fd) {
  const auto file = fds().Get(fd);
  if (!file) return file.Negative();
  InodeFile* inode_file = AsInodeFile(**file);
  Directory* directory = inode_file != nullptr ? inode_file->inode().AsDirectory() : nullptr;
  if (directory == nullptr) return Negative(Errno::kNotDir);
  file_system().set_current(*directory);
  return 0;
}

int64_t SysMkdirat(int directory, uint64_t path, uint32_t mode) {
  return WithPath(directory, path, [&](Directory& start, std::string_view name) {
    return file_system().MakeDirectory(start, name, mode);
  });
}
int64_t SysMkdir(uint64_t path, uint32_t mode) { return SysMkdirat(kAtFdCwd, path, mode); }

int64_t SysMknodat(int directory, uint64_t path, uint32_t mode, uint32_t) {
  return WithPath(directory, path,
                  [&](Directory& start, std::string_view name) { return file_system().MakeNode(start, name, mode); });
}
int64_t SysMknod(uint64_t path, uint32_t mode, uint32_t device) { return SysMknodat(kAtFdCwd, path, mode, device); }

int64_t SysUnlinkat(int directory, uint64_t path, uint32_t flags) {
  if ((flags & ~kAtRemoveDir) != 0) return Negative(Errno::kInval);
  return WithPath(directory, path, [&](Directory& start, std::string_view name) {
    return (flags & kAtRemoveDir) != 0 ? file_system().RemoveDirectory(start, name) : file_system().Unlink(start, name);
  });
}
int64_t SysUnlink(uint64_t path) { return SysUnlinkat(kAtFdCwd, path, 0); }
int64_t SysRmdir(uint64_t path) { return SysUnlinkat(kAtFdCwd, path, kAtRemoveDir); }

int64_t SysRenameat2(int from_directory, uint64_t from, int to_directory, uint64_t to, uint32_t flags) {
  constexpr uint32_t kBoth = kRenameNoReplace | kRenameExchange;
  if ((flags & ~kBoth) != 0 || (flags & kBoth) == kBoth) return Negative(Errno::kInval);
  const auto source = ReadPath(from_directory, from);
  if (!source) return source.Negative();
  const auto target = ReadPath(to_directory, to);
  if (!target) {
    // As Linux: what is wrong with the first path is told first.
    const auto walked = PathWalk(file_system().root(), *source->start, source->path).ToParent();
    return walked ? target.Negative() : walked.Negative();
  }
  return ToSyscall(file_system().Rename(*source->start, source->path, *target->start, target->path, flags));
}
int64_t SysRenameat(int from_directory, uint64_t from, int to_directory, uint64_t to) {
  return SysRenameat2(from_directory, from, to_directory, to, 0);
}
int64_t SysRename(uint64_t from, uint64_t to) { return SysRenameat2(kAtFdCwd, from, kAtFdCwd, to, 0); }

int64_t SysLinkat(int from_directory, uint64_t from, int to_directory, uint64_t to, uint32_t flags) {
  if ((flags & ~(kAtSymlinkFollow | kAtEmptyPath)) != 0) return Negative(Errno::kInval);
  const auto source = ReadPath(from_directory, from, flags);
  if (!source) return source.Negative();
  const auto inode = ResolvePath(*source, (flags & kAtSymlinkFollow) != 0);
  if (!inode) return inode.Negative();
  // A pipe or socket lies in no tree.
  if (!*inode) return Negative(Errno::kXdev);
  return WithPath(to_directory, to, [&](Directory& start, std::string_view name) {
    return file_system().MakeLink(**inode, start, name);
  });
}
int64_t SysLink(uint64_t from, uint64_t to) { return SysLinkat(kAtFdCwd, from, kAtFdCwd, to, 0); }

int64_t SysSymlinkat(uint64_t target, int directory, uint64_t path) {
  const auto text = UserString(target);
  if (!text) return text.Negative();
  if (text->empty()) return Negative(Errno::kNoEnt);
  return WithPath(directory, path, [&](Directory& start, std::string_view name) {
    return file_system().MakeSymlink(*text, start, name);
  });
}
int64_t SysSymlink(uint64_t target, uint64_t path) { return SysSymlinkat(target, kAtFdCwd, path); }

}  // namespace ebb::linux_abi
