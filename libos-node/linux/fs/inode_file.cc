#include "linux/fs/inode_file.h"

#include "kernel/user_memory.h"

namespace ebb::linux_abi {
namespace {

constexpr int kSeekSet = 0, kSeekCur = 1, kSeekEnd = 2, kSeekData = 3, kSeekHole = 4;
constexpr uint64_t kFioNRead = 0x541b, kFiClone = 0x40049409, kFiCloneRange = 0x4020940d;

}  // namespace

Result<> InodeFile::Stat(LinuxStat& out) {
  inode().FillStat(out);
  return Ok{};
}

Result<uint64_t> SeekableFile::Seek(int64_t offset, int whence) {
  int64_t base = 0;
  switch (whence) {
    case kSeekSet:
      break;
    case kSeekCur:
      base = static_cast<int64_t>(position_);
      break;
    case kSeekEnd:
      base = static_cast<int64_t>(inode().size());
      break;
    default:
      return Errno::kInval;
  }
  int64_t target;
  if (__builtin_add_overflow(base, offset, &target)) return Errno::kOverflow;
  if (target < 0) return Errno::kInval;
  position_ = static_cast<uint64_t>(target);
  return position_;
}

Result<uint64_t> RegularFile::Seek(int64_t offset, int whence) {
  if (whence != kSeekData && whence != kSeekHole) return SeekableFile::Seek(offset, whence);
  if (offset < 0) return Errno::kNxio;
  const auto at = static_cast<uint64_t>(offset);
  const auto found = whence == kSeekData ? content().SeekData(at) : content().SeekHole(at);
  if (found) position_ = *found;
  return found;
}

Result<size_t> RegularFile::Read(std::span<std::byte> buffer) {
  const size_t got = content().ReadAt(buffer, position_);
  position_ += got;
  return got;
}

Result<size_t> RegularFile::Write(std::span<const std::byte> buffer) {
  if (buffer.empty()) return size_t{0};
  if ((flags() & kOAppend) != 0) position_ = content().size();
  const auto put = content().WriteAt(buffer, position_);
  if (put) position_ += *put;
  return put;
}

Result<size_t> RegularFile::ReadAt(std::span<std::byte> buffer, uint64_t offset) {
  return content().ReadAt(buffer, offset);
}

Result<size_t> RegularFile::WriteAt(std::span<const std::byte> buffer, uint64_t offset) {
  // As Linux (pwrite(2), BUGS): O_APPEND wins over the offset.
  return content().WriteAt(buffer, (flags() & kOAppend) != 0 ? content().size() : offset);
}

Result<int64_t> RegularFile::Ioctl(uint64_t request, uint64_t argument) {
  if (request == kFiClone || request == kFiCloneRange) return Errno::kOpNotSupp;
  if (request != kFioNRead) return Errno::kNotTty;
  const auto out = UserOut<int32_t>(argument);
  if (!out) return out.error();
  const uint64_t size = content().size();
  **out = static_cast<int32_t>(size > position_ ? size - position_ : 0);
  return int64_t{0};
}

Result<> RegularFile::Truncate(uint64_t size) { return content().Truncate(size); }

Result<size_t> RegularFile::ReadForMap(std::span<std::byte> buffer, uint64_t offset) {
  return content().ReadAt(buffer, offset);
}

Result<> RegularFile::MovePagesTo(std::span<std::byte> memory, uint64_t offset) {
  return content().MovePagesTo(memory, offset);
}

void RegularFile::TakePagesBack(std::span<std::byte> memory, uint64_t offset) {
  content().TakePagesBack(memory, offset);
}

bool DirectoryFile::Next(Directory::Item& out) {
  Directory& self = directory();
  if (position_ == 0) {
    out = {".", self.number(), self.mode(), 1};
    return true;
  }
  if (position_ == 1) {
    const Directory* parent = self.parent();
    const Inode& up = parent != nullptr ? *static_cast<const Inode*>(parent) : self;
    out = {"..", up.number(), up.mode(), Directory::kFirstPosition};
    return true;
  }
  return self.List(position_, out);
}

Result<uint64_t> DirectoryFile::Seek(int64_t offset, int whence) {
  if (whence != kSeekSet && whence != kSeekCur) return Errno::kInval;
  int64_t target = offset;
  if (whence == kSeekCur && __builtin_add_overflow(static_cast<int64_t>(position_), offset, &target))
    return Errno::kInval;
  if (target < 0) return Errno::kInval;
  position_ = static_cast<uint64_t>(target);
  return position_;
}

}  // namespace ebb::linux_abi
