// What system calls of this folder take: descriptors, paths with the directory they start at, vectors of buffers.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "kernel/user_memory.h"
#include "linux/fd_table.h"
#include "linux/fs/file_system.h"
#include "linux/fs/inode_file.h"

namespace ebb::linux_abi {

constexpr int kAtFdCwd = -100;
constexpr uint32_t kAtSymlinkNoFollow = 0x100, kAtRemoveDir = 0x200, kAtEaccess = 0x200, kAtSymlinkFollow = 0x400,
                   kAtNoAutomount = 0x800, kAtEmptyPath = 0x1000;
// Linux moves at most this much in one call.
constexpr uint64_t kMaxTransfer = 0x7ffff000;

template <class T>
int64_t ToSyscall(const Result<T>& result) {
  if (!result) return result.Negative();
  if constexpr (std::is_same_v<T, Ok>) {
    return 0;
  } else {
    return static_cast<int64_t>(*result);
  }
}

// An open file whose content may be used: EBADF for O_PATH descriptors.
Result<Ref<File>> ContentFile(int fd);

// A path in the program's memory and the directory it starts at.
struct PathArgument {
  Ref<Directory> start;
  std::string_view path;
  // With AT_EMPTY_PATH and an empty path: the descriptor's file itself, in place of a path.
  Ref<File> itself;
};

Result<PathArgument> ReadPath(int directory, uint64_t path, uint32_t flags = 0);
// The inode that a path argument means. Null (no error) when it is a file without inode (`itself`).
Result<Ref<Inode>> ResolvePath(const PathArgument& argument, bool follow);

// A copy of the program's array of buffers, each checked. EINVAL when their sizes or count are beyond Linux's limits.
class BufferVector {
 public:
  Result<> Read(uint64_t vector, uint64_t count, bool written);
  std::span<const IoVec> buffers() const { return {buffers_, count_}; }
  uint64_t total() const { return total_; }

 private:
  static constexpr size_t kInline = 8;

  IoVec inline_[kInline];
  std::unique_ptr<IoVec[]> heap_;
  IoVec* buffers_ = inline_;
  size_t count_ = 0;
  uint64_t total_ = 0;
};

// `result`, after the SIGPIPE that a write into nothing (EPIPE) brings the calling thread.
int64_t FinishWrite(const Result<size_t>& result);

// Puts a file into the table: the descriptor, or -errno.
int64_t AddDescriptor(Ref<File> file, bool close_on_exec);

}  // namespace ebb::linux_abi
