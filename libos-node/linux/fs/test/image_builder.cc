#include "linux/fs/test/image_builder.h"

#include <cstdlib>
#include <cstring>

#include "linux/abi.h"

namespace ebb::test {
namespace {

constexpr uint64_t kMtime = 1'700'000'000'000'000'123;

uint64_t Align(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

}  // namespace

ImageBuilder::ImageBuilder() {
  ebb_fs_entry root = {};
  root.mode = linux_abi::kSIfDir | 0755;
  root.mtime_ns = kMtime;
  entries_.push_back({root, "", "", ""});
}

uint32_t ImageBuilder::Add(std::string_view path, uint32_t mode, std::string_view data, std::vector<ebb_site> sites) {
  const size_t slash = path.rfind('/');
  const std::string_view directory = path.substr(0, slash);
  uint32_t parent = 0;
  while (parent < entries_.size() && entries_[parent].path != directory) ++parent;
  if (parent == entries_.size()) std::abort();
  ebb_fs_entry fields = {};
  fields.parent = parent;
  fields.mode = mode;
  fields.mtime_ns = kMtime;
  fields.first_site = static_cast<uint32_t>(sites_.size());
  fields.site_count = static_cast<uint32_t>(sites.size());
  sites_.insert(sites_.end(), sites.begin(), sites.end());
  entries_.push_back({fields, std::string(path), std::string(path.substr(slash + 1)), std::string(data)});
  return static_cast<uint32_t>(entries_.size() - 1);
}

uint32_t ImageBuilder::Directory(std::string_view path, uint32_t mode) {
  return Add(path, linux_abi::kSIfDir | mode, {}, {});
}
uint32_t ImageBuilder::File(std::string_view path, std::string_view content, uint32_t mode,
                            std::vector<ebb_site> sites) {
  return Add(path, linux_abi::kSIfReg | mode, content, std::move(sites));
}
uint32_t ImageBuilder::Symlink(std::string_view path, std::string_view target) {
  return Add(path, linux_abi::kSIfLnk | 0777, target, {});
}

ebb_fs_entry* ImageBuilder::entry(uint32_t index) {
  return reinterpret_cast<ebb_fs_entry*>(reinterpret_cast<char*>(pages_.data()) + header()->entries_offset) + index;
}

const ebb_fs_header* ImageBuilder::Build() {
  uint64_t names_size = 0;
  for (const Entry& entry : entries_) names_size += entry.name.size();
  ebb_fs_header header = {};
  std::memcpy(header.magic, EBB_FS_MAGIC, sizeof(header.magic));
  header.version = 1;
  header.entry_count = static_cast<uint32_t>(entries_.size());
  header.entries_offset = Align(sizeof(header), 8);
  header.names_offset = header.entries_offset + entries_.size() * sizeof(ebb_fs_entry);
  header.names_size = names_size;
  header.sites_offset = Align(header.names_offset + names_size, 8);
  header.site_count = sites_.size();
  uint64_t data = Align(header.sites_offset + sites_.size() * sizeof(ebb_site), 4096);
  for (Entry& entry : entries_) {
    entry.fields.size = entry.data.size();
    entry.fields.data_offset = entry.data.empty() ? 0 : data;
    data = Align(data + entry.data.size(), 4096);
  }
  pages_.assign(data / 4096, Page{});
  char* bytes = pages_[0].bytes;
  std::memcpy(bytes, &header, sizeof(header));
  uint64_t name = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    entry.fields.name_offset = static_cast<uint32_t>(name);
    entry.fields.name_size = static_cast<uint32_t>(entry.name.size());
    std::memcpy(bytes + header.names_offset + name, entry.name.data(), entry.name.size());
    name += entry.name.size();
    std::memcpy(bytes + header.entries_offset + i * sizeof(ebb_fs_entry), &entry.fields, sizeof(entry.fields));
    std::memcpy(bytes + entry.fields.data_offset, entry.data.data(), entry.data.size());
  }
  if (!sites_.empty()) std::memcpy(bytes + header.sites_offset, sites_.data(), sites_.size() * sizeof(ebb_site));
  return reinterpret_cast<const ebb_fs_header*>(bytes);
}

}  // namespace ebb::test
