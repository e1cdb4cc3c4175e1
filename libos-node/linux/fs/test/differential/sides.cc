#include "linux/fs/test/differential/sides.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {

int64_t HostCall(long number, const Arguments& a) {
  const long result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  return result < 0 ? -errno : result;
}

int64_t OurCall(long number, const Arguments& a) {
  const auto i = [&](size_t index) { return static_cast<int>(a[index]); };
  const auto u = [&](size_t index) { return static_cast<uint32_t>(a[index]); };
  const auto s = [&](size_t index) { return static_cast<int64_t>(a[index]); };
  switch (number) {
    case SYS_openat:
      return SysOpenat(i(0), a[1], u(2), u(3));
    case SYS_close:
      return SysClose(i(0));
    case SYS_read:
      return SysRead(i(0), a[1], a[2]);
    case SYS_write:
      return SysWrite(i(0), a[1], a[2]);
    case SYS_pread64:
      return SysPread64(i(0), a[1], a[2], s(3));
    case SYS_pwrite64:
      return SysPwrite64(i(0), a[1], a[2], s(3));
    case SYS_lseek:
      return SysLseek(i(0), s(1), i(2));
    case SYS_ftruncate:
      return SysFtruncate(i(0), s(1));
    case SYS_truncate:
      return SysTruncate(a[0], s(1));
    case SYS_fallocate:
      return SysFallocate(i(0), i(1), s(2), s(3));
    case SYS_mkdirat:
      return SysMkdirat(i(0), a[1], u(2));
    case SYS_unlinkat:
      return SysUnlinkat(i(0), a[1], u(2));
    case SYS_renameat2:
      return SysRenameat2(i(0), a[1], i(2), a[3], u(4));
    case SYS_linkat:
      return SysLinkat(i(0), a[1], i(2), a[3], u(4));
    case SYS_symlinkat:
      return SysSymlinkat(a[0], i(1), a[2]);
    case SYS_readlinkat:
      return SysReadlinkat(i(0), a[1], a[2], i(3));
    case SYS_newfstatat:
      return SysNewfstatat(i(0), a[1], a[2], u(3));
    case SYS_faccessat2:
      return SysFaccessat2(i(0), a[1], i(2), u(3));
    case SYS_fchmodat:
      return SysFchmodat(i(0), a[1], u(2));
    case SYS_utimensat:
      return SysUtimensat(i(0), a[1], a[2], u(3));
    case SYS_getdents64:
      return SysGetdents64(i(0), a[1], u(2));
    case SYS_chdir:
      return SysChdir(a[0]);
    case SYS_fchdir:
      return SysFchdir(i(0));
    case SYS_getcwd:
      return SysGetcwd(a[0], a[1]);
    case SYS_dup:
      return SysDup(i(0));
    case SYS_fcntl:
      return SysFcntl(i(0), i(1), a[2]);
    case SYS_mknodat:
      return SysMknodat(i(0), a[1], u(2), u(3));
    case SYS_copy_file_range:
      return SysCopyFileRange(i(0), a[1], i(2), a[3], a[4], u(5));
    case SYS_sendfile:
      return SysSendfile(i(0), i(1), a[2], a[3]);
    default:
      std::abort();
  }
}

}  // namespace ebb::linux_abi
