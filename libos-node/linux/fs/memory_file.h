// MemoryFile: a regular file of the tree. Its content is pages of its own over the bytes of the image (empty for files
// the program made): a page of an image file is copied when it is first written, the rest is served from the image
// where it lies.
//
// Invariant: bytes of own pages beyond the size are zero, and base_ never reaches beyond the smallest size the file has
// had.
#pragma once

#include <span>
#include <vector>

#include "linux/fs/inode.h"
#include "linux/fs/page_tree.h"

namespace ebb::linux_abi {

constexpr uint32_t kSealSeal = 1, kSealShrink = 2, kSealGrow = 4, kSealWrite = 8, kSealFutureWrite = 16, kAllSeals = 31;

class MemoryFile final : public Inode {
 public:
  explicit MemoryFile(uint32_t mode) : Inode(kSIfReg | (mode & kModeBits), NextInodeNumber()) {}
  // A file of the image.
  MemoryFile(uint32_t mode, uint64_t number, std::span<const std::byte> base, std::span<const ebb_site> sites,
             uint64_t modified_ns);

  MemoryFile* AsMemoryFile() override { return this; }
  uint64_t size() const override { return size_; }
  uint64_t allocated_bytes() const override;
  Result<ebb::Ref<File>> Open(uint32_t flags) override;
  Result<> Truncate(uint64_t size) override;

  size_t ReadAt(std::span<std::byte> buffer, uint64_t offset) const;
  // Short when space runs out on the way. ENOSPC, EFBIG, EPERM (sealed).
  Result<size_t> WriteAt(std::span<const std::byte> buffer, uint64_t offset);
  // fallocate: pages for the range, so that writes to it do not fail later.
  Result<> Reserve(uint64_t offset, uint64_t size, bool keep_size);
  Result<> PunchHole(uint64_t offset, uint64_t size);
  Result<> ZeroRange(uint64_t offset, uint64_t size, bool keep_size);
  // SEEK_DATA, SEEK_HOLE. ENXIO.
  Result<uint64_t> SeekData(uint64_t offset) const;
  Result<uint64_t> SeekHole(uint64_t offset) const;

  // Shared mappings: the pages of [offset, offset + memory.size()) lie in that memory, until they are taken back.
  Result<> MovePagesTo(std::span<std::byte> memory, uint64_t offset);
  void TakePagesBack(std::span<std::byte> memory, uint64_t offset);

  // Syscall sites, while the content is the image's.
  std::span<const ebb_site> sites() const {
    return pages_.pages() == 0 && size_ == image_size_ ? sites_ : std::span<const ebb_site>();
  }

  // Made without a name (O_TMPFILE): linkat may give it its first.
  bool linkable() const { return linkable_; }
  void set_linkable(bool linkable) { linkable_ = linkable; }

  uint32_t seals() const { return seals_; }
  void set_seals(uint32_t seals) { seals_ = seals; }

 protected:
  ~MemoryFile() override = default;

 private:
  std::span<const std::byte> BaseOfPage(uint64_t index) const;
  // A page of its own for the index, holding what the file reads there; content undefined when it is about to be
  // overwritten whole.
  std::byte* OwnPage(uint64_t index, bool overwritten);
  Result<> ZeroWithin(uint64_t begin, uint64_t end);
  void Grow(uint64_t size);
  // Where a mapping has a page for the index; null.
  std::byte* MappedPage(uint64_t index) const;

  struct MappedRange {
    uint64_t first;
    uint64_t end;  // page indices
    std::byte* memory;
  };

  std::span<const std::byte> base_;
  std::span<const ebb_site> sites_;
  uint64_t image_size_ = 0;
  uint64_t size_ = 0;
  PageTree pages_;
  std::vector<MappedRange> mapped_;
  uint32_t seals_ = kSealSeal;
  bool linkable_ = false;
};

}  // namespace ebb::linux_abi
