// File operations of more than one step.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "os/file_system.h"
#include "src/fs_request.h"
#include "src/memory.h"

namespace ebb::uv {
namespace {

constexpr size_t kCopyChunk = size_t{1} << 30;
constexpr size_t kBounceSize = 64 * 1024;

iovec* Vectors(uv_buf_t* buffers) { return reinterpret_cast<iovec*>(buffers); }

void FreeBuffers(uv_fs_t* request) {
  if (request->bufs != request->bufsml) Free(request->bufs);
  request->bufs = nullptr;
  request->nbufs = 0;
}

// For files that the kernel cannot splice.
ssize_t CopyThroughMemory(int out, int in, off_t* offset, size_t length) {
  char* bounce = AllocateFor<char>(kBounceSize);
  if (bounce == nullptr) return UV_ENOMEM;
  size_t copied = 0;
  ssize_t error = 0;
  while (copied < length && error == 0) {
    iovec vector = {bounce, length - copied < kBounceSize ? length - copied : kBounceSize};
    const ssize_t got = file_system->Read(in, &vector, 1, *offset);
    if (got <= 0) {
      error = got;
      break;
    }
    for (ssize_t put = 0; put < got && error == 0;) {
      iovec rest = {bounce + put, static_cast<size_t>(got - put)};
      const ssize_t count = file_system->Write(out, &rest, 1, -1);
      if (count < 0) {
        error = count;
      } else {
        put += count;
        copied += static_cast<size_t>(count);
        *offset += count;
      }
    }
  }
  Free(bounce);
  return copied > 0 ? static_cast<ssize_t>(copied) : error;
}

ssize_t CopyRange(int out, int in, off_t* offset, size_t length) {
  const ssize_t count = file_system->SendFile(out, in, offset, length);
  if (count != UV_EINVAL && count != UV_EIO && count != UV_ENOTSOCK && count != UV_EXDEV && count != UV_ENOSYS)
    return count;
  return CopyThroughMemory(out, in, offset, length);
}

timespec ToTimespec(double seconds) {
  if (std::isinf(seconds)) return {0, UTIME_NOW};
  if (std::isnan(seconds)) return {0, UTIME_OMIT};
  const double whole = std::floor(seconds);
  // Whole microseconds: a double holds no more at today's dates.
  const auto micros = static_cast<long>((seconds - whole) * 1e6);
  return {static_cast<time_t>(whole), micros * 1000};
}

int CopyContents(uv_fs_t* request, int in, int out, const uv_stat_t& source) {
  if (request->flags & (UV_FS_COPYFILE_FICLONE | UV_FS_COPYFILE_FICLONE_FORCE)) {
    const int error = file_system->Clone(in, out);
    if (error == 0) return 0;
    // EXDEV and friends: not here, or not on this file system.
    if ((request->flags & UV_FS_COPYFILE_FICLONE_FORCE) != 0) return error == UV_ENOTTY ? UV_ENOTSUP : error;
  }
  off_t offset = 0;
  for (uint64_t left = source.st_size; left > 0;) {
    const ssize_t count = CopyRange(out, in, &offset, left < kCopyChunk ? left : kCopyChunk);
    if (count < 0) return static_cast<int>(count);
    if (count == 0) return 0;  // it became shorter meanwhile
    left -= static_cast<uint64_t>(count);
  }
  return 0;
}

int CopyTo(uv_fs_t* request, int in) {
  uv_stat_t source;
  int error = file_system->StatFd(in, &source);
  if (error != 0) return error;
  const int exclusive = (request->flags & UV_FS_COPYFILE_EXCL) != 0 ? O_EXCL : 0;
  const auto mode = static_cast<mode_t>(source.st_mode);
  const int out = file_system->Open(request->new_path, O_WRONLY | O_CREAT | exclusive, mode);
  if (out < 0) return out;
  uv_stat_t target;
  error = file_system->StatFd(out, &target);
  const bool same = error == 0 && target.st_dev == source.st_dev && target.st_ino == source.st_ino;
  if (error == 0 && !same) {
    // Not O_TRUNC: that would have emptied the source if both are one file.
    error = file_system->Truncate(out, 0);
    if (error == 0) {
      // The owner as far as we may; before the mode, whose set-id bits a change of owner clears.
      file_system->ChangeOwnerFd(out, static_cast<uid_t>(source.st_uid), static_cast<gid_t>(source.st_gid));
      error = file_system->ChangeModeFd(out, mode & 07777);
      // Some file systems have no modes; the copy is made all the same.
      if (error == UV_EPERM) error = 0;
    }
    if (error == 0) error = CopyContents(request, in, out, source);
  }
  const int close_error = file_system->Close(out);
  if (error == 0) error = close_error;
  if (error != 0 && !same) file_system->Unlink(request->new_path);
  return error;
}

}  // namespace

ssize_t FsRead(uv_fs_t* request) {
  const unsigned count = request->nbufs < IOV_MAX ? request->nbufs : static_cast<unsigned>(IOV_MAX);
  const ssize_t result = file_system->Read(request->file, Vectors(request->bufs), count, request->off);
  FreeBuffers(request);
  return result;
}

ssize_t FsWriteAll(uv_fs_t* request) {
  ssize_t total = 0;
  uv_buf_t* buffers = request->bufs;
  unsigned left = request->nbufs;
  while (left > 0) {
    const unsigned count = left < IOV_MAX ? left : static_cast<unsigned>(IOV_MAX);
    const ssize_t written = file_system->Write(request->file, Vectors(buffers), count, request->off);
    if (written < 0) {
      if (total == 0) total = written;
      break;
    }
    total += written;
    if (request->off >= 0) request->off += written;
    auto rest = static_cast<size_t>(written);
    for (; left > 0 && rest >= buffers->len; ++buffers, --left) rest -= buffers->len;
    if (rest == 0 && written == 0) break;
    if (left > 0) {
      buffers->base += rest;
      buffers->len -= rest;
    }
  }
  FreeBuffers(request);
  return total;
}

ssize_t FsSendFile(uv_fs_t* request) {
  off_t offset = request->off;
  const ssize_t result = CopyRange(request->file, request->flags, &offset, request->bufsml[0].len);
  if (result >= 0) request->off = offset;
  return result;
}

ssize_t FsCopyFile(uv_fs_t* request) {
  const int in = file_system->Open(request->path, O_RDONLY, 0);
  if (in < 0) return in;
  const int error = CopyTo(request, in);
  file_system->Close(in);
  return error;
}

ssize_t FsMakeTempDirectory(uv_fs_t* request) {
  return mkdtemp(const_cast<char*>(request->path)) == nullptr ? -errno : 0;
}

ssize_t FsMakeTempFile(uv_fs_t* request) {
  char* path = const_cast<char*>(request->path);
  const size_t length = std::strlen(path);
  constexpr char kPattern[] = "XXXXXX";
  constexpr size_t kPatternLength = sizeof(kPattern) - 1;
  int fd = -1;
  if (length < kPatternLength || std::strcmp(path + length - kPatternLength, kPattern) != 0)
    errno = EINVAL;
  else
    fd = mkostemp(path, O_CLOEXEC);
  if (fd >= 0) return fd;
  path[0] = '\0';  // there is no such file
  return -errno;
}

ssize_t FsReadLink(uv_fs_t* request) {
  char target[PATH_MAX];
  const ssize_t length = file_system->ReadLink(request->path, target, sizeof(target));
  if (length < 0) return length;
  request->ptr = CopyString(target, static_cast<size_t>(length));
  return request->ptr == nullptr ? static_cast<ssize_t>(UV_ENOMEM) : 0;
}

ssize_t FsRealPath(uv_fs_t* request) {
  char path[PATH_MAX];
  if (realpath(request->path, path) == nullptr) return -errno;
  request->ptr = CopyString(path);
  return request->ptr == nullptr ? static_cast<ssize_t>(UV_ENOMEM) : 0;
}

ssize_t FsStatFileSystem(uv_fs_t* request) {
  auto* found = AllocateFor<uv_statfs_t>();
  if (found == nullptr) return UV_ENOMEM;
  const int error = file_system->StatFileSystem(request->path, found);
  if (error != 0)
    Free(found);
  else
    request->ptr = found;
  return error;
}

ssize_t FsSetTimes(uv_fs_t* request) {
  const timespec times[2] = {ToTimespec(request->atime), ToTimespec(request->mtime)};
  if (request->fs_type == UV_FS_FUTIME) return file_system->SetTimesFd(request->file, times);
  const FollowLink follow = request->fs_type == UV_FS_UTIME ? FollowLink::kYes : FollowLink::kNo;
  return file_system->SetTimes(request->path, follow, times);
}

}  // namespace ebb::uv
