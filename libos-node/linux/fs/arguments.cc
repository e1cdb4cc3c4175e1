#include "linux/fs/arguments.h"

#include <new>

#include "kernel/thread.h"
#include "linux/process/signal.h"

namespace ebb::linux_abi {

Result<Ref<File>> ContentFile(int fd) {
  auto file = fds().Get(fd);
  if (file && ((*file)->flags() & kOPath) != 0) return Errno::kBadF;
  return file;
}

Result<PathArgument> ReadPath(int directory, uint64_t path, uint32_t flags) {
  PathArgument argument;
  if (path == 0 && (flags & kAtEmptyPath) != 0) {
    argument.path = {};
  } else {
    const auto text = UserString(path);
    if (!text) return text.error();
    argument.path = *text;
  }
  FileSystem& fs = file_system();
  const bool empty = argument.path.empty() && (flags & kAtEmptyPath) != 0;
  if (empty && directory == kAtFdCwd) argument.path = ".";
  if (directory == kAtFdCwd || (!argument.path.empty() && argument.path.front() == '/')) {
    argument.start = Ref<Directory>(&fs.current());
    return argument;
  }
  // Whatever the descriptor is.
  if (argument.path.empty() && !empty) return Errno::kNoEnt;
  const auto file = fds().Get(directory);
  if (!file) return file.error();
  if (empty) {
    argument.itself = *file;
    return argument;
  }
  InodeFile* inode_file = AsInodeFile(**file);
  Directory* start = inode_file != nullptr ? inode_file->inode().AsDirectory() : nullptr;
  if (start == nullptr) return Errno::kNotDir;
  argument.start = Ref<Directory>(start);
  return argument;
}

Result<Ref<Inode>> ResolvePath(const PathArgument& argument, bool follow) {
  if (argument.itself) {
    InodeFile* inode_file = AsInodeFile(*argument.itself);
    return inode_file != nullptr ? Ref<Inode>(&inode_file->inode()) : Ref<Inode>();
  }
  return file_system().Lookup(*argument.start, argument.path, follow);
}

Result<> BufferVector::Read(uint64_t vector, uint64_t count, bool written) {
  constexpr uint64_t kMaxBuffers = 1024;
  if (count > kMaxBuffers) return Errno::kInval;
  const auto in = UserReadable(vector, count * sizeof(IoVec));
  if (!in) return in.error();
  if (count > kInline) {
    heap_.reset(new IoVec[count]);
    buffers_ = heap_.get();
  }
  count_ = count;
  for (size_t i = 0; i < count; ++i) {
    IoVec& buffer = buffers_[i];
    __builtin_memcpy(&buffer, in->data() + i * sizeof(IoVec), sizeof(IoVec));
    if (buffer.size > INT64_MAX) return Errno::kInval;
    if (buffer.size > kMaxTransfer - total_) buffer.size = kMaxTransfer - total_;
    total_ += buffer.size;
    if (written) {
      if (const auto memory = UserWritable(buffer.base, buffer.size); !memory) return memory.error();
    } else {
      if (const auto memory = UserReadable(buffer.base, buffer.size); !memory) return memory.error();
    }
  }
  return Ok{};
}

int64_t FinishWrite(const Result<size_t>& result) {
  if (!result && result.error() == Errno::kPipe) SendSignal(*scheduler().current(), kSigPipe);
  return ToSyscall(result);
}

int64_t AddDescriptor(Ref<File> file, bool close_on_exec) {
  return ToSyscall(fds().Add(std::move(file), close_on_exec));
}

}  // namespace ebb::linux_abi
