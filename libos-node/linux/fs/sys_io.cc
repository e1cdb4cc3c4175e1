// read, write and their relatives.
#include "linux/fs/arguments.h"
#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {
namespace {

constexpr uint32_t kRwfHipri = 1, kRwfDsync = 2, kRwfSync = 4, kRwfNowait = 8, kRwfAppend = 16;

Result<Ref<File>> Readable(int fd) {
  auto file = ContentFile(fd);
  if (file && !(*file)->readable()) return Errno::kBadF;
  return file;
}

Result<Ref<File>> Writable(int fd) {
  auto file = ContentFile(fd);
  if (file && !(*file)->writable()) return Errno::kBadF;
  return file;
}

uint64_t Limit(uint64_t size) { return size < kMaxTransfer ? size : kMaxTransfer; }

// Buffer by buffer at an offset, until a short count.
template <class Move>
Result<size_t> MoveAt(const BufferVector& vector, uint64_t offset, Move move) {
  size_t done = 0;
  for (const IoVec& buffer : vector.buffers()) {
    if (buffer.size == 0) continue;
    const Result<size_t> moved = move(buffer, offset + done);
    if (!moved) {
      if (done != 0) break;
      return moved.error();
    }
    done += *moved;
    if (*moved < buffer.size) break;
  }
  return done;
}

int64_t ReadVectorAt(int fd, uint64_t vector, uint64_t count, int64_t offset) {
  if (offset < 0) return Negative(Errno::kInval);
  const auto file = Readable(fd);
  if (!file) return file.Negative();
  if (const auto seekable = (*file)->ReadAt({}, 0); !seekable && seekable.error() == Errno::kSPipe)
    return seekable.Negative();
  BufferVector buffers;
  if (const auto read = buffers.Read(vector, count, true); !read) return read.Negative();
  return ToSyscall(MoveAt(buffers, static_cast<uint64_t>(offset), [&](const IoVec& buffer, uint64_t at) {
    return (*file)->ReadAt({reinterpret_cast<std::byte*>(buffer.base), buffer.size}, at);
  }));
}

int64_t WriteVectorAt(int fd, uint64_t vector, uint64_t count, int64_t offset) {
  if (offset < 0) return Negative(Errno::kInval);
  const auto file = Writable(fd);
  if (!file) return file.Negative();
  if (const auto seekable = (*file)->WriteAt({}, 0); !seekable && seekable.error() == Errno::kSPipe)
    return seekable.Negative();
  BufferVector buffers;
  if (const auto read = buffers.Read(vector, count, false); !read) return read.Negative();
  return FinishWrite(MoveAt(buffers, static_cast<uint64_t>(offset), [&](const IoVec& buffer, uint64_t at) {
    return (*file)->WriteAt({reinterpret_cast<const std::byte*>(buffer.base), buffer.size}, at);
  }));
}

}  // namespace

int64_t SysRead(int fd, uint64_t buffer, uint64_t size) {
  const auto file = Readable(fd);
  if (!file) return file.Negative();
  const auto memory = UserWritable(buffer, Limit(size));
  if (!memory) return memory.Negative();
  return ToSyscall((*file)->Read(*memory));
}

int64_t SysWrite(int fd, uint64_t buffer, uint64_t size) {
  const auto file = Writable(fd);
  if (!file) return file.Negative();
  const auto memory = UserReadable(buffer, Limit(size));
  if (!memory) return memory.Negative();
  return FinishWrite((*file)->Write(*memory));
}

int64_t SysReadv(int fd, uint64_t vector, uint64_t count) {
  const auto file = Readable(fd);
  if (!file) return file.Negative();
  BufferVector buffers;
  if (const auto read = buffers.Read(vector, count, true); !read) return read.Negative();
  return ToSyscall((*file)->ReadVector(buffers.buffers()));
}

int64_t SysWritev(int fd, uint64_t vector, uint64_t count) {
  const auto file = Writable(fd);
  if (!file) return file.Negative();
  BufferVector buffers;
  if (const auto read = buffers.Read(vector, count, false); !read) return read.Negative();
  return FinishWrite((*file)->WriteVector(buffers.buffers()));
}

int64_t SysPread64(int fd, uint64_t buffer, uint64_t size, int64_t offset) {
  if (offset < 0) return Negative(Errno::kInval);
  const auto file = Readable(fd);
  if (!file) return file.Negative();
  const auto memory = UserWritable(buffer, Limit(size));
  if (!memory) return memory.Negative();
  return ToSyscall((*file)->ReadAt(*memory, static_cast<uint64_t>(offset)));
}

int64_t SysPwrite64(int fd, uint64_t buffer, uint64_t size, int64_t offset) {
  if (offset < 0) return Negative(Errno::kInval);
  const auto file = Writable(fd);
  if (!file) return file.Negative();
  const auto memory = UserReadable(buffer, Limit(size));
  if (!memory) return memory.Negative();
  return FinishWrite((*file)->WriteAt(*memory, static_cast<uint64_t>(offset)));
}

int64_t SysPreadv(int fd, uint64_t vector, uint64_t count, int64_t offset, uint64_t) {
  return ReadVectorAt(fd, vector, count, offset);
}
int64_t SysPwritev(int fd, uint64_t vector, uint64_t count, int64_t offset, uint64_t) {
  return WriteVectorAt(fd, vector, count, offset);
}

int64_t SysPreadv2(int fd, uint64_t vector, uint64_t count, int64_t offset, uint64_t, uint32_t flags) {
  // Nothing here goes to a disk, so these promise nothing more; RWF_NOWAIT would for pipes.
  if ((flags & ~(kRwfHipri | kRwfDsync | kRwfSync)) != 0) return Negative(Errno::kOpNotSupp);
  return offset == -1 ? SysReadv(fd, vector, count) : ReadVectorAt(fd, vector, count, offset);
}

int64_t SysPwritev2(int fd, uint64_t vector, uint64_t count, int64_t offset, uint64_t, uint32_t flags) {
  if ((flags & ~(kRwfHipri | kRwfDsync | kRwfSync)) != 0) return Negative(Errno::kOpNotSupp);
  return offset == -1 ? SysWritev(fd, vector, count) : WriteVectorAt(fd, vector, count, offset);
}

int64_t SysLseek(int fd, int64_t offset, int whence) {
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  return ToSyscall((*file)->Seek(offset, whence));
}

}  // namespace ebb::linux_abi
