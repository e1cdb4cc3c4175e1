#include "linux/mm/shared_mappings.h"

#include <algorithm>

namespace ebb::linux_abi {

Result<uint64_t> SharedMappings::Join(File& file, uint64_t offset, uint64_t size) {
  for (View& view : views_) {
    if (view.file->Content() != file.Content()) continue;
    const uint64_t view_end = view.offset + (view.end - view.start);
    if (offset >= view_end || view.offset >= offset + size) continue;
    if (offset < view.offset || offset + size > view_end) return Errno::kNoDev;
    ++view.uses;
    return view.start + (offset - view.offset);
  }
  return uint64_t{0};
}

Result<> SharedMappings::Add(uint64_t start, uint64_t size, File& file, uint64_t offset) {
  const auto moved = file.MovePagesTo({reinterpret_cast<std::byte*>(start), size}, offset);
  if (!moved) return moved.error();
  views_.push_back({start, start + size, ebb::Ref<File>(&file), offset, 1});
  return Ok{};
}

bool SharedMappings::Shared(uint64_t start, uint64_t size) const {
  return std::ranges::any_of(
      views_, [&](const View& view) { return start < view.end && view.start < start + size && view.uses > 1; });
}

bool SharedMappings::Leave(uint64_t start, uint64_t size) {
  for (View& view : views_) {
    if (start < view.start || start + size > view.end || view.uses == 1) continue;
    --view.uses;
    return true;
  }
  return false;
}

void SharedMappings::Remove(uint64_t start, uint64_t end) {
  for (size_t i = 0; i < views_.size();) {
    View view = views_[i];
    if (start >= view.end || view.start >= end) {
      ++i;
      continue;
    }
    const uint64_t from = std::max(start, view.start), to = std::min(end, view.end);
    view.file->TakePagesBack({reinterpret_cast<std::byte*>(from), to - from}, view.offset + (from - view.start));
    views_.erase(views_.begin() + static_cast<ptrdiff_t>(i));
    if (to < view.end) {
      View rest = view;
      rest.offset += to - view.start;
      rest.start = to;
      views_.insert(views_.begin() + static_cast<ptrdiff_t>(i++), std::move(rest));
    }
    if (view.start < from) {
      View rest = view;
      rest.end = from;
      views_.insert(views_.begin() + static_cast<ptrdiff_t>(i++), std::move(rest));
    }
  }
}

File* SharedMappings::Find(uint64_t address, uint64_t& offset) {
  for (View& view : views_) {
    if (address < view.start || address >= view.end) continue;
    offset = view.offset + (address - view.start);
    return view.file.get();
  }
  return nullptr;
}

}  // namespace ebb::linux_abi
