// FileSystem: the operations behind uv_fs_*, each run to its end on the calling thread (a worker, or the caller of a
// synchronous request). All return a count, an fd or 0, or a negative errno.
#pragma once

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "ebb/ebb_ref.h"
#include "os/ebb_ids.h"
#include "uv.h"

namespace ebb::uv {

// Whether a symbolic link at the end of the path is followed.
enum class FollowLink : bool { kNo, kYes };

class FileSystem {
 public:
  virtual int Open(const char* path, int flags, mode_t mode) = 0;
  virtual int Close(int fd) = 0;
  // A negative offset: at the file position.
  virtual ssize_t Read(int fd, const iovec* buffers, unsigned count, off_t offset) = 0;
  virtual ssize_t Write(int fd, const iovec* buffers, unsigned count, off_t offset) = 0;
  virtual ssize_t SendFile(int out, int in, off_t* offset, size_t length) = 0;
  virtual int Stat(const char* path, FollowLink follow, uv_stat_t* result) = 0;
  virtual int StatFd(int fd, uv_stat_t* result) = 0;
  virtual int StatFileSystem(const char* path, uv_statfs_t* result) = 0;
  virtual int Truncate(int fd, off_t length) = 0;
  virtual int Sync(int fd, bool data_only) = 0;
  virtual int Access(const char* path, int mode) = 0;
  virtual int ChangeMode(const char* path, mode_t mode) = 0;
  virtual int ChangeModeFd(int fd, mode_t mode) = 0;
  virtual int ChangeOwner(const char* path, FollowLink follow, uid_t uid, gid_t gid) = 0;
  virtual int ChangeOwnerFd(int fd, uid_t uid, gid_t gid) = 0;
  virtual int SetTimes(const char* path, FollowLink follow, const timespec times[2]) = 0;
  virtual int SetTimesFd(int fd, const timespec times[2]) = 0;
  virtual int Unlink(const char* path) = 0;
  virtual int MakeDirectory(const char* path, mode_t mode) = 0;
  virtual int RemoveDirectory(const char* path) = 0;
  virtual int Rename(const char* from, const char* to) = 0;
  virtual int Link(const char* from, const char* to) = 0;
  virtual int SymbolicLink(const char* target, const char* path) = 0;
  virtual ssize_t ReadLink(const char* path, char* buffer, size_t size) = 0;
  // Whether an asynchronous request should run at once, on the loop's thread: it takes no longer than handing it to a
  // worker would. Its callback runs later all the same.
  virtual bool RunsInPlace(const uv_fs_t& request) = 0;
  // Shares the blocks of `from` with `to`, copy on write.
  virtual int Clone(int from, int to) = 0;

 protected:
  ~FileSystem() = default;
};

inline constexpr EbbRef<FileSystem> file_system{kFileSystemEbb};

}  // namespace ebb::uv
