// Opening, closing and duplicating descriptors.
#include "linux/fs/arguments.h"
#include "linux/fs/open.h"
#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {

Result<Ref<File>> OpenPath(std::string_view path, uint32_t flags, uint32_t mode) {
  return file_system().Open(file_system().current(), path, flags, mode);
}

int64_t SysOpenat(int directory, uint64_t path, uint32_t flags, uint32_t mode) {
  if (const auto checked = FileSystem::CheckOpenFlags(flags); !checked) return checked.Negative();
  const auto argument = ReadPath(directory, path);
  if (!argument) return argument.Negative();
  auto file = file_system().Open(*argument->start, argument->path, flags, mode & kModeBits);
  if (!file) return file.Negative();
  return AddDescriptor(*file, (flags & kOCloexec) != 0);
}

int64_t SysOpen(uint64_t path, uint32_t flags, uint32_t mode) { return SysOpenat(kAtFdCwd, path, flags, mode); }
int64_t SysCreat(uint64_t path, uint32_t mode) { return SysOpenat(kAtFdCwd, path, kOCreat | kOWrOnly | kOTrunc, mode); }

int64_t SysClose(int fd) { return ToSyscall(fds().Close(fd)); }

int64_t SysCloseRange(uint32_t first, uint32_t last, uint32_t flags) {
  constexpr uint32_t kUnshare = 2, kCloseOnExec = 4;
  if (first > last || (flags & ~(kUnshare | kCloseOnExec)) != 0) return Negative(Errno::kInval);
  std::vector<int> inside;
  fds().ForEach([&](int fd, const Ref<File>&) {
    if (static_cast<uint32_t>(fd) >= first && static_cast<uint32_t>(fd) <= last) inside.push_back(fd);
  });
  for (const int fd : inside) {
    // The end of one may have closed another.
    (void)((flags & kCloseOnExec) != 0 ? fds().SetCloseOnExec(fd, true) : fds().Close(fd));
  }
  return 0;
}

int64_t SysDup(int fd) {
  const auto file = fds().Get(fd);
  if (!file) return file.Negative();
  return AddDescriptor(*file, false);
}

int64_t SysDup2(int from, int to) {
  const auto file = fds().Get(from);
  if (!file) return file.Negative();
  if (from == to) return to;
  const auto replaced = fds().Replace(to, *file, false);
  return replaced ? to : replaced.Negative();
}

int64_t SysDup3(int from, int to, uint32_t flags) {
  if ((flags & ~kOCloexec) != 0 || from == to) return Negative(Errno::kInval);
  const auto file = fds().Get(from);
  if (!file) return file.Negative();
  const auto replaced = fds().Replace(to, *file, (flags & kOCloexec) != 0);
  return replaced ? to : replaced.Negative();
}

int64_t SysMemfdCreate(uint64_t name, uint32_t flags) {
  constexpr uint32_t kCloseOnExec = 1, kAllowSealing = 2, kNoExecSeal = 8, kExec = 16;
  constexpr size_t kMaxName = 249;
  if ((flags & ~(kCloseOnExec | kAllowSealing | kNoExecSeal | kExec)) != 0) return Negative(Errno::kInval);
  const auto text = UserString(name, kMaxName + 1);
  if (!text) return text.error() == Errno::kNameTooLong ? Negative(Errno::kInval) : text.Negative();
  const auto inode = MakeRef<MemoryFile>(0777u);
  if (const auto charged = inode->Charge(); !charged) return charged.Negative();
  if ((flags & (kAllowSealing | kNoExecSeal)) != 0) inode->set_seals(0);
  auto file = inode->Open(kORdWr | kOLargeFile);
  if (!file) return file.Negative();
  return AddDescriptor(*file, (flags & kCloseOnExec) != 0);
}

}  // namespace ebb::linux_abi
