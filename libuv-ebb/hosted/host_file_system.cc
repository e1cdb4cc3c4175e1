#include "hosted/host_file_system.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hosted/system_calls.h"
#include "src/stat.h"

namespace ebb::uv {
namespace {

// statx, for the time of birth.
int StatAt(int fd, const char* path, int flags, uv_stat_t* result) {
  struct statx found;
  if (statx(fd, path, flags, STATX_BASIC_STATS | STATX_BTIME, &found) != 0) return -errno;
  ToUvStat(found, result);
  return 0;
}

int LinkFlag(FollowLink follow) { return follow == FollowLink::kYes ? 0 : AT_SYMLINK_NOFOLLOW; }

}  // namespace

int HostFileSystem::Open(const char* path, int flags, mode_t mode) {
  return Retried([&] { return open(path, flags | O_CLOEXEC, mode); });
}

int HostFileSystem::Close(int fd) {
  // Interrupted or still writing back: closed all the same.
  if (close(fd) == 0 || errno == EINTR || errno == EINPROGRESS) return 0;
  return -errno;
}

ssize_t HostFileSystem::Read(int fd, const iovec* buffers, unsigned count, off_t offset) {
  return Retried([&]() -> ssize_t {
    if (offset < 0) {
      return count == 1 ? read(fd, buffers->iov_base, buffers->iov_len) : readv(fd, buffers, static_cast<int>(count));
    }
    return count == 1 ? pread(fd, buffers->iov_base, buffers->iov_len, offset)
                      : preadv(fd, buffers, static_cast<int>(count), offset);
  });
}

ssize_t HostFileSystem::Write(int fd, const iovec* buffers, unsigned count, off_t offset) {
  return Retried([&]() -> ssize_t {
    if (offset < 0) {
      return count == 1 ? write(fd, buffers->iov_base, buffers->iov_len) : writev(fd, buffers, static_cast<int>(count));
    }
    return count == 1 ? pwrite(fd, buffers->iov_base, buffers->iov_len, offset)
                      : pwritev(fd, buffers, static_cast<int>(count), offset);
  });
}

ssize_t HostFileSystem::SendFile(int out, int in, off_t* offset, size_t length) {
  const ssize_t copied = Retried([&] { return copy_file_range(in, offset, out, nullptr, length, 0); });
  switch (copied) {
    // Not between these two: one is no regular file, or they lie on file systems that cannot do it together.
    case -ENOSYS:
    case -EINVAL:
    case -EXDEV:
    case -EOPNOTSUPP:
      return Retried([&] { return sendfile(out, in, offset, length); });
    default:
      return copied;
  }
}

int HostFileSystem::Stat(const char* path, FollowLink follow, uv_stat_t* result) {
  return StatAt(AT_FDCWD, path, LinkFlag(follow), result);
}

int HostFileSystem::StatFd(int fd, uv_stat_t* result) { return StatAt(fd, "", AT_EMPTY_PATH, result); }

int HostFileSystem::StatFileSystem(const char* path, uv_statfs_t* result) {
  struct statfs found;
  const int error = Retried([&] { return statfs(path, &found); });
  if (error != 0) return error;
  ToUvStatfs(found, result);
  return 0;
}

int HostFileSystem::Truncate(int fd, off_t length) {
  return Retried([&] { return ftruncate(fd, length); });
}

int HostFileSystem::Sync(int fd, bool data_only) {
  return Retried([&] { return data_only ? fdatasync(fd) : fsync(fd); });
}

int HostFileSystem::Access(const char* path, int mode) {
  return Retried([&] { return access(path, mode); });
}

int HostFileSystem::ChangeMode(const char* path, mode_t mode) {
  return Retried([&] { return chmod(path, mode); });
}

int HostFileSystem::ChangeModeFd(int fd, mode_t mode) {
  return Retried([&] { return fchmod(fd, mode); });
}

int HostFileSystem::ChangeOwner(const char* path, FollowLink follow, uid_t uid, gid_t gid) {
  return Retried([&] { return fchownat(AT_FDCWD, path, uid, gid, LinkFlag(follow)); });
}

int HostFileSystem::ChangeOwnerFd(int fd, uid_t uid, gid_t gid) {
  return Retried([&] { return fchown(fd, uid, gid); });
}

int HostFileSystem::SetTimes(const char* path, FollowLink follow, const timespec times[2]) {
  return Retried([&] { return utimensat(AT_FDCWD, path, times, LinkFlag(follow)); });
}

int HostFileSystem::SetTimesFd(int fd, const timespec times[2]) {
  return Retried([&] { return futimens(fd, times); });
}

int HostFileSystem::Unlink(const char* path) {
  return Retried([&] { return unlink(path); });
}

int HostFileSystem::MakeDirectory(const char* path, mode_t mode) {
  return Retried([&] { return mkdir(path, mode); });
}

int HostFileSystem::RemoveDirectory(const char* path) {
  return Retried([&] { return rmdir(path); });
}

int HostFileSystem::Rename(const char* from, const char* to) {
  return Retried([&] { return rename(from, to); });
}

int HostFileSystem::Link(const char* from, const char* to) {
  return Retried([&] { return link(from, to); });
}

int HostFileSystem::SymbolicLink(const char* target, const char* path) {
  return Retried([&] { return symlink(target, path); });
}

ssize_t HostFileSystem::ReadLink(const char* path, char* buffer, size_t size) {
  return Retried([&] { return readlink(path, buffer, size); });
}

int HostFileSystem::Clone(int from, int to) {
  return Retried([&] { return ioctl(to, FICLONE, from); });
}

}  // namespace ebb::uv
