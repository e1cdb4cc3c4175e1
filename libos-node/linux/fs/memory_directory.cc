#include "linux/fs/memory_directory.h"

#include <algorithm>
#include <new>

#include "linux/fs/memory_file.h"
#include "linux/fs/name_hash.h"
#include "linux/fs/text_symlink.h"

namespace ebb::linux_abi {
namespace {

// 1 is the root, as on most file systems.
uint64_t NumberOf(uint32_t index) { return uint64_t{index} + 1; }

}  // namespace

MemoryDirectory::MemoryDirectory(const ImageTree& image, uint32_t index)
    : Directory(image.entry(index).mode & kModeBits, NumberOf(index)), image_(&image), index_(index) {
  SetAllTimes(image.entry(index).mtime_ns);
  uint32_t directories = 0;
  for (uint32_t child = image.FirstChild(index); child != ImageTree::kNone; child = image.NextSibling(child)) {
    ++count_;
    if ((image.entry(child).mode & kSIfMt) == kSIfDir) ++directories;
  }
  set_links(2 + directories);
}

MemoryDirectory::~MemoryDirectory() {
  for (Dentry* chain : buckets_) {
    while (chain != nullptr) {
      Dentry* next = chain->next_in_bucket;
      if (chain->inode && chain->inode->place == chain) chain->inode->place = nullptr;
      chain->~Dentry();
      ::operator delete(chain);
      chain = next;
    }
  }
}

ebb::Ref<Inode> MemoryDirectory::MakeInode(const ImageTree& image, uint32_t index) {
  const ebb_fs_entry& entry = image.entry(index);
  const uint64_t number = NumberOf(index);
  switch (entry.mode & kSIfMt) {
    case kSIfDir:
      return ebb::Ref<Inode>(new MemoryDirectory(image, index));
    case kSIfLnk: {
      const auto text = image.DataOf(entry);
      return ebb::Ref<Inode>(
          new TextSymlink(number, {reinterpret_cast<const char*>(text.data()), text.size()}, entry.mtime_ns));
    }
    default:
      return ebb::Ref<Inode>(
          new MemoryFile(entry.mode, number, image.DataOf(entry), image.SitesOf(entry), entry.mtime_ns));
  }
}

Dentry* MemoryDirectory::FindDentry(std::string_view name, uint32_t hash) const {
  if (buckets_.empty()) return nullptr;
  Dentry* at = buckets_[hash & (buckets_.size() - 1)];
  while (at != nullptr && (at->hash != hash || at->name() != name)) at = at->next_in_bucket;
  return at;
}

void MemoryDirectory::Grow() {
  std::vector<Dentry*> old(buckets_.empty() ? 4 : buckets_.size() * 2, nullptr);
  old.swap(buckets_);
  for (Dentry* chain : old) {
    while (chain != nullptr) {
      Dentry* next = chain->next_in_bucket;
      Dentry*& bucket = buckets_[chain->hash & (buckets_.size() - 1)];
      chain->next_in_bucket = bucket;
      bucket = chain;
      chain = next;
    }
  }
}

Dentry* MemoryDirectory::NewDentry(std::string_view name, uint32_t hash) {
  if (dentries_ == buckets_.size()) Grow();
  auto* dentry = new (::operator new(sizeof(Dentry) + name.size())) Dentry();
  name.copy(reinterpret_cast<char*>(dentry + 1), name.size());
  dentry->name_size = static_cast<uint16_t>(name.size());
  dentry->hash = hash;
  dentry->parent = this;
  Dentry*& bucket = buckets_[hash & (buckets_.size() - 1)];
  dentry->next_in_bucket = bucket;
  bucket = dentry;
  ++dentries_;
  return dentry;
}

Result<ebb::Ref<Inode>> MemoryDirectory::Find(std::string_view name) {
  const uint32_t hash = HashName(name, number());
  if (const Dentry* dentry = FindDentry(name, hash)) {
    if (!dentry->inode) return Errno::kNoEnt;
    return dentry->inode;
  }
  const uint32_t index = image_ != nullptr ? image_->Find(index_, name) : ImageTree::kNone;
  if (index == ImageTree::kNone) return Errno::kNoEnt;
  Dentry* dentry = NewDentry(name, hash);
  dentry->inode = MakeInode(*image_, index);
  dentry->of_image = dentry->hides_image = true;
  dentry->inode->place = dentry;
  if (dentry->inode->AsDirectory() == nullptr) dentry->inode->set_links(1);
  return dentry->inode;
}

bool MemoryDirectory::List(uint64_t position, Item& out) {
  if (image_ != nullptr && position < kMadePositions) {
    const uint64_t resumed = position - kFirstPosition;
    uint32_t child = resumed == 0                ? image_->FirstChild(index_)
                     : resumed < image_->count() ? static_cast<uint32_t>(resumed)
                                                 : ImageTree::kNone;
    for (; child != ImageTree::kNone; child = image_->NextSibling(child)) {
      const ebb_fs_entry& entry = image_->entry(child);
      // A position that the program made up.
      if (entry.parent != index_) break;
      const std::string_view name = image_->NameOf(entry);
      const Dentry* dentry = FindDentry(name, HashName(name, number()));
      if (dentry != nullptr && !dentry->of_image) continue;
      const uint32_t next = image_->NextSibling(child);
      out = {name, NumberOf(child), entry.mode, next == ImageTree::kNone ? kMadePositions : kFirstPosition + next};
      return true;
    }
  }
  auto made = MadeFrom(position);
  while (made != made_.end() && made->dentry == nullptr) ++made;
  if (made == made_.end()) return false;
  const Inode& inode = *made->dentry->inode;
  out = {made->dentry->name(), inode.number(), inode.mode(), made->position + 1};
  return true;
}

std::vector<MemoryDirectory::Made>::iterator MemoryDirectory::MadeFrom(uint64_t position) {
  return std::lower_bound(made_.begin(), made_.end(), position,
                          [](const Made& made, uint64_t wanted) { return made.position < wanted; });
}

void MemoryDirectory::ForgetMade(uint64_t position) {
  const auto made = MadeFrom(position);
  if (made == made_.end() || made->position != position) return;
  made->dentry = nullptr;
  ++made_gaps_;
  constexpr size_t kFewGaps = 8;
  if (made_gaps_ < kFewGaps || made_gaps_ * 2 < made_.size()) return;
  std::erase_if(made_, [](const Made& entry) { return entry.dentry == nullptr; });
  made_gaps_ = 0;
}

Result<> MemoryDirectory::Add(std::string_view name, ebb::Ref<Inode> inode) {
  const uint32_t hash = HashName(name, number());
  Dentry* dentry = FindDentry(name, hash);
  if (dentry == nullptr) {
    dentry = NewDentry(name, hash);
    dentry->hides_image = image_ != nullptr && image_->Find(index_, name) != ImageTree::kNone;
  }
  dentry->position = next_position_++;
  made_.push_back({dentry->position, dentry});
  inode->place = dentry;
  if (inode->AsDirectory() != nullptr) {
    set_links(links() + 1);
  } else {
    inode->set_links(inode->links() + 1);
  }
  dentry->inode = std::move(inode);
  ++count_;
  TouchContent();
  return Ok{};
}

Result<> MemoryDirectory::Remove(std::string_view name) {
  const uint32_t hash = HashName(name, number());
  // Found before, so an image's child has its dentry.
  Dentry* dentry = FindDentry(name, hash);
  if (dentry == nullptr || !dentry->inode) return Errno::kNoEnt;
  const ebb::Ref<Inode> inode = std::move(dentry->inode);
  dentry->inode = nullptr;
  if (!dentry->of_image) ForgetMade(dentry->position);
  dentry->of_image = false;
  if (inode->place == dentry) inode->place = nullptr;
  if (inode->AsDirectory() != nullptr) {
    set_links(links() - 1);
  } else {
    inode->set_links(inode->links() - 1);
  }
  --count_;
  TouchContent();
  if (dentry->hides_image) return Ok{};
  Dentry** link = &buckets_[hash & (buckets_.size() - 1)];
  while (*link != dentry) link = &(*link)->next_in_bucket;
  *link = dentry->next_in_bucket;
  --dentries_;
  dentry->~Dentry();
  ::operator delete(dentry);
  return Ok{};
}

}  // namespace ebb::linux_abi
