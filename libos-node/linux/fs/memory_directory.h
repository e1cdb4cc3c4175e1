// MemoryDirectory: a directory of the tree. What it holds is what the program put there, over the children that the
// image gives it. A child of the image becomes a dentry when it is first looked up; a removed one leaves a dentry
// without inode that hides it.
#pragma once

#include <memory>
#include <vector>

#include "linux/fs/image_tree.h"
#include "linux/fs/inode.h"

namespace ebb::linux_abi {

class MemoryDirectory;

// A name in a directory. The name follows the object in memory.
struct Dentry {
  std::string_view name() const { return {reinterpret_cast<const char*>(this + 1), name_size}; }

  Dentry* next_in_bucket = nullptr;
  MemoryDirectory* parent = nullptr;
  Ref<Inode> inode;       // null: hides the image's child
  uint64_t position = 0;  // where List tells it; made names only
  uint32_t hash = 0;
  uint16_t name_size = 0;
  bool of_image = false;     // the inode is the image's child of this name: listed with the image's children
  bool hides_image = false;  // the image has a child of this name
};

class MemoryDirectory final : public Directory {
 public:
  explicit MemoryDirectory(uint32_t mode) : Directory(mode & kModeBits, NextInodeNumber()) {}
  // A directory of the image.
  MemoryDirectory(const ImageTree& image, uint32_t index);

  Result<ebb::Ref<Inode>> Find(std::string_view name) override;
  bool List(uint64_t position, Item& out) override;
  bool empty() override { return count_ == 0; }
  // As tmpfs tells it; programs take a directory of size 0 for an empty file.
  uint64_t size() const override { return (count_ + 2) * kEntrySize; }
  Result<> Add(std::string_view name, ebb::Ref<Inode> inode) override;
  Result<> Remove(std::string_view name) override;
  Directory* parent() const override { return root_ ? const_cast<MemoryDirectory*>(this) : Directory::parent(); }
  // The root has no name and leads to itself.
  void BecomeRoot() { root_ = true; }

 protected:
  ~MemoryDirectory() override;

 private:
  static constexpr uint64_t kEntrySize = 20;
  // Positions of made names; those of the image's children are their index, shifted behind "..".
  static constexpr uint64_t kMadePositions = 1ull << 32;

  struct Made {
    uint64_t position;
    Dentry* dentry;
  };

  Dentry* FindDentry(std::string_view name, uint32_t hash) const;
  Dentry* NewDentry(std::string_view name, uint32_t hash);
  void Grow();
  std::vector<Made>::iterator MadeFrom(uint64_t position);
  void ForgetMade(uint64_t position);
  static ebb::Ref<Inode> MakeInode(const ImageTree& image, uint32_t index);

  const ImageTree* image_ = nullptr;
  uint32_t index_ = ImageTree::kNone;
  bool root_ = false;
  uint64_t count_ = 0;  // names that can be found, "." and ".." not among them
  uint64_t next_position_ = kMadePositions;
  std::vector<Dentry*> buckets_;
  size_t dentries_ = 0;
  // Made names by position; null where one was removed since, until there are too many of those.
  std::vector<Made> made_;
  size_t made_gaps_ = 0;
};

}  // namespace ebb::linux_abi
