#include "linux/fs/image_tree.h"

#include "linux/abi.h"
#include "linux/fs/name_hash.h"

namespace ebb::linux_abi {
namespace {

constexpr size_t kMaxName = 255, kMaxLinkText = 4095;

bool Fits(uint64_t offset, uint64_t size, uint64_t limit) { return offset <= limit && size <= limit - offset; }

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kMaxName || name == "." || name == "..") return false;
  for (const char c : name) {
    if (c == '/' || c == '\0') return false;
  }
  return true;
}

// Bytes of a site's code, 0 for an unknown form.
uint64_t SiteLength(uint32_t form) {
  switch (form) {
    case EBB_SITE_MOV:
    case EBB_SITE_CMP32_4096:
      return 7;
    case EBB_SITE_CMP:
    case EBB_SITE_CMP_4096:
      return 8;
    default:
      return 0;
  }
}

bool SitesFit(std::span<const ebb_site> sites, uint64_t file_size) {
  uint64_t end = 0;
  for (const ebb_site& site : sites) {
    const uint64_t length = SiteLength(site.form);
    if (length == 0 || site.file_offset < end || !Fits(site.file_offset, length, file_size)) return false;
    end = site.file_offset + length;
  }
  return true;
}

}  // namespace

const char* ImageTree::CheckLayout(const ebb_fs_header& header, uint64_t region_size) const {
  if (std::string_view(header.magic, sizeof(header.magic)) != std::string_view(EBB_FS_MAGIC, 8))
    return "file system image: wrong magic";
  if (header.version != 1) return "file system image: unknown version";
  if (header.entry_count == 0) return "file system image: no root";
  if (header.entries_offset % alignof(ebb_fs_entry) != 0 ||
      !Fits(header.entries_offset, uint64_t{header.entry_count} * sizeof(ebb_fs_entry), region_size)) {
    return "file system image: entries out of bounds";
  }
  if (!Fits(header.names_offset, header.names_size, region_size)) return "file system image: names out of bounds";
  if (header.sites_offset % alignof(ebb_site) != 0 || header.site_count > region_size / sizeof(ebb_site) ||
      !Fits(header.sites_offset, header.site_count * sizeof(ebb_site), region_size)) {
    return "file system image: sites out of bounds";
  }
  return nullptr;
}

const char* ImageTree::CheckEntry(uint32_t index, const ebb_fs_header& header, uint64_t region_size) const {
  const ebb_fs_entry& entry = entries_[index];
  const uint32_t type = entry.mode & kSIfMt;
  if (type != kSIfDir && type != kSIfReg && type != kSIfLnk) return "file system image: an entry of unknown type";
  if (!Fits(entry.first_site, entry.site_count, header.site_count))
    return "file system image: an entry's sites out of bounds";
  if (index == 0) return type == kSIfDir && entry.parent == 0 ? nullptr : "file system image: the root is no directory";
  if (entry.parent >= index || (entries_[entry.parent].mode & kSIfMt) != kSIfDir)
    return "file system image: an entry before its directory";
  if (!Fits(entry.name_offset, entry.name_size, header.names_size) || !IsName(NameOf(entry)))
    return "file system image: a bad name";
  if (type == kSIfDir) return nullptr;
  if (!Fits(entry.data_offset, entry.size, region_size)) return "file system image: data out of bounds";
  if (type == kSIfReg && entry.size != 0 && entry.data_offset % EBB_PAGE_SIZE != 0)
    return "file system image: data not aligned";
  if (type == kSIfLnk && (entry.size == 0 || entry.size > kMaxLinkText)) return "file system image: a bad link";
  if (entry.site_count != 0 && !SitesFit(SitesOf(entry), entry.size)) return "file system image: bad syscall sites";
  return nullptr;
}

const char* ImageTree::Load(const ebb_fs_header* image, uint64_t region_size) {
  if (region_size < sizeof(ebb_fs_header)) return "file system image: shorter than its header";
  if (const char* wrong = CheckLayout(*image, region_size)) return wrong;
  image_ = reinterpret_cast<const std::byte*>(image);
  entries_ = {reinterpret_cast<const ebb_fs_entry*>(reinterpret_cast<uint64_t>(image) + image->entries_offset),
              image->entry_count};
  names_ = reinterpret_cast<const char*>(image_ + image->names_offset);
  sites_ = {reinterpret_cast<const ebb_site*>(reinterpret_cast<uint64_t>(image) + image->sites_offset),
            image->site_count};
  const uint32_t total = image->entry_count;
  size_t slots = 4;
  while (slots * 2 < size_t{total} * 3) slots *= 2;
  table_.assign(slots, kNone);
  links_.assign(total, Links{});
  std::vector<uint32_t> last_child(total, kNone);
  for (uint32_t index = 0; index < total; ++index) {
    if (const char* wrong = CheckEntry(index, *image, region_size)) return wrong;
    if (index == 0) continue;
    const uint32_t parent = entries_[index].parent;
    uint32_t& last = last_child[parent];
    (last == kNone ? links_[parent].first_child : links_[last].next_sibling) = index;
    last = index;
    const std::string_view name = NameOf(entries_[index]);
    size_t slot = HashName(name, parent) & (slots - 1);
    for (; table_[slot] != kNone; slot = (slot + 1) & (slots - 1)) {
      const ebb_fs_entry& other = entries_[table_[slot]];
      if (other.parent == parent && NameOf(other) == name) return "file system image: a name twice in a directory";
    }
    table_[slot] = index;
  }
  return nullptr;
}

uint32_t ImageTree::Find(uint32_t parent, std::string_view name) const {
  const size_t mask = table_.size() - 1;
  for (size_t slot = HashName(name, parent) & mask; table_[slot] != kNone; slot = (slot + 1) & mask) {
    const ebb_fs_entry& entry = entries_[table_[slot]];
    if (entry.parent == parent && NameOf(entry) == name) return table_[slot];
  }
  return kNone;
}

}  // namespace ebb::linux_abi
