// FileSystem: the one tree of names, and the operations on it that system calls are made of. A path is given with the
// directory that a relative one starts at. Everything is in memory: nothing blocks.
#pragma once

#include <string_view>

#include "linux/fs/inode.h"

namespace ebb::linux_abi {

constexpr uint32_t kRenameNoReplace = 1, kRenameExchange = 2;

class FileSystem {
 public:
  Directory& root() const { return *root_; }
  Directory& current() const { return *current_; }
  void set_root(Directory& root) { root_ = current_ = ebb::Ref<Directory>(&root); }
  void set_current(Directory& current) { current_ = ebb::Ref<Directory>(&current); }
  uint32_t umask() const { return umask_; }
  void set_umask(uint32_t mask) { umask_ = mask & 0777; }

  Result<ebb::Ref<Inode>> Lookup(Directory& start, std::string_view path, bool follow) const;
  // What open(2) refuses whatever the path is. EINVAL.
  static Result<> CheckOpenFlags(uint32_t flags);
  // openat(2): `mode` before the umask.
  Result<ebb::Ref<File>> Open(Directory& start, std::string_view path, uint32_t flags, uint32_t mode);
  // An open file of an inode, by the rules of open(2) for its type.
  static Result<ebb::Ref<File>> OpenInode(Inode& inode, uint32_t flags);

  // Gives a new inode its first name.
  Result<> Place(Inode& inode, Directory& start, std::string_view path);
  Result<> MakeDirectory(Directory& start, std::string_view path, uint32_t mode);
  // Only regular files; EPERM for the rest.
  Result<> MakeNode(Directory& start, std::string_view path, uint32_t mode);
  Result<> MakeSymlink(std::string_view target, Directory& start, std::string_view path);
  Result<> MakeLink(Inode& inode, Directory& start, std::string_view path);
  Result<> Unlink(Directory& start, std::string_view path);
  Result<> RemoveDirectory(Directory& start, std::string_view path);
  Result<> Rename(Directory& from_start, std::string_view from, Directory& to_start, std::string_view to,
                  uint32_t flags);

 private:
  Result<ebb::Ref<File>> OpenTemporary(Directory& start, std::string_view path, uint32_t flags, uint32_t mode);
  Result<ebb::Ref<File>> OpenCreating(Directory& start, std::string_view path, uint32_t flags, uint32_t mode);

  ebb::Ref<Directory> root_;
  ebb::Ref<Directory> current_;
  uint32_t umask_ = 022;
};

FileSystem& file_system();

}  // namespace ebb::linux_abi
