// The system calls about files, descriptors, readiness and the tree of names. Each returns its result or -errno. What
// is not here (openat2, splice, tee, vmsplice, inotify, signalfd ...) is answered ENOSYS by the table.
#pragma once

#include <cstdint>

namespace ebb::linux_abi {

// sys_io.cc: moving bytes
int64_t SysRead(int fd, uint64_t buffer, uint64_t size);
int64_t SysWrite(int fd, uint64_t buffer, uint64_t size);
int64_t SysReadv(int fd, uint64_t vector, uint64_t count);
int64_t SysWritev(int fd, uint64_t vector, uint64_t count);
int64_t SysPread64(int fd, uint64_t buffer, uint64_t size, int64_t offset);
int64_t SysPwrite64(int fd, uint64_t buffer, uint64_t size, int64_t offset);
// The kernel ABI passes the offset twice, as two halves; on x86-64 the first holds all of it.
int64_t SysPreadv(int fd, uint64_t vector, uint64_t count, int64_t offset, uint64_t offset_high);
int64_t SysPwritev(int fd, uint64_t vector, uint64_t count, int64_t offset, uint64_t offset_high);
int64_t SysPreadv2(int fd, uint64_t vector, uint64_t count, int64_t offset, uint64_t offset_high, uint32_t flags);
int64_t SysPwritev2(int fd, uint64_t vector, uint64_t count, int64_t offset, uint64_t offset_high, uint32_t flags);
int64_t SysLseek(int fd, int64_t offset, int whence);

// sys_copy.cc: from file to file
int64_t SysSendfile(int out_fd, int in_fd, uint64_t offset, uint64_t count);
int64_t SysCopyFileRange(int in_fd, uint64_t in_offset, int out_fd, uint64_t out_offset, uint64_t size, uint32_t flags);

// sys_open.cc: descriptors
int64_t SysOpen(uint64_t path, uint32_t flags, uint32_t mode);
int64_t SysOpenat(int directory, uint64_t path, uint32_t flags, uint32_t mode);
int64_t SysCreat(uint64_t path, uint32_t mode);
int64_t SysClose(int fd);
int64_t SysCloseRange(uint32_t first, uint32_t last, uint32_t flags);
int64_t SysDup(int fd);
int64_t SysDup2(int from, int to);
int64_t SysDup3(int from, int to, uint32_t flags);
int64_t SysMemfdCreate(uint64_t name, uint32_t flags);

// sys_fcntl.cc
int64_t SysFcntl(int fd, int command, uint64_t argument);
int64_t SysIoctl(int fd, uint32_t request, uint64_t argument);
int64_t SysFlock(int fd, int operation);

// sys_stat.cc: looking at files
int64_t SysStat(uint64_t path, uint64_t out);
int64_t SysLstat(uint64_t path, uint64_t out);
int64_t SysFstat(int fd, uint64_t out);
int64_t SysNewfstatat(int directory, uint64_t path, uint64_t out, uint32_t flags);
int64_t SysStatx(int directory, uint64_t path, uint32_t flags, uint32_t mask, uint64_t out);
int64_t SysAccess(uint64_t path, int mode);
int64_t SysFaccessat(int directory, uint64_t path, int mode);
int64_t SysFaccessat2(int directory, uint64_t path, int mode, uint32_t flags);
int64_t SysReadlink(uint64_t path, uint64_t buffer, int size);
int64_t SysReadlinkat(int directory, uint64_t path, uint64_t buffer, int size);
int64_t SysStatfs(uint64_t path, uint64_t out);
int64_t SysFstatfs(int fd, uint64_t out);
// All of get, set, list, remove: EOPNOTSUPP, or why the file cannot be reached.
int64_t SysXattrOfPath(uint64_t path);
int64_t SysXattrOfLink(uint64_t path);
int64_t SysXattrOfFd(int fd);

// sys_names.cc: directories and the names in them
int64_t SysGetdents(int fd, uint64_t buffer, uint32_t size);
int64_t SysGetdents64(int fd, uint64_t buffer, uint32_t size);
int64_t SysGetcwd(uint64_t buffer, uint64_t size);
int64_t SysChdir(uint64_t path);
int64_t SysFchdir(int fd);
int64_t SysMkdir(uint64_t path, uint32_t mode);
int64_t SysMkdirat(int directory, uint64_t path, uint32_t mode);
int64_t SysMknod(uint64_t path, uint32_t mode, uint32_t device);
int64_t SysMknodat(int directory, uint64_t path, uint32_t mode, uint32_t device);
int64_t SysRmdir(uint64_t path);
int64_t SysUnlink(uint64_t path);
int64_t SysUnlinkat(int directory, uint64_t path, uint32_t flags);
int64_t SysRename(uint64_t from, uint64_t to);
int64_t SysRenameat(int from_directory, uint64_t from, int to_directory, uint64_t to);
int64_t SysRenameat2(int from_directory, uint64_t from, int to_directory, uint64_t to, uint32_t flags);
int64_t SysLink(uint64_t from, uint64_t to);
int64_t SysLinkat(int from_directory, uint64_t from, int to_directory, uint64_t to, uint32_t flags);
int64_t SysSymlink(uint64_t target, uint64_t path);
int64_t SysSymlinkat(uint64_t target, int directory, uint64_t path);

// sys_attributes.cc: changing what a file is
int64_t SysUmask(uint32_t mask);
int64_t SysChmod(uint64_t path, uint32_t mode);
int64_t SysFchmod(int fd, uint32_t mode);
int64_t SysFchmodat(int directory, uint64_t path, uint32_t mode);
int64_t SysFchmodat2(int directory, uint64_t path, uint32_t mode, uint32_t flags);
int64_t SysChown(uint64_t path, uint32_t user, uint32_t group);
int64_t SysLchown(uint64_t path, uint32_t user, uint32_t group);
int64_t SysFchown(int fd, uint32_t user, uint32_t group);
int64_t SysFchownat(int directory, uint64_t path, uint32_t user, uint32_t group, uint32_t flags);
int64_t SysUtimensat(int directory, uint64_t path, uint64_t times, uint32_t flags);
int64_t SysUtime(uint64_t path, uint64_t times);
int64_t SysUtimes(uint64_t path, uint64_t times);
int64_t SysFutimesat(int directory, uint64_t path, uint64_t times);
int64_t SysTruncate(uint64_t path, int64_t size);
int64_t SysFtruncate(int fd, int64_t size);
int64_t SysFallocate(int fd, int mode, int64_t offset, int64_t size);
int64_t SysFsync(int fd);
int64_t SysFdatasync(int fd);
int64_t SysSync();
int64_t SysSyncfs(int fd);
int64_t SysSyncFileRange(int fd, int64_t offset, int64_t size, uint32_t flags);
int64_t SysFadvise64(int fd, int64_t offset, int64_t size, int advice);
int64_t SysReadahead(int fd, int64_t offset, uint64_t size);

// pipe.cc, event_fd.cc, timer_fd.cc
int64_t SysPipe(uint64_t fds_out);
int64_t SysPipe2(uint64_t fds_out, uint32_t flags);
int64_t SysEventfd(uint32_t count);
int64_t SysEventfd2(uint32_t count, uint32_t flags);
int64_t SysTimerfdCreate(int clock_id, uint32_t flags);
int64_t SysTimerfdSettime(int fd, uint32_t flags, uint64_t value, uint64_t old_value);
int64_t SysTimerfdGettime(int fd, uint64_t out);

// epoll.cc
int64_t SysEpollCreate(int size);
int64_t SysEpollCreate1(uint32_t flags);
int64_t SysEpollCtl(int epoll_fd, int operation, int fd, uint64_t event);
int64_t SysEpollWait(int epoll_fd, uint64_t events, int count, int timeout_ms);
int64_t SysEpollPwait(int epoll_fd, uint64_t events, int count, int timeout_ms, uint64_t mask, uint64_t mask_size);
int64_t SysEpollPwait2(int epoll_fd, uint64_t events, int count, uint64_t timeout, uint64_t mask, uint64_t mask_size);

// epoll.cc: the ports of event loops, which are epoll sets (abi/ebb_calls.h)
int64_t PortOpen();
int64_t PortWatch(int port, int fd, uint32_t events);
int64_t PortUnwatch(int port, int fd);
int64_t PortWait(int port, uint64_t events, int count, int timeout_ms, uint64_t mask);
int64_t PortWake(int port);

// poll.cc
int64_t SysPoll(uint64_t entries, uint32_t count, int timeout_ms);
int64_t SysPpoll(uint64_t entries, uint32_t count, uint64_t timeout, uint64_t mask, uint64_t mask_size);
int64_t SysSelect(int count, uint64_t read_set, uint64_t write_set, uint64_t except_set, uint64_t timeout);
int64_t SysPselect6(int count, uint64_t read_set, uint64_t write_set, uint64_t except_set, uint64_t timeout,
                    uint64_t mask);

}  // namespace ebb::linux_abi
