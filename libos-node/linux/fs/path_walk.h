// PathWalk: follows a path to its last component, by Linux's rules (path_resolution(7)). What is to be done with the
// last component differs between calls, so the walk stops in front of it and the caller decides whether a symbolic link
// there is followed.
#pragma once

#include <string_view>
#include <vector>

#include "linux/fs/inode.h"

namespace ebb::linux_abi {

class PathWalk {
 public:
  enum class Last : uint8_t { kName, kDot, kDotDot, kRoot };

  // `start`: where a relative path begins. The path must stay valid.
  PathWalk(Directory& root, Directory& start, std::string_view path) : root_(&root), at_(&start), rest_(path) {}

  // To the last component: directory() holds it, last() says what it is. ENOENT (empty), ENOTDIR, ELOOP, ENAMETOOLONG.
  Result<> ToParent();
  // The last component itself, not followed. ENOENT.
  Result<ebb::Ref<Inode>> Find();
  // The last component is this link: goes on with its text, to the last component of that. False when the link led to
  // an object instead (then in `object`).
  Result<bool> Follow(Symlink& link, ebb::Ref<Inode>& object);
  // All of it: to the last component, which is followed when `follow` says so or a slash behind it demands a directory.
  Result<ebb::Ref<Inode>> Resolve(bool follow);

  Directory& directory() const { return *at_; }
  Last last() const { return last_; }
  // When last() is kName.
  std::string_view name() const { return name_; }
  bool trailing_slash() const { return trailing_slash_; }

 private:
  static constexpr uint32_t kMaxLinks = 40;
  static constexpr size_t kMaxName = 255;

  Result<> Enter(ebb::Ref<Inode> inode);
  Result<> TakeText(Symlink& link, ebb::Ref<Inode>& object, std::string_view after);

  ebb::Ref<Directory> root_;
  ebb::Ref<Directory> at_;
  std::string_view rest_;
  std::string_view name_;
  Last last_ = Last::kRoot;
  bool trailing_slash_ = false;
  uint32_t links_ = 0;
  std::vector<char> text_;  // what rest_ and name_ point to once a link was followed
};

}  // namespace ebb::linux_abi
