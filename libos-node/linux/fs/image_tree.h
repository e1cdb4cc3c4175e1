// ImageTree: the file system inside the image (struct ebb_fs_header), checked once and indexed: children by (directory,
// name) in one hash table, and in image order. One pass over the entries at start and two words an entry; inodes are
// made when a name is first looked up.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "abi/ebb_abi.h"

namespace ebb::linux_abi {

class ImageTree {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // Null, or what is wrong with the image. All of it lies in [image, image + region_size).
  const char* Load(const ebb_fs_header* image, uint64_t region_size);

  uint32_t count() const { return static_cast<uint32_t>(entries_.size()); }
  const ebb_fs_entry& entry(uint32_t index) const { return entries_[index]; }
  std::string_view NameOf(const ebb_fs_entry& entry) const { return {names_ + entry.name_offset, entry.name_size}; }
  std::span<const std::byte> DataOf(const ebb_fs_entry& entry) const {
    return {image_ + entry.data_offset, entry.size};
  }
  std::span<const ebb_site> SitesOf(const ebb_fs_entry& entry) const {
    return sites_.subspan(entry.first_site, entry.site_count);
  }

  // kNone when there is no such child.
  uint32_t Find(uint32_t parent, std::string_view name) const;
  uint32_t FirstChild(uint32_t parent) const { return links_[parent].first_child; }
  uint32_t NextSibling(uint32_t index) const { return links_[index].next_sibling; }

 private:
  struct Links {
    uint32_t first_child = kNone;
    uint32_t next_sibling = kNone;
  };

  const char* CheckLayout(const ebb_fs_header& header, uint64_t region_size) const;
  const char* CheckEntry(uint32_t index, const ebb_fs_header& header, uint64_t region_size) const;

  const std::byte* image_ = nullptr;
  std::span<const ebb_fs_entry> entries_;
  const char* names_ = nullptr;
  std::span<const ebb_site> sites_;
  std::vector<Links> links_;
  std::vector<uint32_t> table_;  // open addressing, a power of two at most two thirds full
};

}  // namespace ebb::linux_abi
