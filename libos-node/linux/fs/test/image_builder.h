// ImageBuilder: a file system image in memory, in the format of abi/ebb_abi.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "abi/ebb_abi.h"

namespace ebb::test {

class ImageBuilder {
 public:
  ImageBuilder();
  // Paths are absolute, without a slash at the end; the directory must have been added.
  uint32_t Directory(std::string_view path, uint32_t mode = 0755);
  uint32_t File(std::string_view path, std::string_view content, uint32_t mode = 0644,
                std::vector<ebb_site> sites = {});
  uint32_t Symlink(std::string_view path, std::string_view target);

  // Valid until the builder changes. Corrupt it through entry() and header() to see it refused.
  const ebb_fs_header* Build();
  ebb_fs_header* header() { return reinterpret_cast<ebb_fs_header*>(pages_.data()); }
  ebb_fs_entry* entry(uint32_t index);

 private:
  struct Page {
    alignas(4096) char bytes[4096];
  };
  struct Entry {
    ebb_fs_entry fields;
    std::string path;
    std::string name;
    std::string data;
  };

  uint32_t Add(std::string_view path, uint32_t mode, std::string_view data, std::vector<ebb_site> sites);

  std::vector<Entry> entries_;
  std::vector<ebb_site> sites_;
  std::vector<Page> pages_;
};

}  // namespace ebb::test
