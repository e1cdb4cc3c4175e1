// Changing what a file is: mode, owner, times, size; and what concerns storage.
#include "kernel/clock.h"
#include "linux/fs/arguments.h"
#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

// Calls change(inode) for the inode that the arguments mean.
template <class Change>
int64_t WithInode(int directory, uint64_t path, uint32_t flags, Change change) {
  const auto argument = ReadPath(directory, path, flags);
  if (!argument) return argument.Negative();
  const auto inode = ResolvePath(*argument, (flags & kAtSymlinkNoFollow) == 0);
  if (!inode) return inode.Negative();
  // Pipes, sockets and the like have attributes, but nobody to tell them to.
  if (!*inode) return 0;
  if ((*inode)->synthetic()) return Negative(Errno::kPerm);
  return change(**inode);
}

template <class Change>
int64_t WithFile(int fd, Change change) {
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  InodeFile* inode_file = AsInodeFile(**file);
  if (inode_file == nullptr) return 0;
  if (inode_file->inode().synthetic()) return Negative(Errno::kPerm);
  return change(inode_file->inode());
}

struct NewTimes {
  // Nanoseconds since the epoch, kOmit, or kNow.
  static constexpr int64_t kNow = INT64_MAX, kOmit = INT64_MAX - 1;
  int64_t accessed = kNow;
  int64_t modified = kNow;
};

int64_t SetTimes(Inode& inode, const NewTimes& times) {
  if (times.accessed == NewTimes::kOmit && times.modified == NewTimes::kOmit) return 0;
  const uint64_t now = clock->Realtime();
  const auto choose = [&](int64_t wanted, uint64_t old) {
    if (wanted == NewTimes::kNow) return now;
    if (wanted == NewTimes::kOmit) return old;
    // Before the epoch: the epoch.
    return wanted < 0 ? 0 : static_cast<uint64_t>(wanted);
  };
  inode.SetTimes(choose(times.accessed, inode.accessed_ns()), choose(times.modified, inode.modified_ns()));
  return 0;
}

int64_t Nanoseconds(int64_t seconds, int64_t nanoseconds) {
  int64_t total;
  if (__builtin_mul_overflow(seconds, kNanosecondsPerSecond, &total) ||
      __builtin_add_overflow(total, nanoseconds, &total) || total >= NewTimes::kOmit) {
    return seconds < 0 ? 0 : NewTimes::kOmit - 1;
  }
  return total;
}

Result<int64_t> ReadTime(const TimeSpec& spec) {
  constexpr int64_t kUtimeNow = 0x3fffffff, kUtimeOmit = 0x3ffffffe;
  if (spec.nanoseconds == kUtimeNow) return NewTimes::kNow;
  if (spec.nanoseconds == kUtimeOmit) return NewTimes::kOmit;
  if (spec.nanoseconds < 0 || spec.nanoseconds >= kNanosecondsPerSecond) return Errno::kInval;
  return Nanoseconds(spec.seconds, spec.nanoseconds);
}

int64_t Truncate(Inode& inode, int64_t size) {
  if (inode.AsDirectory() != nullptr) return Negative(Errno::kIsDir);
  // As Linux, and unlike ftruncate: without a change no time changes.
  if (inode.AsMemoryFile() != nullptr && inode.size() == static_cast<uint64_t>(size)) return 0;
  return ToSyscall(inode.Truncate(static_cast<uint64_t>(size)));
}

}  // namespace

int64_t SysUmask(uint32_t mask) {
  const uint32_t old = file_system().umask();
  file_system().set_umask(mask);
  return old;
}

// ---- Mode and owner

int64_t SysFchmodat2(int directory, uint64_t path, uint32_t mode, uint32_t flags) {
  if ((flags & ~(kAtSymlinkNoFollow | kAtEmptyPath)) != 0) return Negative(Errno::kInval);
  return WithInode(directory, path, flags, [&](Inode& inode) {
    if (inode.AsSymlink() != nullptr) return Negative(Errno::kOpNotSupp);
    inode.SetMode(mode);
    return int64_t{0};
  });
}
int64_t SysFchmodat(int directory, uint64_t path, uint32_t mode) { return SysFchmodat2(directory, path, mode, 0); }
int64_t SysChmod(uint64_t path, uint32_t mode) { return SysFchmodat2(kAtFdCwd, path, mode, 0); }

int64_t SysFchmod(int fd, uint32_t mode) {
  return WithFile(fd, [&](Inode& inode) {
    inode.SetMode(mode);
    return int64_t{0};
  });
}

int64_t SysFchownat(int directory, uint64_t path, uint32_t user, uint32_t group, uint32_t flags) {
  if ((flags & ~(kAtSymlinkNoFollow | kAtEmptyPath)) != 0) return Negative(Errno::kInval);
  return WithInode(directory, path, flags, [&](Inode& inode) {
    inode.SetOwner(user, group);
    return int64_t{0};
  });
}
int64_t SysChown(uint64_t path, uint32_t user, uint32_t group) { return SysFchownat(kAtFdCwd, path, user, group, 0); }
int64_t SysLchown(uint64_t path, uint32_t user, uint32_t group) {
  return SysFchownat(kAtFdCwd, path, user, group, kAtSymlinkNoFollow);
}

int64_t SysFchown(int fd, uint32_t user, uint32_t group) {
  return WithFile(fd, [&](Inode& inode) {
    inode.SetOwner(user, group);
    return int64_t{0};
  });
}

// ---- Times

int64_t SysUtimensat(int directory, uint64_t path, uint64_t times, uint32_t flags) {
  if ((flags & ~(kAtSymlinkNoFollow | kAtEmptyPath)) != 0) return Negative(Errno::kInval);
  NewTimes wanted;
  if (times != 0) {
    const auto in = UserReadable(times, 2 * sizeof(TimeSpec));
    if (!in) return in.Negative();
    TimeSpec specs[2];
    __builtin_memcpy(specs, in->data(), sizeof(specs));
    const auto accessed = ReadTime(specs[0]);
    const auto modified = ReadTime(specs[1]);
    if (!accessed || !modified) return Negative(Errno::kInval);
    wanted = {*accessed, *modified};
  }
  // Without a path it is futimens: the descriptor itself.
  if (path == 0 && directory != kAtFdCwd)
    return WithFile(directory, [&](Inode& inode) { return SetTimes(inode, wanted); });
  return WithInode(directory, path, flags, [&](Inode& inode) { return SetTimes(inode, wanted); });
}

int64_t SysFutimesat(int directory, uint64_t path, uint64_t times) {
  NewTimes wanted;
  if (times != 0) {
    const auto in = UserReadable(times, 2 * sizeof(TimeVal));
    if (!in) return in.Negative();
    TimeVal values[2];
    __builtin_memcpy(values, in->data(), sizeof(values));
    for (const TimeVal& value : values) {
      if (value.microseconds < 0 || value.microseconds >= 1'000'000) return Negative(Errno::kInval);
    }
    wanted = {Nanoseconds(values[0].seconds, values[0].microseconds * 1000),
              Nanoseconds(values[1].seconds, values[1].microseconds * 1000)};
  }
  return WithInode(directory, path, 0, [&](Inode& inode) { return SetTimes(inode, wanted); });
}
int64_t SysUtimes(uint64_t path, uint64_t times) { return SysFutimesat(kAtFdCwd, path, times); }

int64_t SysUtime(uint64_t path, uint64_t times) {
  NewTimes wanted;
  if (times != 0) {
    const auto in = UserReadable(times, 2 * sizeof(int64_t));
    if (!in) return in.Negative();
    int64_t seconds[2];
    __builtin_memcpy(seconds, in->data(), sizeof(seconds));
    wanted = {Nanoseconds(seconds[0], 0), Nanoseconds(seconds[1], 0)};
  }
  return WithInode(kAtFdCwd, path, 0, [&](Inode& inode) { return SetTimes(inode, wanted); });
}

// ---- Size and storage

int64_t SysTruncate(uint64_t path, int64_t size) {
  if (size < 0) return Negative(Errno::kInval);
  const auto argument = ReadPath(kAtFdCwd, path);
  if (!argument) return argument.Negative();
  const auto inode = ResolvePath(*argument, true);
  if (!inode) return inode.Negative();
  return Truncate(**inode, size);
}

int64_t SysFtruncate(int fd, int64_t size) {
  if (size < 0) return Negative(Errno::kInval);
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  if (!(*file)->writable()) return Negative(Errno::kInval);
  return ToSyscall((*file)->Truncate(static_cast<uint64_t>(size)));
}

int64_t SysFallocate(int fd, int mode, int64_t offset, int64_t size) {
  constexpr int kKeepSize = 1, kPunchHole = 2, kZeroRange = 16;
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  if (offset < 0 || size <= 0) return Negative(Errno::kInval);
  if ((mode & ~(kKeepSize | kPunchHole | kZeroRange)) != 0) return Negative(Errno::kOpNotSupp);
  if ((mode & kPunchHole) != 0 && (mode & kKeepSize) == 0) return Negative(Errno::kOpNotSupp);
  if ((mode & kPunchHole) != 0 && (mode & kZeroRange) != 0) return Negative(Errno::kOpNotSupp);
  if (!(*file)->writable()) return Negative(Errno::kBadF);
  InodeFile* inode_file = AsInodeFile(**file);
  LinuxStat stat;
  if (inode_file == nullptr)
    return Negative((*file)->Stat(stat) && (stat.mode & kSIfMt) == kSIfIfo ? Errno::kSPipe : Errno::kNoDev);
  MemoryFile* content = inode_file->inode().AsMemoryFile();
  if (content == nullptr) return Negative(Errno::kNoDev);
  const auto from = static_cast<uint64_t>(offset);
  const auto length = static_cast<uint64_t>(size);
  if (from + length > INT64_MAX) return Negative(Errno::kFBig);
  if ((mode & kPunchHole) != 0) return ToSyscall(content->PunchHole(from, length));
  const bool keep_size = (mode & kKeepSize) != 0;
  return ToSyscall((mode & kZeroRange) != 0 ? content->ZeroRange(from, length, keep_size)
                                            : content->Reserve(from, length, keep_size));
}

// Everything is in memory, and memory is all there is.

int64_t SysFsync(int fd) {
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  LinuxStat stat;
  if (AsInodeFile(**file) == nullptr && (*file)->Stat(stat)) return Negative(Errno::kInval);
  return ToSyscall((*file)->Sync());
}
int64_t SysFdatasync(int fd) { return SysFsync(fd); }
int64_t SysSync() { return 0; }

int64_t SysSyncfs(int fd) {
  const auto file = ContentFile(fd);
  return file ? 0 : file.Negative();
}

int64_t SysSyncFileRange(int fd, int64_t offset, int64_t size, uint32_t flags) {
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  return offset < 0 || size < 0 || (flags & ~7u) != 0 ? Negative(Errno::kInval)
         : AsInodeFile(**file) == nullptr             ? Negative(Errno::kSPipe)
                                                      : 0;
}

int64_t SysFadvise64(int fd, int64_t, int64_t size, int advice) {
  constexpr int kMaxAdvice = 5;
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  if (AsInodeFile(**file) == nullptr) return Negative(Errno::kSPipe);
  return size < 0 || advice < 0 || advice > kMaxAdvice ? Negative(Errno::kInval) : 0;
}

int64_t SysReadahead(int fd, int64_t, uint64_t) {
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  if (!(*file)->readable()) return Negative(Errno::kBadF);
  InodeFile* inode_file = AsInodeFile(**file);
  return inode_file != nullptr && inode_file->inode().AsMemoryFile() != nullptr ? 0 : Negative(Errno::kInval);
}

}  // namespace ebb::linux_abi
