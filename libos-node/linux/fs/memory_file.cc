#include "linux/fs/memory_file.h"

#include <algorithm>

#include "kernel/panic.h"
#include "linux/fs/inode_file.h"
#include "linux/fs/quota.h"

namespace ebb::linux_abi {
namespace {

constexpr uint64_t kPage = EBB_PAGE_SIZE;
constexpr uint64_t kMaxSize = INT64_MAX;

/// A program that maps the file shared may read or write it from and to that very memory.
void Copy(std::byte* to, const std::byte* from, size_t size) { __builtin_memmove(to, from, size); }
void Zero(std::byte* at, size_t size) { __builtin_memset(at, 0, size); }

}  // namespace

MemoryFile::MemoryFile(uint32_t mode, uint64_t number, std::span<const std::byte> base, std::span<const ebb_site> sites,
                       uint64_t modified_ns)
    : Inode(kSIfReg | (mode & kModeBits), number),
      base_(base),
      sites_(sites),
      image_size_(base.size()),
      size_(base.size()) {
  SetAllTimes(modified_ns);
}

uint64_t MemoryFile::allocated_bytes() const {
  return std::max<uint64_t>(pages_.pages() * kPage, (base_.size() + kPage - 1) & ~(kPage - 1));
}

Result<ebb::Ref<File>> MemoryFile::Open(uint32_t flags) { return ebb::Ref<File>(new RegularFile(*this, flags)); }

std::span<const std::byte> MemoryFile::BaseOfPage(uint64_t index) const {
  if (index >= (base_.size() + kPage - 1) / kPage) return {};
  const uint64_t start = index * kPage;
  return base_.subspan(start, std::min<uint64_t>(kPage, base_.size() - start));
}

size_t MemoryFile::ReadAt(std::span<std::byte> buffer, uint64_t offset) const {
  if (offset >= size_ || buffer.empty()) return 0;
  const size_t wanted = std::min<uint64_t>(buffer.size(), size_ - offset);
  // Most files are the image's, untouched.
  if (pages_.pages() == 0 && offset + wanted <= base_.size()) {
    Copy(buffer.data(), base_.data() + offset, wanted);
    return wanted;
  }
  for (size_t done = 0; done < wanted;) {
    const uint64_t at = offset + done;
    const uint64_t within = at % kPage;
    const size_t size = std::min<uint64_t>(kPage - within, wanted - done);
    std::byte* out = buffer.data() + done;
    if (const std::byte* page = pages_.Find(at / kPage)) {
      Copy(out, page + within, size);
    } else {
      const auto base = BaseOfPage(at / kPage);
      const size_t based = within < base.size() ? std::min<uint64_t>(size, base.size() - within) : 0;
      if (based != 0) Copy(out, base.data() + within, based);
      Zero(out + based, size - based);
    }
    done += size;
  }
  return wanted;
}

std::byte* MemoryFile::OwnPage(uint64_t index, bool overwritten) {
  if (std::byte* page = pages_.Find(index)) return page;
  std::byte* page = MappedPage(index);
  if (page != nullptr) {
    if (!pages_.Lend(index, page)) return nullptr;
  } else {
    page = pages_.Insert(index);
  }
  if (page == nullptr || overwritten) return page;
  const auto base = BaseOfPage(index);
  if (!base.empty()) Copy(page, base.data(), base.size());
  Zero(page + base.size(), kPage - base.size());
  return page;
}

std::byte* MemoryFile::MappedPage(uint64_t index) const {
  for (const MappedRange& range : mapped_) {
    if (index >= range.first && index < range.end) return range.memory + (index - range.first) * kPage;
  }
  return nullptr;
}

// To at least this size. What a mapping has there already becomes content.
void MemoryFile::Grow(uint64_t size) {
  if (size <= size_) return;
  const uint64_t first = (size_ + kPage - 1) / kPage;
  const uint64_t end = (size + kPage - 1) / kPage;
  for (const MappedRange& range : mapped_) {
    for (uint64_t index = std::max(first, range.first); index < std::min(end, range.end); ++index) {
      std::byte* page = range.memory + (index - range.first) * kPage;
      if (pages_.Find(index) != page && !pages_.Lend(index, page)) OutOfMemory();
    }
  }
  size_ = size;
}

Result<> MemoryFile::MovePagesTo(std::span<std::byte> memory, uint64_t offset) {
  const uint64_t first = offset / kPage;
  const uint64_t end = first + memory.size() / kPage;
  const uint64_t content_end = std::min(end, (size_ + kPage - 1) / kPage);
  for (uint64_t index = first; index < content_end; ++index) {
    std::byte* page = memory.data() + (index - first) * kPage;
    ReadAt({page, kPage}, index * kPage);
    if (!pages_.Lend(index, page)) {
      TakePagesBack(memory.first((index - first) * kPage), offset);
      return Errno::kNoMem;
    }
  }
  mapped_.push_back({first, end, memory.data()});
  return Ok{};
}

void MemoryFile::TakePagesBack(std::span<std::byte> memory, uint64_t offset) {
  const uint64_t first = offset / kPage;
  const uint64_t end = first + memory.size() / kPage;
  for (size_t i = 0; i < mapped_.size(); ++i) {
    const MappedRange range = mapped_[i];
    if (range.end <= first || range.first >= end) continue;
    mapped_.erase(mapped_.begin() + static_cast<ptrdiff_t>(i));
    if (range.first < first) mapped_.push_back({range.first, first, range.memory});
    if (range.end > end) mapped_.push_back({end, range.end, range.memory + (end - range.first) * kPage});
    break;
  }
  // What the program stored beyond the end of the file is nobody's.
  const uint64_t content_end = std::min(end, (size_ + kPage - 1) / kPage);
  for (uint64_t index = first; index < end; ++index) {
    if (pages_.Find(index) != memory.data() + (index - first) * kPage) continue;
    if (index < content_end) {
      pages_.Reclaim(index);
    } else {
      pages_.Forget(index);
    }
  }
  if (size_ % kPage != 0 && size_ / kPage < end && size_ / kPage >= first) {
    if (std::byte* last = pages_.Find(size_ / kPage)) Zero(last + size_ % kPage, kPage - size_ % kPage);
  }
  TouchContent();
}

Result<size_t> MemoryFile::WriteAt(std::span<const std::byte> buffer, uint64_t offset) {
  if (buffer.empty()) return size_t{0};
  if ((seals_ & (kSealWrite | kSealFutureWrite)) != 0) return Errno::kPerm;
  if (offset >= kMaxSize) return Errno::kFBig;
  size_t wanted = std::min<uint64_t>(buffer.size(), kMaxSize - offset);
  if ((seals_ & kSealGrow) != 0 && offset + wanted > size_) {
    if (offset >= size_) return Errno::kPerm;
    wanted = size_ - offset;
  }
  size_t done = 0;
  while (done < wanted) {
    const uint64_t at = offset + done;
    const uint64_t within = at % kPage;
    const size_t size = std::min<uint64_t>(kPage - within, wanted - done);
    std::byte* page = OwnPage(at / kPage, size == kPage);
    if (page == nullptr) break;
    Copy(page + within, buffer.data() + done, size);
    done += size;
  }
  if (done == 0) return Errno::kNoSpc;
  Grow(offset + done);
  TouchContent();
  return done;
}

// Zeroes [begin, end) of one page.
Result<> MemoryFile::ZeroWithin(uint64_t begin, uint64_t end) {
  if (begin >= end) return Ok{};
  const uint64_t index = begin / kPage;
  if (pages_.Find(index) == nullptr && BaseOfPage(index).empty()) return Ok{};
  std::byte* page = OwnPage(index, false);
  if (page == nullptr) return Errno::kNoSpc;
  Zero(page + begin % kPage, end - begin);
  return Ok{};
}

Result<> MemoryFile::Truncate(uint64_t size) {
  if (size > kMaxSize) return Errno::kFBig;
  if ((size < size_ && (seals_ & kSealShrink) != 0) || (size > size_ && (seals_ & kSealGrow) != 0)) return Errno::kPerm;
  if (size < size_) {
    pages_.RemoveRange((size + kPage - 1) / kPage, PageTree::kNone);
    if (std::byte* last = size % kPage != 0 ? pages_.Find(size / kPage) : nullptr)
      Zero(last + size % kPage, kPage - size % kPage);
    if (size < base_.size()) base_ = base_.first(size);
    size_ = size;
  }
  Grow(size);
  TouchContent();
  return Ok{};
}

Result<> MemoryFile::Reserve(uint64_t offset, uint64_t size, bool keep_size) {
  const uint64_t end = offset + size;
  if (size > kMaxSize || end > kMaxSize) return Errno::kFBig;
  if (end > size_ && !keep_size && (seals_ & kSealGrow) != 0) return Errno::kPerm;
  // What cannot succeed must not use up the space on the way.
  const uint64_t free = tree_quota().limit() - std::min(tree_quota().limit(), tree_quota().used());
  if (size / kPage > free / kPage + pages_.pages() + base_.size() / kPage + 1) return Errno::kNoSpc;
  for (uint64_t index = offset / kPage; index <= (end - 1) / kPage; ++index) {
    if (!BaseOfPage(index).empty()) continue;
    if (OwnPage(index, false) == nullptr) return Errno::kNoSpc;
  }
  if (!keep_size) Grow(end);
  TouchContent();
  return Ok{};
}

Result<> MemoryFile::PunchHole(uint64_t offset, uint64_t size) {
  if ((seals_ & (kSealWrite | kSealFutureWrite)) != 0) return Errno::kPerm;
  const uint64_t end = offset + size;
  const uint64_t first_page_end = std::min(end, (offset / kPage + 1) * kPage);
  const uint64_t last_page = end / kPage * kPage;
  if (offset % kPage != 0 || first_page_end == end) {
    if (const auto zeroed = ZeroWithin(offset, first_page_end); !zeroed) return zeroed.error();
  }
  if (last_page >= first_page_end && last_page != end) {
    if (const auto zeroed = ZeroWithin(last_page, end); !zeroed) return zeroed.error();
  }
  const uint64_t first = (offset + kPage - 1) / kPage;
  for (uint64_t index = first; index < end / kPage && !BaseOfPage(index).empty(); ++index) {
    if (const auto zeroed = ZeroWithin(index * kPage, (index + 1) * kPage); !zeroed) return zeroed.error();
  }
  const uint64_t beyond_base = std::max<uint64_t>(first, (base_.size() + kPage - 1) / kPage);
  if (end / kPage > beyond_base) pages_.RemoveRange(beyond_base, end / kPage);
  TouchContent();
  return Ok{};
}

Result<> MemoryFile::ZeroRange(uint64_t offset, uint64_t size, bool keep_size) {
  const uint64_t end = offset + size;
  if (size > kMaxSize || end > kMaxSize) return Errno::kFBig;
  if (end > size_ && !keep_size && (seals_ & kSealGrow) != 0) return Errno::kPerm;
  if (const auto punched = PunchHole(offset, size); !punched) return punched.error();
  if (!keep_size) Grow(end);
  return Ok{};
}

Result<uint64_t> MemoryFile::SeekData(uint64_t offset) const {
  if (offset >= size_) return Errno::kNxio;
  if (offset < base_.size()) return offset;
  const uint64_t index = pages_.Next(offset / kPage, false);
  if (index == PageTree::kNone || index * kPage >= size_) return Errno::kNxio;
  return std::max(offset, index * kPage);
}

Result<uint64_t> MemoryFile::SeekHole(uint64_t offset) const {
  if (offset >= size_) return Errno::kNxio;
  const uint64_t from = std::max<uint64_t>(offset / kPage, (base_.size() + kPage - 1) / kPage);
  const uint64_t index = pages_.Next(from, true);
  if (index == PageTree::kNone || index * kPage >= size_) return size_;
  return std::max(offset, index * kPage);
}

}  // namespace ebb::linux_abi
