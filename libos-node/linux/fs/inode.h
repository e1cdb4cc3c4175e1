// Inode: what a name in the tree refers to. It carries the attributes; its subclasses carry the content. A class is
// found by the type bits of the mode: every S_IFDIR inode is a Directory, every S_IFLNK inode a Symlink.
//
// There is one user (root), so permission bits are kept and told but never refuse.
#pragma once

#include <cstdint>
#include <string_view>

#include "linux/file.h"

namespace ebb::linux_abi {

class Directory;
class MemoryFile;
class Symlink;
struct Dentry;

// st_dev of the parts of the tree.
constexpr uint64_t kTreeDevice = 0x10, kProcDevice = 0x11, kAnonymousDevice = 0x12;
constexpr uint32_t kModeBits = 07777;

uint64_t NextInodeNumber();
// Numbers up to `last` are taken (by the image).
void ReserveInodeNumbers(uint64_t last);

class Inode : public RefCounted {
 public:
  uint64_t number() const { return number_; }
  uint32_t mode() const { return mode_; }
  uint32_t type() const { return mode_ & kSIfMt; }
  Directory* AsDirectory();
  Symlink* AsSymlink();
  virtual MemoryFile* AsMemoryFile() { return nullptr; }

  virtual uint64_t size() const { return 0; }
  virtual uint64_t allocated_bytes() const { return 0; }
  virtual uint64_t device() const { return kTreeDevice; }
  virtual uint64_t special_device() const { return 0; }
  // Made by the LibOS (/proc): attributes and names do not change (EPERM).
  virtual bool synthetic() const { return false; }
  void FillStat(LinuxStat& out) const;

  // A new open file description. The caller has checked what open(2) says about the type. Default ENXIO (sockets).
  virtual Result<ebb::Ref<File>> Open(uint32_t flags);
  virtual Result<> Truncate(uint64_t size);

  // Where it was last put or found in the tree. Without a name there any more: an empty name, and no parent but a
  // directory's former one. The root is its own parent.
  virtual Directory* parent() const;
  virtual std::string_view name() const;

  void SetMode(uint32_t bits);
  void SetOwner(uint32_t user, uint32_t group);  // ~0u: stays
  void SetTimes(uint64_t accessed_ns, uint64_t modified_ns);
  uint64_t accessed_ns() const { return accessed_ns_; }
  uint64_t modified_ns() const { return modified_ns_; }
  uint64_t born_ns() const { return born_ns_; }
  void TouchContent();     // content changed: mtime and ctime
  void TouchAttributes();  // ctime
  uint32_t links() const { return links_; }
  void set_links(uint32_t links) { links_ = links; }

  // Charges it to the tree's quota. ENOSPC.
  Result<> Charge();

  Dentry* place = nullptr;  // of MemoryDirectory

 protected:
  Inode(uint32_t mode, uint64_t number);
  ~Inode() override;
  void SetAllTimes(uint64_t ns) { accessed_ns_ = modified_ns_ = changed_ns_ = born_ns_ = ns; }

 private:
  uint64_t number_;
  uint32_t mode_;
  uint32_t links_ = 0;
  uint32_t user_ = 0;
  uint32_t group_ = 0;
  uint64_t accessed_ns_;
  uint64_t modified_ns_;
  uint64_t changed_ns_;
  uint64_t born_ns_;
  bool charged_ = false;
};

class Directory : public Inode {
 public:
  struct Item {
    std::string_view name;  // valid until the directory changes
    uint64_t number;
    uint32_t mode;
    uint64_t next;  // position after it
  };
  // Positions: 0 is ".", 1 is "..", what a directory lists by itself starts here.
  static constexpr uint64_t kFirstPosition = 2;

  // The child, or ENOENT. Never "." or "..".
  virtual Result<ebb::Ref<Inode>> Find(std::string_view name) = 0;
  // The first entry at or after the position; false at the end.
  virtual bool List(uint64_t position, Item& out) = 0;
  virtual bool empty() { return false; }
  // Adds a name that is not there. Counts links. Default EPERM.
  virtual Result<> Add(std::string_view name, ebb::Ref<Inode> inode);
  // Removes a name that is there. Counts links.
  virtual Result<> Remove(std::string_view name);
  // Removed from the tree but still open: nothing can be made in it. ".." still leads to where it was.
  bool removed() const { return links() == 0; }
  void MarkRemoved(Directory& from);
  Directory* parent() const override { return removed() ? former_parent_.get() : Inode::parent(); }

  Result<ebb::Ref<File>> Open(uint32_t flags) override;

 protected:
  Directory(uint32_t mode, uint64_t number) : Inode(mode | kSIfDir, number) { set_links(2); }
  ~Directory() override;

 private:
  ebb::Ref<Directory> former_parent_;
};

class Symlink : public Inode {
 public:
  // The text. Valid while the link lives and is not asked again.
  virtual Result<std::string_view> Target() = 0;
  // A link of /proc leads to an object, whatever its text says; null: follow the text.
  virtual Result<ebb::Ref<Inode>> Object() { return ebb::Ref<Inode>(); }

 protected:
  explicit Symlink(uint64_t number) : Inode(kSIfLnk | 0777, number) {}
};

inline Directory* Inode::AsDirectory() { return type() == kSIfDir ? static_cast<Directory*>(this) : nullptr; }
inline Symlink* Inode::AsSymlink() { return type() == kSIfLnk ? static_cast<Symlink*>(this) : nullptr; }

// The absolute path of an inode, built from its end in `buffer`. ENOENT when it has no name any more, ERANGE when the
// buffer is too small.
Result<std::string_view> PathOf(const Inode& inode, std::span<char> buffer);

}  // namespace ebb::linux_abi
