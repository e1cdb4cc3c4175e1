// Which operations are tried, and with what.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "linux/fs/syscalls.h"
#include "linux/fs/test/differential/comparison.h"

namespace ebb::linux_abi {
namespace {

using test::kCwd;
using test::P;

// Linux may copy less than asked, at borders of its own: goes on until all is copied or nothing more comes.
template <class Call>
int64_t Total(uint64_t size, Call call) {
  int64_t total = 0;
  for (;;) {
    const int64_t copied = call(size - static_cast<uint64_t>(total));
    if (copied < 0) return total != 0 ? total : copied;
    total += copied;
    if (copied == 0 || static_cast<uint64_t>(total) >= size) return total;
  }
}

}  // namespace

void Comparison::Step() {
  const auto fd = static_cast<uint64_t>(random_.Slot());
  const auto start = static_cast<uint64_t>(random_.Start());
  const std::string on = std::to_string(static_cast<int>(fd));
  const std::string path = random_.Path(), other = random_.Path();
  const std::string at = std::to_string(static_cast<int>(start)) + " '" + path + "'";
  const uint64_t size = random_.Size(), offset = random_.Offset();
  const std::string range = " " + std::to_string(size) + " at " + std::to_string(offset);
  switch (random_.Below(34)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return OpenSlot();
    case 5:
      BothReading(SYS_read, "read " + on + range, {fd, 0, size}, {0}, 1);
      return;
    case 6:
    case 7: {
      const std::string bytes = random_.Bytes(size);
      Both(SYS_write, "write " + on + range, {fd, P(bytes.data()), size}, {0});
      return;
    }
    case 8:
      BothReading(SYS_pread64, "pread " + on + range, {fd, 0, size, offset}, {0}, 1);
      return;
    case 9: {
      const std::string bytes = random_.Bytes(size);
      Both(SYS_pwrite64, "pwrite " + on + range, {fd, P(bytes.data()), size, offset}, {0});
      return;
    }
    case 10: {
      const uint64_t whence = random_.Below(holes_ ? 5 : 3);
      const uint64_t to =
          random_.Chance(20) ? static_cast<uint64_t>(-static_cast<int64_t>(random_.Below(100))) : offset;
      if (IsDirectory(static_cast<int>(fd))) return;  // positions of entries are each file system's own
      Both(SYS_lseek, "lseek " + on + range + " whence " + std::to_string(whence), {fd, to, whence}, {0});
      return;
    }
    case 11:
      Both(SYS_ftruncate, "ftruncate " + on + range, {fd, random_.Chance(3) ? UINT64_MAX : offset}, {0});
      return;
    case 12:
      Both(SYS_truncate, "truncate " + at + range, {P(path.c_str()), offset}, {});
      return;
    case 13: {
      if (holes_) return;  // what is reserved counts as data or not
      const uint64_t mode = random_.Pick<uint64_t>(
          {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE});
      Both(SYS_fallocate, "fallocate " + on + " mode " + std::to_string(mode) + range, {fd, mode, offset, size}, {0});
      return;
    }
    case 14:
    case 15:
    case 16:
      Both(SYS_mkdirat, "mkdir " + at, {start, P(path.c_str()), random_.Mode() | (random_.Chance(5) ? 07000u : 0)},
           {0});
      return;
    case 17:
    case 18:
      Both(SYS_unlinkat, "unlink " + at, {start, P(path.c_str()), 0}, {0});
      return;
    case 19:
      Both(SYS_unlinkat, "rmdir " + at, {start, P(path.c_str()), AT_REMOVEDIR}, {0});
      return;
    case 20:
    case 21:
    case 22: {
      const uint64_t flags = random_.Chance(70) ? 0 : random_.Pick<uint64_t>({1, 2, 2, 3});
      const auto to = static_cast<uint64_t>(random_.Start());
      Both(SYS_renameat2,
           "rename " + at + " to " + std::to_string(static_cast<int>(to)) + " '" + other + "' flags " +
               std::to_string(flags),
           {start, P(path.c_str()), to, P(other.c_str()), flags}, {0, 2});
      return;
    }
    case 23: {
      const auto to = static_cast<uint64_t>(random_.Start());
      const uint64_t flags = random_.Chance(40) ? AT_SYMLINK_FOLLOW : 0;
      Both(SYS_linkat,
           "link " + at + " to " + std::to_string(static_cast<int>(to)) + " '" + other + "' flags " +
               std::to_string(flags),
           {start, P(path.c_str()), to, P(other.c_str()), flags}, {0, 2});
      return;
    }
    case 24:
    case 25:
      Both(SYS_symlinkat, "symlink '" + other + "' " + at, {P(other.c_str()), start, P(path.c_str())}, {1});
      return;
    case 26:
      BothReading(SYS_readlinkat, "readlink " + at, {start, P(path.c_str()), 0, 1 + random_.Below(20)}, {0}, 2);
      return;
    case 27:
      CompareStat(static_cast<int>(start), path, random_.Pick<uint32_t>({0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH}));
      CompareStat(static_cast<int>(fd), "", AT_EMPTY_PATH);
      return;
    case 28:
      Both(SYS_faccessat2, "access " + at,
           {start, P(path.c_str()), random_.Below(8), random_.Chance(30) ? uint64_t{AT_SYMLINK_NOFOLLOW} : 0}, {0});
      Both(SYS_fchmodat, "chmod " + at, {start, P(path.c_str()), random_.Mode()}, {0});
      return;
    case 29: {
      const TimeSpec times[2] = {{random_.Below(1000), 5}, {random_.Below(kSetTimesBelow), 999'999'999}};
      Both(SYS_utimensat, "utimens " + at,
           {start, P(path.c_str()), P(times), random_.Chance(30) ? uint64_t{AT_SYMLINK_NOFOLLOW} : 0}, {0});
      return;
    }
    case 30:
      CompareListing(static_cast<int>(fd));
      if (IsDirectory(static_cast<int>(fd))) Both(SYS_lseek, "lseek " + on, {fd, 0, SEEK_SET}, {0});
      return;
    case 31: {
      if (random_.Chance(50)) {
        Both(SYS_chdir, "chdir " + at, {P(path.c_str())}, {});
      } else {
        Both(SYS_fchdir, "fchdir " + on, {fd}, {0});
      }
      BothReading(SYS_getcwd, "getcwd", {0, random_.Pick<uint64_t>({4096, 4096, 3})}, {}, 0);
      return;
    }
    case 32: {
      Both(SYS_mknodat, "mknod " + at, {start, P(path.c_str()), S_IFREG | random_.Mode(), 0}, {0});
      const auto to = static_cast<uint64_t>(random_.Slot());
      if (SameFile(static_cast<int>(fd), static_cast<int>(to))) return;
      const std::string what = "sendfile " + on + " to " + std::to_string(to) + range;
      int64_t results[2] = {};
      for (size_t side = 0; side < 2; ++side) {
        const Side& own = side == 0 ? host_ : ours_;
        const auto from_fd = static_cast<uint64_t>(own.Fd(static_cast<int>(fd))),
                   to_fd = static_cast<uint64_t>(own.Fd(static_cast<int>(to)));
        results[side] = Total(size, [&](uint64_t rest) { return own.Call(SYS_sendfile, {to_fd, from_fd, 0, rest}); });
      }
      if (std::getenv("EBB_TRACE") != nullptr)
        std::fprintf(stderr, "%d %s = %s\n", step_, what.c_str(), Text(results[0]).c_str());
      if (results[0] != results[1]) Fail(what + ": Linux " + Text(results[0]) + ", ours " + Text(results[1]));
      return;
    }
    default: {
      const auto to = static_cast<uint64_t>(random_.Slot());
      if (SameFile(static_cast<int>(fd), static_cast<int>(to))) return;
      int64_t from_offsets[2] = {static_cast<int64_t>(random_.Below(5000)), 0},
              to_offsets[2] = {static_cast<int64_t>(offset), 0};
      from_offsets[1] = from_offsets[0];
      to_offsets[1] = to_offsets[0];
      const bool positioned = random_.Chance(50);
      const std::string what =
          "copy_file_range " + on + " to " + std::to_string(to) + range + (positioned ? " positioned" : "");
      int64_t results[2] = {};
      for (size_t side = 0; side < 2; ++side) {
        const Side& own = side == 0 ? host_ : ours_;
        const auto from_fd = static_cast<uint64_t>(own.Fd(static_cast<int>(fd))),
                   to_fd = static_cast<uint64_t>(own.Fd(static_cast<int>(to)));
        const uint64_t from_offset = positioned ? P(&from_offsets[side]) : 0,
                       to_offset = positioned ? P(&to_offsets[side]) : 0;
        results[side] = Total(size, [&](uint64_t rest) {
          return own.Call(SYS_copy_file_range, {from_fd, from_offset, to_fd, to_offset, rest, 0});
        });
      }
      if (std::getenv("EBB_TRACE") != nullptr)
        std::fprintf(stderr, "%d %s = %s\n", step_, what.c_str(), Text(results[0]).c_str());
      if (results[0] != results[1]) Fail(what + ": Linux " + Text(results[0]) + ", ours " + Text(results[1]));
      if (from_offsets[0] != from_offsets[1] || to_offsets[0] != to_offsets[1]) Fail(what + ": other offsets");
      return;
    }
  }
}

void Comparison::OpenSlot() {
  const std::string path = random_.Path();
  uint32_t flags = random_.Pick<uint32_t>({O_RDONLY, O_RDWR, O_RDWR, O_WRONLY});
  if (random_.Chance(50)) flags |= O_CREAT;
  if (random_.Chance(15)) flags |= O_EXCL;
  if (random_.Chance(15)) flags |= O_TRUNC;
  if (random_.Chance(15)) flags |= O_APPEND;
  if (random_.Chance(15)) flags |= O_DIRECTORY;
  if (random_.Chance(15)) flags |= O_NOFOLLOW;
  if (random_.Chance(10)) flags |= O_PATH;
  if (random_.Chance(10)) flags |= O_CLOEXEC;
  if (random_.Chance(4)) flags |= O_TMPFILE;
  const uint32_t mode = random_.Mode();
  const int start = random_.Start();
  std::ostringstream what;
  what << "openat " << start << " '" << path << "' " << std::oct << flags << " mode " << mode;
  const Arguments arguments = {static_cast<uint64_t>(start), P(path.c_str()), flags, mode};
  Arguments host = arguments, ours = arguments;
  host[0] = static_cast<uint64_t>(host_.Fd(start));
  ours[0] = static_cast<uint64_t>(ours_.Fd(start));
  // Which of several violated rules is told, and what O_CREAT | O_DIRECTORY does, differs between versions of Linux.
  if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY)) return;
  const int64_t results[2] = {host_.Call(SYS_openat, host), ours_.Call(SYS_openat, ours)};
  if (std::getenv("EBB_TRACE") != nullptr)
    std::fprintf(stderr, "%d %s = %s\n", step_, what.str().c_str(), Text(results[0]).c_str());
  ++outcomes_[std::string("openat") + (results[0] < 0 ? " " + Text(results[0]) : "")];
  if ((results[0] < 0 || results[1] < 0) && results[0] != results[1]) {
    Fail(what.str() + ": Linux " + Text(results[0]) + ", ours " + Text(results[1]));
  }
  if (results[0] < 0 || results[1] < 0) {
    if (results[1] >= 0) SysClose(static_cast<int>(results[1]));
    return;
  }
  const int slot = random_.Slot();
  Both(SYS_close, "close " + std::to_string(slot), {static_cast<uint64_t>(slot)}, {0});
  host_.fds[static_cast<size_t>(slot)] = static_cast<int>(results[0]);
  ours_.fds[static_cast<size_t>(slot)] = static_cast<int>(results[1]);
  Both(SYS_fcntl, "fcntl GETFL " + what.str(), {static_cast<uint64_t>(slot), F_GETFL}, {0});
  Both(SYS_fcntl, "fcntl GETFD " + what.str(), {static_cast<uint64_t>(slot), F_GETFD}, {0});
}

}  // namespace ebb::linux_abi
