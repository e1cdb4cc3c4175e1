// sendfile and copy_file_range: bytes from file to file, through a buffer of the kernel.
#include <algorithm>
#include <memory>
#include <new>

#include "linux/fs/arguments.h"
#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {
namespace {

constexpr size_t kBufferSize = 64 * 1024;
// Into what may block: no more than it takes at once.
constexpr size_t kSmallBufferSize = 4096;

// Where bytes are read or written: an offset of its own, or the file's position.
struct Place {
  File& file;
  bool positioned;
  uint64_t offset;
};

Result<size_t> ReadFrom(Place& from, std::span<std::byte> buffer) {
  const auto got = from.positioned ? from.file.ReadAt(buffer, from.offset) : from.file.Read(buffer);
  if (got) from.offset += *got;
  return got;
}

// All of `bytes`, waiting for room here: a file that waits by itself would ask whether the program's memory still holds
// them.
Result<size_t> WriteTo(Place& to, std::span<const std::byte> bytes) {
  const uint32_t flags = to.file.flags();
  size_t done = 0;
  while (done < bytes.size()) {
    to.file.set_flags(flags | kONonblock);
    const auto put =
        to.positioned ? to.file.WriteAt(bytes.subspan(done), to.offset) : to.file.Write(bytes.subspan(done));
    to.file.set_flags(flags);
    if (put) {
      done += *put;
      to.offset += *put;
      if (*put != 0) continue;
      break;
    }
    const bool waits = put.error() == Errno::kAgain && (flags & kONonblock) == 0;
    const auto waited = waits ? to.file.WaitReady() : Result<>(put.error());
    if (!waited) return done != 0 ? Result<size_t>(done) : waited.error();
  }
  return done;
}

Result<uint64_t> Copy(Place from, Place to, uint64_t size) {
  const uint64_t buffer_size =
      std::min<uint64_t>(size, AsInodeFile(to.file) != nullptr ? kBufferSize : kSmallBufferSize);
  std::unique_ptr<std::byte[]> buffer(new (std::nothrow) std::byte[buffer_size]);
  if (!buffer) return Errno::kNoMem;
  uint64_t done = 0;
  while (done < size) {
    const auto got = ReadFrom(from, {buffer.get(), std::min(size - done, buffer_size)});
    if (!got || *got == 0) return got || done != 0 ? Result<uint64_t>(done) : got.error();
    const auto put = WriteTo(to, {buffer.get(), *got});
    if (put) done += *put;
    if (put && *put == *got) continue;
    // What was read but not taken is read again next time.
    const size_t untaken = *got - (put ? *put : 0);
    if (!from.positioned) (void)from.file.Seek(-static_cast<int64_t>(untaken), 1);
    return done != 0 ? Result<uint64_t>(done) : put.error();
  }
  return done;
}

Result<uint64_t> ReadOffset(uint64_t address) {
  if (address == 0) return uint64_t{0};
  const auto in = UserIn<int64_t>(address);
  if (!in) return in.error();
  if (**in < 0) return Errno::kInval;
  return static_cast<uint64_t>(**in);
}

void AdvanceOffset(uint64_t address, uint64_t by) {
  if (address == 0) return;
  if (const auto out = UserOut<int64_t>(address)) **out += static_cast<int64_t>(by);
}

struct Pair {
  Ref<File> from;
  Ref<File> to;
};

Result<Pair> GetPair(int from, int to) {
  auto in = ContentFile(from);
  if (!in) return in.error();
  auto out = ContentFile(to);
  if (!out) return out.error();
  return Pair{*in, *out};
}

MemoryFile* ContentOf(File& file) {
  InodeFile* inode_file = AsInodeFile(file);
  return inode_file != nullptr ? inode_file->inode().AsMemoryFile() : nullptr;
}

uint64_t StartOf(File& file, uint64_t offset_address, uint64_t offset) {
  if (offset_address != 0) return offset;
  constexpr int kSeekCur = 1;
  const auto position = file.Seek(0, kSeekCur);
  return position ? *position : 0;
}

}  // namespace

int64_t SysSendfile(int out_fd, int in_fd, uint64_t offset, uint64_t count) {
  const auto pair = GetPair(in_fd, out_fd);
  if (!pair) return pair.Negative();
  if (!pair->from->readable() || !pair->to->writable()) return Negative(Errno::kBadF);
  const auto start = ReadOffset(offset);
  if (!start) return start.Negative();
  if ((pair->to->flags() & kOAppend) != 0) return Negative(Errno::kInval);
  if (count == 0) return 0;
  InodeFile* source = AsInodeFile(*pair->from);
  if (source == nullptr || source->inode().AsDirectory() != nullptr)
    return Negative(offset != 0 ? Errno::kSPipe : Errno::kInval);
  const auto copied = Copy({*pair->from, offset != 0, *start}, {*pair->to, false, 0}, std::min(count, kMaxTransfer));
  if (!copied) return FinishWrite(copied.error());
  AdvanceOffset(offset, *copied);
  return static_cast<int64_t>(*copied);
}

int64_t SysCopyFileRange(int in_fd, uint64_t in_offset, int out_fd, uint64_t out_offset, uint64_t size,
                         uint32_t flags) {
  if (flags != 0) return Negative(Errno::kInval);
  const auto pair = GetPair(in_fd, out_fd);
  if (!pair) return pair.Negative();
  for (File* file : {pair->from.get(), pair->to.get()}) {
    const InodeFile* inode_file = AsInodeFile(*file);
    if (inode_file != nullptr && inode_file->inode().type() == kSIfDir) return Negative(Errno::kIsDir);
    if (ContentOf(*file) == nullptr) return Negative(Errno::kInval);
  }
  if (!pair->from->readable() || !pair->to->writable() || (pair->to->flags() & kOAppend) != 0)
    return Negative(Errno::kBadF);
  const auto from = ReadOffset(in_offset);
  const auto to = ReadOffset(out_offset);
  if (!from) return from.Negative();
  if (!to) return to.Negative();
  // What there is when the call begins: a file copied into itself must not meet its copy.
  const uint64_t file_size = ContentOf(*pair->from)->size();
  const uint64_t in_start = StartOf(*pair->from, in_offset, *from);
  size = std::min({size, kMaxTransfer, file_size > in_start ? file_size - in_start : 0});
  if (ContentOf(*pair->from) == ContentOf(*pair->to)) {
    const uint64_t out_start = StartOf(*pair->to, out_offset, *to);
    if (in_start < out_start + size && out_start < in_start + size) return Negative(Errno::kInval);
  }
  const auto copied = Copy({*pair->from, in_offset != 0, *from}, {*pair->to, out_offset != 0, *to}, size);
  if (!copied) return copied.Negative();
  AdvanceOffset(in_offset, *copied);
  AdvanceOffset(out_offset, *copied);
  return static_cast<int64_t>(*copied);
}

}  // namespace ebb::linux_abi
