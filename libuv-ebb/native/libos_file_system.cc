#include "native/libos_file_system.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "native/call.h"
#include "src/stat.h"

namespace ebb::uv {
namespace {

int IntCall(int64_t result) { return static_cast<int>(result); }

int LinkFlag(FollowLink follow) { return follow == FollowLink::kYes ? 0 : AT_SYMLINK_NOFOLLOW; }

int StatAt(int fd, const char* path, int flags, uv_stat_t* result) {
  struct statx found;
  const int64_t error = Call(SYS_statx, fd, path, flags, STATX_BASIC_STATS | STATX_BTIME, &found);
  if (error == 0) ToUvStat(found, result);
  return IntCall(error);
}

}  // namespace

int LibosFileSystem::Open(const char* path, int flags, mode_t mode) {
  return IntCall(Call(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode));
}

int LibosFileSystem::Close(int fd) {
  const int64_t error = CallOnce(SYS_close, fd);
  return error == -EINTR ? 0 : IntCall(error);
}

ssize_t LibosFileSystem::Read(int fd, const iovec* buffers, unsigned count, off_t offset) {
  if (offset < 0) {
    return count == 1 ? Call(SYS_read, fd, buffers->iov_base, buffers->iov_len) : Call(SYS_readv, fd, buffers, count);
  }
  return count == 1 ? Call(SYS_pread64, fd, buffers->iov_base, buffers->iov_len, offset)
                    : Call(SYS_preadv, fd, buffers, count, offset, 0);
}

ssize_t LibosFileSystem::Write(int fd, const iovec* buffers, unsigned count, off_t offset) {
  if (offset < 0) {
    return count == 1 ? Call(SYS_write, fd, buffers->iov_base, buffers->iov_len) : Call(SYS_writev, fd, buffers, count);
  }
  return count == 1 ? Call(SYS_pwrite64, fd, buffers->iov_base, buffers->iov_len, offset)
                    : Call(SYS_pwritev, fd, buffers, count, offset, 0);
}

ssize_t LibosFileSystem::SendFile(int out, int in, off_t* offset, size_t length) {
  const int64_t copied = Call(SYS_copy_file_range, in, offset, out, 0, length, 0);
  return copied == -EINVAL ? Call(SYS_sendfile, out, in, offset, length) : copied;
}

int LibosFileSystem::Stat(const char* path, FollowLink follow, uv_stat_t* result) {
  return StatAt(AT_FDCWD, path, LinkFlag(follow), result);
}

int LibosFileSystem::StatFd(int fd, uv_stat_t* result) { return StatAt(fd, "", AT_EMPTY_PATH, result); }

int LibosFileSystem::StatFileSystem(const char* path, uv_statfs_t* result) {
  struct statfs found;
  const int64_t error = Call(SYS_statfs, path, &found);
  if (error == 0) ToUvStatfs(found, result);
  return IntCall(error);
}

int LibosFileSystem::Truncate(int fd, off_t length) { return IntCall(Call(SYS_ftruncate, fd, length)); }

int LibosFileSystem::Sync(int fd, bool data_only) { return IntCall(Call(data_only ? SYS_fdatasync : SYS_fsync, fd)); }

int LibosFileSystem::Access(const char* path, int mode) { return IntCall(Call(SYS_access, path, mode)); }

int LibosFileSystem::ChangeMode(const char* path, mode_t mode) { return IntCall(Call(SYS_chmod, path, mode)); }

int LibosFileSystem::ChangeModeFd(int fd, mode_t mode) { return IntCall(Call(SYS_fchmod, fd, mode)); }

int LibosFileSystem::ChangeOwner(const char* path, FollowLink follow, uid_t uid, gid_t gid) {
  return IntCall(Call(SYS_fchownat, AT_FDCWD, path, uid, gid, LinkFlag(follow)));
}

int LibosFileSystem::ChangeOwnerFd(int fd, uid_t uid, gid_t gid) { return IntCall(Call(SYS_fchown, fd, uid, gid)); }

int LibosFileSystem::SetTimes(const char* path, FollowLink follow, const timespec times[2]) {
  return IntCall(Call(SYS_utimensat, AT_FDCWD, path, times, LinkFlag(follow)));
}

int LibosFileSystem::SetTimesFd(int fd, const timespec times[2]) {
  return IntCall(Call(SYS_utimensat, fd, 0, times, 0));
}

int LibosFileSystem::Unlink(const char* path) { return IntCall(Call(SYS_unlink, path)); }

int LibosFileSystem::MakeDirectory(const char* path, mode_t mode) { return IntCall(Call(SYS_mkdir, path, mode)); }

int LibosFileSystem::RemoveDirectory(const char* path) { return IntCall(Call(SYS_rmdir, path)); }

int LibosFileSystem::Rename(const char* from, const char* to) { return IntCall(Call(SYS_rename, from, to)); }

int LibosFileSystem::Link(const char* from, const char* to) { return IntCall(Call(SYS_link, from, to)); }

int LibosFileSystem::SymbolicLink(const char* target, const char* path) {
  return IntCall(Call(SYS_symlink, target, path));
}

ssize_t LibosFileSystem::ReadLink(const char* path, char* buffer, size_t size) {
  return Call(SYS_readlink, path, buffer, size);
}

int LibosFileSystem::Clone(int from, int to) { return IntCall(Call(SYS_ioctl, to, FICLONE, from)); }

namespace {

constexpr size_t kMostInPlace = 1 << 20;

bool IsFile(int fd) {
  struct stat found;
  return CallOnce(SYS_fstat, fd, &found) != 0 || S_ISREG(found.st_mode) || S_ISDIR(found.st_mode);
}

// What opening waits for: the other end of a pipe.
bool IsPipe(const char* path) {
  struct stat found;
  return CallOnce(SYS_stat, path, &found) == 0 && S_ISFIFO(found.st_mode);
}

}  // namespace

bool LibosFileSystem::RunsInPlace(const uv_fs_t& request) {
  switch (request.fs_type) {
    case UV_FS_OPEN:
      return !IsPipe(request.path);
    case UV_FS_READ:
    case UV_FS_WRITE: {
      size_t size = 0;
      for (unsigned i = 0; i < request.nbufs; ++i) size += request.bufs[i].len;
      return size <= kMostInPlace && IsFile(request.file);
    }
    // Whole files, and folders of any size.
    case UV_FS_SENDFILE:
    case UV_FS_COPYFILE:
    case UV_FS_SCANDIR:
      return false;
    default:
      return true;
  }
}

}  // namespace ebb::uv
