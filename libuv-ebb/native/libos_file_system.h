// FileSystem of the LibOS: the functions of its file tree, called directly. Files lie in memory, so that most requests
// run to their end on the caller's thread.
#pragma once

#include "os/file_system.h"

namespace ebb::uv {

class LibosFileSystem final : public FileSystem {
 public:
  int Open(const char* path, int flags, mode_t mode) override;
  int Close(int fd) override;
  ssize_t Read(int fd, const iovec* buffers, unsigned count, off_t offset) override;
  ssize_t Write(int fd, const iovec* buffers, unsigned count, off_t offset) override;
  ssize_t SendFile(int out, int in, off_t* offset, size_t length) override;
  int Stat(const char* path, FollowLink follow, uv_stat_t* result) override;
  int StatFd(int fd, uv_stat_t* result) override;
  int StatFileSystem(const char* path, uv_statfs_t* result) override;
  int Truncate(int fd, off_t length) override;
  int Sync(int fd, bool data_only) override;
  int Access(const char* path, int mode) override;
  int ChangeMode(const char* path, mode_t mode) override;
  int ChangeModeFd(int fd, mode_t mode) override;
  int ChangeOwner(const char* path, FollowLink follow, uid_t uid, gid_t gid) override;
  int ChangeOwnerFd(int fd, uid_t uid, gid_t gid) override;
  int SetTimes(const char* path, FollowLink follow, const timespec times[2]) override;
  int SetTimesFd(int fd, const timespec times[2]) override;
  int Unlink(const char* path) override;
  int MakeDirectory(const char* path, mode_t mode) override;
  int RemoveDirectory(const char* path) override;
  int Rename(const char* from, const char* to) override;
  int Link(const char* from, const char* to) override;
  int SymbolicLink(const char* target, const char* path) override;
  ssize_t ReadLink(const char* path, char* buffer, size_t size) override;
  bool RunsInPlace(const uv_fs_t& request) override;
  int Clone(int from, int to) override;
};

}  // namespace ebb::uv
