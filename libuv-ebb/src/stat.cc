#include "src/stat.h"

#include <sys/sysmacros.h>

namespace ebb::uv {
namespace {

uv_timespec_t Time(const statx_timestamp& time) { return {time.tv_sec, static_cast<long>(time.tv_nsec)}; }

}  // namespace

void ToUvStat(const struct statx& found, uv_stat_t* result) {
  result->st_dev = makedev(found.stx_dev_major, found.stx_dev_minor);
  result->st_mode = found.stx_mode;
  result->st_nlink = found.stx_nlink;
  result->st_uid = found.stx_uid;
  result->st_gid = found.stx_gid;
  result->st_rdev = makedev(found.stx_rdev_major, found.stx_rdev_minor);
  result->st_ino = found.stx_ino;
  result->st_size = found.stx_size;
  result->st_blksize = found.stx_blksize;
  result->st_blocks = found.stx_blocks;
  result->st_flags = 0;
  result->st_gen = 0;
  result->st_atim = Time(found.stx_atime);
  result->st_mtim = Time(found.stx_mtime);
  result->st_ctim = Time(found.stx_ctime);
  result->st_birthtim = Time(found.stx_btime);
}

void ToUvStatfs(const struct statfs& found, uv_statfs_t* result) {
  *result = uv_statfs_t{};
  result->f_type = static_cast<uint64_t>(found.f_type);
  result->f_bsize = static_cast<uint64_t>(found.f_bsize);
  result->f_blocks = found.f_blocks;
  result->f_bfree = found.f_bfree;
  result->f_bavail = found.f_bavail;
  result->f_files = found.f_files;
  result->f_ffree = found.f_ffree;
  result->f_frsize = static_cast<uint64_t>(found.f_frsize);
}

}  // namespace ebb::uv
