#include "linux/fs/path_walk.h"

namespace ebb::linux_abi {

Result<> PathWalk::Enter(ebb::Ref<Inode> inode) {
  Directory* directory = inode->AsDirectory();
  if (directory == nullptr) return Errno::kNotDir;
  at_ = ebb::Ref<Directory>(directory);
  return Ok{};
}

// Makes the link's text, with `after` behind it, the rest of the path; or sets the object it leads to.
Result<> PathWalk::TakeText(Symlink& link, ebb::Ref<Inode>& object, std::string_view after) {
  if (++links_ > kMaxLinks) return Errno::kLoop;
  auto direct = link.Object();
  if (!direct) return direct.error();
  if (*direct) {
    object = *direct;
    rest_ = after;
    return Ok{};
  }
  const auto target = link.Target();
  if (!target) return target.error();
  if (target->empty()) return Errno::kNoEnt;
  std::vector<char> next;
  next.reserve(target->size() + after.size() + 1);
  next.insert(next.end(), target->begin(), target->end());
  if (!after.empty()) {
    next.push_back('/');
    next.insert(next.end(), after.begin(), after.end());
  }
  text_.swap(next);
  rest_ = {text_.data(), text_.size()};
  return Ok{};
}

Result<> PathWalk::ToParent() {
  if (rest_.empty()) return Errno::kNoEnt;
  if (rest_.front() == '/') {
    at_ = root_;
    last_ = Last::kRoot;
  }
  for (;;) {
    while (!rest_.empty() && rest_.front() == '/') rest_.remove_prefix(1);
    if (rest_.empty()) {
      // Slashes alone.
      last_ = Last::kRoot;
      trailing_slash_ = false;
      return Ok{};
    }
    size_t length = 0;
    while (length < rest_.size() && rest_[length] != '/') ++length;
    const std::string_view component = rest_.substr(0, length);
    size_t behind = length;
    while (behind < rest_.size() && rest_[behind] == '/') ++behind;
    last_ = component == "." ? Last::kDot : component == ".." ? Last::kDotDot : Last::kName;
    if (behind == rest_.size()) {
      name_ = component;
      trailing_slash_ = behind != length;
      rest_ = {};
      return Ok{};
    }
    rest_.remove_prefix(behind);
    if (last_ == Last::kDot) continue;
    if (last_ == Last::kDotDot) {
      Directory* up = at_->parent();
      if (up == nullptr) return Errno::kNoEnt;
      at_ = ebb::Ref<Directory>(up);
      continue;
    }
    if (at_->removed()) return Errno::kNoEnt;
    if (length > kMaxName) return Errno::kNameTooLong;
    auto found = at_->Find(component);
    if (!found) return found.error();
    ebb::Ref<Inode> inode = *found;
    if (Symlink* link = inode->AsSymlink()) {
      ebb::Ref<Inode> object;
      if (const auto taken = TakeText(*link, object, rest_); !taken) return taken.error();
      if (!object) {
        if (rest_.front() == '/') at_ = root_;
        continue;
      }
      inode = object;
    }
    if (const auto entered = Enter(inode); !entered) return entered.error();
  }
}

Result<ebb::Ref<Inode>> PathWalk::Find() {
  switch (last_) {
    case Last::kName:
      if (at_->removed()) return Errno::kNoEnt;
      if (name_.size() > kMaxName) return Errno::kNameTooLong;
      return at_->Find(name_);
    case Last::kDotDot: {
      Directory* up = at_->parent();
      if (up == nullptr) return Errno::kNoEnt;
      return ebb::Ref<Inode>(up);
    }
    case Last::kDot:
    case Last::kRoot:
      break;
  }
  return ebb::Ref<Inode>(at_.get());
}

Result<bool> PathWalk::Follow(Symlink& link, ebb::Ref<Inode>& object) {
  const bool slash = trailing_slash_;
  if (const auto taken = TakeText(link, object, {}); !taken) return taken.error();
  if (object) return false;
  if (const auto walked = ToParent(); !walked) return walked.error();
  trailing_slash_ = trailing_slash_ || slash;
  return true;
}

Result<ebb::Ref<Inode>> PathWalk::Resolve(bool follow) {
  if (const auto walked = ToParent(); !walked) return walked.error();
  for (;;) {
    auto found = Find();
    if (!found) return found;
    ebb::Ref<Inode> inode = *found;
    Symlink* link = inode->AsSymlink();
    if (link != nullptr && (follow || trailing_slash_)) {
      ebb::Ref<Inode> object;
      const auto followed = Follow(*link, object);
      if (!followed) return followed.error();
      if (*followed) continue;
      inode = object;
    }
    if (trailing_slash_ && inode->AsDirectory() == nullptr) return Errno::kNotDir;
    return inode;
  }
}

}  // namespace ebb::linux_abi
