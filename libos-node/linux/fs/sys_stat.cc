// Looking at files: stat and statx, access, readlink, statfs.
#include <algorithm>

#include "linux/fs/arguments.h"
#include "linux/fs/quota.h"
#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {
namespace {

constexpr uint32_t kStatFlags = kAtSymlinkNoFollow | kAtNoAutomount | kAtEmptyPath;

struct StatxTime {
  int64_t seconds;
  uint32_t nanoseconds;
  int32_t reserved;
};

struct Statx {
  uint32_t mask;
  uint32_t blksize;
  uint64_t attributes;
  uint32_t nlink, uid, gid;
  uint16_t mode, pad0;
  uint64_t ino, size, blocks, attributes_mask;
  StatxTime atime, btime, ctime, mtime;
  uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
  uint64_t spare[14];
};
static_assert(sizeof(Statx) == 256);

struct StatFs {
  int64_t type, block_size;
  uint64_t blocks, free_blocks, available_blocks, files, free_files, id;
  int64_t name_length, fragment_size, flags, spare[4];
};
static_assert(sizeof(StatFs) == 120);

struct Status {
  LinuxStat stat;
  uint64_t born_ns = 0;  // 0: not known
};

Result<Status> StatusOf(int directory, uint64_t path, uint32_t flags) {
  const auto argument = ReadPath(directory, path, flags);
  if (!argument) return argument.error();
  const auto inode = ResolvePath(*argument, (flags & kAtSymlinkNoFollow) == 0);
  if (!inode) return inode.error();
  Status status;
  if (*inode) {
    (*inode)->FillStat(status.stat);
    status.born_ns = (*inode)->born_ns();
  } else if (const auto done = argument->itself->Stat(status.stat); !done) {
    return done.error();
  }
  return status;
}

int64_t PutStat(const LinuxStat& stat, uint64_t address) {
  const auto out = UserOut<LinuxStat>(address);
  if (!out) return out.Negative();
  **out = stat;
  return 0;
}

uint32_t Major(uint64_t device) { return static_cast<uint32_t>((device >> 8) & 0xfff); }
uint32_t Minor(uint64_t device) { return static_cast<uint32_t>((device & 0xff) | ((device >> 12) & 0xfff00)); }
StatxTime ToStatxTime(const TimeSpec& time) { return {time.seconds, static_cast<uint32_t>(time.nanoseconds), 0}; }

int64_t Access(int directory, uint64_t path, int mode, uint32_t flags) {
  constexpr int kExecute = 1;
  constexpr uint32_t kAnyExecute = 0111;
  if ((mode & ~7) != 0 || (flags & ~(kAtEaccess | kAtSymlinkNoFollow | kAtEmptyPath)) != 0)
    return Negative(Errno::kInval);
  const auto status = StatusOf(directory, path, flags);
  if (!status) return status.Negative();
  const LinuxStat& stat = status->stat;
  // Root may do everything but execute what nobody may.
  const bool refused = (mode & kExecute) != 0 && (stat.mode & kSIfMt) != kSIfDir && (stat.mode & kAnyExecute) == 0;
  return refused ? Negative(Errno::kAcces) : 0;
}

int64_t PutStatFs(uint64_t device, uint64_t address) {
  constexpr int64_t kTmpfsMagic = 0x01021994, kProcMagic = 0x9fa0;
  const auto out = UserOut<StatFs>(address);
  if (!out) return out.Negative();
  StatFs info = {};
  info.block_size = info.fragment_size = static_cast<int64_t>(EBB_PAGE_SIZE);
  info.name_length = 255;
  info.id = device;
  if (device == kProcDevice) {
    info.type = kProcMagic;
  } else {
    const Quota& quota = tree_quota();
    const uint64_t free = quota.limit() > quota.used() ? quota.limit() - quota.used() : 0;
    info.type = kTmpfsMagic;
    info.blocks = quota.limit() / EBB_PAGE_SIZE;
    info.free_blocks = info.available_blocks = free / EBB_PAGE_SIZE;
    info.files = quota.limit() / kInodeCharge;
    info.free_files = free / kInodeCharge;
  }
  **out = info;
  return 0;
}

int64_t XattrOf(uint64_t path, bool follow) {
  const auto argument = ReadPath(kAtFdCwd, path);
  if (!argument) return argument.Negative();
  const auto inode = ResolvePath(*argument, follow);
  return inode ? Negative(Errno::kOpNotSupp) : inode.Negative();
}

}  // namespace

int64_t SysStat(uint64_t path, uint64_t out) { return SysNewfstatat(kAtFdCwd, path, out, 0); }
int64_t SysLstat(uint64_t path, uint64_t out) { return SysNewfstatat(kAtFdCwd, path, out, kAtSymlinkNoFollow); }

int64_t SysFstat(int fd, uint64_t address) {
  const auto file = fds().Get(fd);
  if (!file) return file.Negative();
  LinuxStat stat;
  if (const auto done = (*file)->Stat(stat); !done) return done.Negative();
  return PutStat(stat, address);
}

int64_t SysNewfstatat(int directory, uint64_t path, uint64_t out, uint32_t flags) {
  if ((flags & ~kStatFlags) != 0) return Negative(Errno::kInval);
  const auto status = StatusOf(directory, path, flags);
  return status ? PutStat(status->stat, out) : status.Negative();
}

int64_t SysStatx(int directory, uint64_t path, uint32_t flags, uint32_t mask, uint64_t address) {
  constexpr uint32_t kSyncFlags = 0x6000, kReservedMask = 0x80000000, kBasicStats = 0x7ff, kBirthTime = 0x800;
  if ((mask & kReservedMask) != 0 || (flags & kSyncFlags) == kSyncFlags || (flags & ~(kStatFlags | kSyncFlags)) != 0) {
    return Negative(Errno::kInval);
  }
  const auto status = StatusOf(directory, path, flags);
  if (!status) return status.Negative();
  const LinuxStat& stat = status->stat;
  const auto out = UserOut<Statx>(address);
  if (!out) return out.Negative();
  Statx full = {};
  full.mask = kBasicStats | (status->born_ns != 0 ? kBirthTime : 0u);
  full.blksize = static_cast<uint32_t>(stat.blksize);
  full.nlink = static_cast<uint32_t>(stat.nlink);
  full.uid = stat.uid;
  full.gid = stat.gid;
  full.mode = static_cast<uint16_t>(stat.mode);
  full.ino = stat.ino;
  full.size = static_cast<uint64_t>(stat.size);
  full.blocks = static_cast<uint64_t>(stat.blocks);
  full.atime = ToStatxTime(stat.atime);
  full.ctime = ToStatxTime(stat.ctime);
  full.mtime = ToStatxTime(stat.mtime);
  constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
  full.btime = {static_cast<int64_t>(status->born_ns / kNanosecondsPerSecond),
                static_cast<uint32_t>(status->born_ns % kNanosecondsPerSecond), 0};
  full.rdev_major = Major(stat.rdev);
  full.rdev_minor = Minor(stat.rdev);
  full.dev_major = Major(stat.dev);
  full.dev_minor = Minor(stat.dev);
  **out = full;
  return 0;
}

int64_t SysAccess(uint64_t path, int mode) { return Access(kAtFdCwd, path, mode, 0); }
int64_t SysFaccessat(int directory, uint64_t path, int mode) { return Access(directory, path, mode, 0); }
int64_t SysFaccessat2(int directory, uint64_t path, int mode, uint32_t flags) {
  return Access(directory, path, mode, flags);
}

int64_t SysReadlink(uint64_t path, uint64_t buffer, int size) { return SysReadlinkat(kAtFdCwd, path, buffer, size); }

int64_t SysReadlinkat(int directory, uint64_t path, uint64_t buffer, int size) {
  if (size <= 0) return Negative(Errno::kInval);
  // An O_PATH descriptor of a link is read with an empty path.
  const auto argument = ReadPath(directory, path, directory == kAtFdCwd ? 0 : kAtEmptyPath);
  if (!argument) return argument.Negative();
  const auto inode = ResolvePath(*argument, false);
  if (!inode) return inode.Negative();
  Symlink* link = *inode ? (*inode)->AsSymlink() : nullptr;
  if (link == nullptr) return Negative(argument->path.empty() ? Errno::kNoEnt : Errno::kInval);
  const auto target = link->Target();
  if (!target) return target.Negative();
  const size_t length = std::min(target->size(), static_cast<size_t>(size));
  const auto out = UserWritable(buffer, length);
  if (!out) return out.Negative();
  __builtin_memcpy(out->data(), target->data(), length);
  return static_cast<int64_t>(length);
}

int64_t SysStatfs(uint64_t path, uint64_t out) {
  const auto argument = ReadPath(kAtFdCwd, path);
  if (!argument) return argument.Negative();
  const auto inode = ResolvePath(*argument, true);
  return inode ? PutStatFs((*inode)->device(), out) : inode.Negative();
}

int64_t SysFstatfs(int fd, uint64_t out) {
  const auto file = fds().Get(fd);
  if (!file) return file.Negative();
  const InodeFile* inode_file = AsInodeFile(**file);
  return PutStatFs(inode_file != nullptr ? inode_file->inode().device() : kAnonymousDevice, out);
}

int64_t SysXattrOfPath(uint64_t path) { return XattrOf(path, true); }
int64_t SysXattrOfLink(uint64_t path) { return XattrOf(path, false); }

int64_t SysXattrOfFd(int fd) {
  const auto file = ContentFile(fd);
  return file ? Negative(Errno::kOpNotSupp) : file.Negative();
}

}  // namespace ebb::linux_abi
