// fcntl, ioctl, flock.
#include "linux/fs/arguments.h"
#include "linux/fs/pipe.h"
#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {
namespace {

enum Command : int {
  kDupFd = 0,
  kGetFd = 1,
  kSetFd = 2,
  kGetFl = 3,
  kSetFl = 4,
  kGetLk = 5,
  kSetLk = 6,
  kSetLkW = 7,
  kSetOwn = 8,
  kGetOwn = 9,
  kOfdGetLk = 36,
  kOfdSetLk = 37,
  kOfdSetLkW = 38,
  kDupFdCloexec = 1030,
  kSetPipeSize = 1031,
  kGetPipeSize = 1032,
  kAddSeals = 1033,
  kGetSeals = 1034,
};

constexpr uint64_t kFdCloexec = 1;
// What F_SETFL can change.
constexpr uint32_t kSettable = kOAppend | kONonblock | kODirect | kONoAtime | 0x2000;  // O_ASYNC

// struct flock of x86-64.
struct Lock {
  int16_t type;
  int16_t whence;
  int32_t pad0;
  int64_t start;
  int64_t size;
  int32_t pid;
  int32_t pad1;
};
static_assert(sizeof(Lock) == 32);

// There is one process, so no lock is ever held by another.
int64_t LockCommand(File& file, int command, uint64_t argument) {
  constexpr int16_t kReadLock = 0, kWriteLock = 1, kUnlock = 2;
  const bool get = command == kGetLk || command == kOfdGetLk;
  const auto lock = UserOut<Lock>(argument);
  if (!lock) return lock.Negative();
  const int16_t type = (*lock)->type;
  if (type != kReadLock && type != kWriteLock && (get || type != kUnlock)) return Negative(Errno::kInval);
  if ((*lock)->whence < 0 || (*lock)->whence > 2) return Negative(Errno::kInval);
  if (get) {
    (*lock)->type = kUnlock;
    return 0;
  }
  if ((type == kReadLock && !file.readable()) || (type == kWriteLock && !file.writable()))
    return Negative(Errno::kBadF);
  return 0;
}

int64_t PipeCommand(File& file, int command, uint64_t argument) {
  if (file.kind() != FileKind::kPipe) return Negative(Errno::kBadF);
  PipeBuffer& buffer = static_cast<PipeEnd&>(file).buffer();
  if (command == kSetPipeSize) {
    if (argument > kPipeMaxCapacity) return Negative(argument > INT32_MAX ? Errno::kInval : Errno::kPerm);
    size_t capacity = EBB_PAGE_SIZE;
    while (capacity < argument) capacity *= 2;
    if (const auto set = buffer.SetCapacity(capacity); !set) return set.Negative();
  }
  return static_cast<int64_t>(buffer.capacity());
}

int64_t SealCommand(File& file, int command, uint64_t argument) {
  InodeFile* inode_file = AsInodeFile(file);
  MemoryFile* content = inode_file != nullptr ? inode_file->inode().AsMemoryFile() : nullptr;
  if (content == nullptr) return Negative(Errno::kInval);
  if (command == kGetSeals) return content->seals();
  if (!file.writable() || (content->seals() & kSealSeal) != 0) return Negative(Errno::kPerm);
  if ((argument & ~uint64_t{kAllSeals}) != 0) return Negative(Errno::kInval);
  content->set_seals(content->seals() | static_cast<uint32_t>(argument));
  return 0;
}

int64_t Duplicate(Ref<File> file, uint64_t minimum, bool close_on_exec) {
  if (minimum > INT32_MAX) return Negative(Errno::kInval);
  return ToSyscall(fds().Add(std::move(file), close_on_exec, static_cast<int>(minimum)));
}

}  // namespace

int64_t SysFcntl(int fd, int command, uint64_t argument) {
  auto got = fds().Get(fd);
  if (!got) return got.Negative();
  File& file = **got;
  switch (command) {
    case kDupFd:
    case kDupFdCloexec:
      // The kernel takes the low half: an int.
      return Duplicate(*got, argument & UINT32_MAX, command == kDupFdCloexec);
    case kGetFd: {
      const auto value = fds().CloseOnExec(fd);
      return !value ? value.Negative() : *value ? static_cast<int64_t>(kFdCloexec) : 0;
    }
    case kSetFd:
      return ToSyscall(fds().SetCloseOnExec(fd, (argument & kFdCloexec) != 0));
    case kGetFl:
      return file.flags();
    default:
      break;
  }
  if ((file.flags() & kOPath) != 0) return Negative(Errno::kBadF);
  switch (command) {
    case kSetFl:
      file.set_flags((file.flags() & ~kSettable) | (static_cast<uint32_t>(argument) & kSettable));
      return 0;
    case kGetLk:
    case kSetLk:
    case kSetLkW:
    case kOfdGetLk:
    case kOfdSetLk:
    case kOfdSetLkW:
      return LockCommand(file, command, argument);
    case kSetOwn:
    case kGetOwn:
      return 0;
    case kSetPipeSize:
    case kGetPipeSize:
      return PipeCommand(file, command, argument & UINT32_MAX);
    case kAddSeals:
    case kGetSeals:
      return SealCommand(file, command, argument & UINT32_MAX);
    default:
      return Negative(Errno::kInval);
  }
}

int64_t SysIoctl(int fd, uint32_t request, uint64_t argument) {
  constexpr uint32_t kFioNbio = 0x5421, kFioNclex = 0x5450, kFioClex = 0x5451, kFioAsync = 0x5452;
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  switch (request) {
    case kFioClex:
    case kFioNclex:
      return ToSyscall(fds().SetCloseOnExec(fd, request == kFioClex));
    case kFioNbio: {
      const auto on = UserIn<int32_t>(argument);
      if (!on) return on.Negative();
      const uint32_t flags = (*file)->flags() & ~kONonblock;
      (*file)->set_flags(**on != 0 ? flags | kONonblock : flags);
      return 0;
    }
    case kFioAsync:
      return 0;
    default:
      return ToSyscall((*file)->Ioctl(request, argument));
  }
}

int64_t SysFlock(int fd, int operation) {
  constexpr int kShared = 1, kExclusive = 2, kNonblocking = 4, kUnlock = 8;
  const auto file = ContentFile(fd);
  if (!file) return file.Negative();
  const int kind = operation & ~kNonblocking;
  return kind == kShared || kind == kExclusive || kind == kUnlock ? 0 : Negative(Errno::kInval);
}

}  // namespace ebb::linux_abi
