// The same random operations on Linux (a tmpfs directory of the host, as the root of a child process) and on our tree
// must have the same results: values, errors, attributes, content and listings.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <sstream>

#include "linux/fd_table.h"
#include "linux/fs/file_system.h"
#include "linux/fs/memory_directory.h"
#include "linux/fs/quota.h"
#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

using Arguments = std::vector<uint64_t>;

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

// One side: its descriptors by slot, which both sides share.
struct Side {
  int64_t (*call)(long, const Arguments&);
  std::vector<int> fds;

  int64_t Call(long number, Arguments arguments) const {
    arguments.resize(6);
    return call(number, arguments);
  }
  int Fd(int slot) const {
    return slot == kCwd || slot < 0 || static_cast<size_t>(slot) >= fds.size() ? slot : fds[static_cast<size_t>(slot)];
  }
};

class Comparison {
 public:
  Comparison(uint32_t seed, bool holes) : random_(seed), holes_(holes) {}

  // The first difference as text; empty when there is none.
  std::string Run(int operations) {
    for (int i = 0; i < operations && difference_.empty(); ++i) {
      step_ = i;
      Step();
      if (i % 256 == 255) CompareTree();
    }
    if (difference_.empty()) CompareTree();
    for (const int fd : ours_.fds) {
      if (fd >= 0) SysClose(fd);
    }
    return difference_;
  }
  const std::map<std::string, int>& outcomes() const { return outcomes_; }

 private:
  static constexpr size_t kSlots = 10;
  static constexpr size_t kBuffer = 20000;

  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }
  bool Chance(uint32_t percent) { return Below(100) < percent; }
  template <class T>
  T Pick(std::initializer_list<T> from) {
    return *(from.begin() + Below(static_cast<uint32_t>(from.size())));
  }

  std::string Component() {
    if (Chance(2)) return std::string(255, 'x');
    if (Chance(1)) return std::string(256, 'x');
    if (Chance(6)) return Pick<const char*>({".", ".."});
    return Pick<const char*>({"a", "b", "c", "d", "e", "f", "image", "long-name-of-a-file"});
  }

  std::string Path() {
    if (Chance(1)) return "";
    if (Chance(1)) return "/";
    std::string path = Chance(25) ? "/" : "";
    const uint32_t components = 1 + Below(Chance(60) ? 2 : 4);
    for (uint32_t i = 0; i < components; ++i) {
      if (i != 0) path += Chance(5) ? "//" : "/";
      path += Component();
    }
    if (Chance(8)) path += "/";
    return path;
  }

  int Slot() { return static_cast<int>(Below(kSlots)); }
  int Start() { return Chance(80) ? kCwd : Slot(); }
  uint64_t Offset() { return Chance(50) ? Below(9000) : Pick<uint64_t>({0, 1, 4095, 4096, 4097, 8192, 70000, 400000}); }
  uint64_t Size() { return Chance(50) ? Below(300) : Pick<uint64_t>({0, 1, 4095, 4096, 4097, 9000}); }
  uint32_t Mode() { return 0700 | Below(0100); }

  void Fail(const std::string& what) {
    if (difference_.empty()) difference_ = "operation " + std::to_string(step_) + ": " + what;
  }

  static std::string Text(int64_t result) {
    return result < 0 ? std::string(strerrorname_np(static_cast<int>(-result))) : std::to_string(result);
  }

  // Both sides make the call; `fd_arguments` are slots and become descriptors.
  int64_t Both(long number, const std::string& what, const Arguments& arguments,
               std::initializer_list<size_t> fd_arguments) {
    int64_t results[2];
    Side* sides[2] = {&host_, &ours_};
    for (int side = 0; side < 2; ++side) {
      Arguments own = arguments;
      own.resize(6);
      for (const size_t index : fd_arguments)
        own[index] = static_cast<uint64_t>(sides[side]->Fd(static_cast<int>(arguments[index])));
      results[side] = sides[side]->Call(number, own);
    }
    ++outcomes_[what.substr(0, what.find(' ')) + (results[0] < 0 ? " " + Text(results[0]) : "")];
    if (std::getenv("EBB_TRACE") != nullptr)
      std::fprintf(stderr, "%d %s = %s\n", step_, what.c_str(), Text(results[0]).c_str());
    if (results[0] != results[1]) Fail(what + ": Linux " + Text(results[0]) + ", ours " + Text(results[1]));
    return results[0];
  }

  // As Both, with a buffer that is written: the same bytes must be in it.
  void BothReading(long number, const std::string& what, Arguments arguments,
                   std::initializer_list<size_t> fd_arguments, size_t buffer_index) {
    Side* sides[2] = {&host_, &ours_};
    int64_t results[2];
    std::vector<char> buffers[2] = {std::vector<char>(kBuffer, '#'), std::vector<char>(kBuffer, '#')};
    for (int side = 0; side < 2; ++side) {
      Arguments own = arguments;
      own.resize(6);
      for (const size_t index : fd_arguments)
        own[index] = static_cast<uint64_t>(sides[side]->Fd(static_cast<int>(arguments[index])));
      own[buffer_index] = P(buffers[side].data());
      results[side] = sides[side]->Call(number, own);
    }
    ++outcomes_[what.substr(0, what.find(' ')) + (results[0] < 0 ? " " + Text(results[0]) : "")];
    if (std::getenv("EBB_TRACE") != nullptr)
      std::fprintf(stderr, "%d %s = %s\n", step_, what.c_str(), Text(results[0]).c_str());
    if (results[0] != results[1]) Fail(what + ": Linux " + Text(results[0]) + ", ours " + Text(results[1]));
    if (buffers[0] != buffers[1]) Fail(what + ": other bytes");
  }

  void OpenSlot() {
    const std::string path = Path();
    uint32_t flags = Pick<uint32_t>({O_RDONLY, O_RDWR, O_RDWR, O_WRONLY});
    if (Chance(50)) flags |= O_CREAT;
    if (Chance(15)) flags |= O_EXCL;
    if (Chance(15)) flags |= O_TRUNC;
    if (Chance(15)) flags |= O_APPEND;
    if (Chance(15)) flags |= O_DIRECTORY;
    if (Chance(15)) flags |= O_NOFOLLOW;
    if (Chance(10)) flags |= O_PATH;
    if (Chance(10)) flags |= O_CLOEXEC;
    if (Chance(4)) flags |= O_TMPFILE;
    const uint32_t mode = Mode();
    const int start = Start();
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
    const int slot = Slot();
    Both(SYS_close, "close " + std::to_string(slot), {static_cast<uint64_t>(slot)}, {0});
    host_.fds[static_cast<size_t>(slot)] = static_cast<int>(results[0]);
    ours_.fds[static_cast<size_t>(slot)] = static_cast<int>(results[1]);
    Both(SYS_fcntl, "fcntl GETFL " + what.str(), {static_cast<uint64_t>(slot), F_GETFL}, {0});
    Both(SYS_fcntl, "fcntl GETFD " + what.str(), {static_cast<uint64_t>(slot), F_GETFD}, {0});
  }

  void CompareStat(int start, const std::string& path, uint32_t flags) {
    struct stat host = {};
    LinuxStat ours = {};
    const int64_t host_result =
        host_.Call(SYS_newfstatat, {static_cast<uint64_t>(host_.Fd(start)), P(path.c_str()), P(&host), flags});
    const int64_t our_result =
        ours_.Call(SYS_newfstatat, {static_cast<uint64_t>(ours_.Fd(start)), P(path.c_str()), P(&ours), flags});
    std::ostringstream what;
    what << "stat " << start << " '" << path << "' flags " << flags;
    ++outcomes_[std::string("stat") + (host_result < 0 ? " " + Text(host_result) : "")];
    if (host_result != our_result) Fail(what.str() + ": Linux " + Text(host_result) + ", ours " + Text(our_result));
    if (host_result < 0 || our_result < 0) return;
    if (host.st_mode != ours.mode) Fail(what.str() + ": other mode");
    if (host.st_nlink != ours.nlink)
      Fail(what.str() + ": links " + std::to_string(host.st_nlink) + ", ours " + std::to_string(ours.nlink));
    if (S_ISDIR(host.st_mode)) return;
    if (host.st_size != ours.size)
      Fail(what.str() + ": size " + std::to_string(host.st_size) + ", ours " + std::to_string(ours.size));
    // Set times must come back; others are those of two clocks.
    if (host.st_mtim.tv_sec < kSetTimesBelow && host.st_mtim.tv_sec != ours.mtime.seconds)
      Fail(what.str() + ": other mtime");
  }

  // Reads all entries: names and types, sorted.
  static std::vector<std::string> ListSide(const Side& side, int fd) {
    std::vector<std::string> names;
    alignas(8) char buffer[700] = {};
    for (;;) {
      const int64_t got = side.Call(SYS_getdents64, {static_cast<uint64_t>(fd), P(buffer), sizeof(buffer)});
      if (got <= 0) {
        names.push_back(got == 0 ? "" : Text(got));
        break;
      }
      for (int64_t at = 0; at < got;) {
        uint16_t size;
        std::memcpy(&size, buffer + at + 16, sizeof(size));
        names.push_back(std::string(buffer + at + 19) + ':' + std::to_string(buffer[at + 18]));
        at += size;
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  void CompareListing(int slot) {
    if (ListSide(host_, host_.Fd(slot)) != ListSide(ours_, ours_.Fd(slot)))
      Fail("other listing of descriptor " + std::to_string(slot));
  }

  // Everything below the root.
  void CompareTree(const std::string& path = "/", int depth = 0) {
    if (!difference_.empty() || depth > 30) return;
    CompareStat(kCwd, path, AT_SYMLINK_NOFOLLOW);
    struct stat host = {};
    if (host_.Call(SYS_newfstatat, {static_cast<uint64_t>(kCwd), P(path.c_str()), P(&host), AT_SYMLINK_NOFOLLOW}) != 0)
      return;
    if (S_ISLNK(host.st_mode)) {
      BothReading(SYS_readlinkat, "readlink '" + path + "'", {static_cast<uint64_t>(kCwd), P(path.c_str()), 0, 4096},
                  {}, 2);
      return;
    }
    const auto host_fd = host_.Call(SYS_openat, {static_cast<uint64_t>(kCwd), P(path.c_str()), O_RDONLY});
    const auto our_fd = ours_.Call(SYS_openat, {static_cast<uint64_t>(kCwd), P(path.c_str()), O_RDONLY});
    if (host_fd < 0 || our_fd < 0) {
      if (host_fd != our_fd) Fail("open '" + path + "': Linux " + Text(host_fd) + ", ours " + Text(our_fd));
      return;
    }
    if (S_ISDIR(host.st_mode)) {
      const auto names = ListSide(host_, static_cast<int>(host_fd));
      if (names != ListSide(ours_, static_cast<int>(our_fd))) Fail("other listing of '" + path + "'");
      for (const std::string& name : names) {
        const std::string bare = name.substr(0, name.rfind(':'));
        if (!bare.empty() && bare != "." && bare != "..")
          CompareTree(path + (path == "/" ? "" : "/") + bare, depth + 1);
      }
    } else {
      std::vector<char> host_bytes(kBuffer, '#'), our_bytes(kBuffer, '#');
      for (;;) {
        const int64_t got = host_.Call(SYS_read, {static_cast<uint64_t>(host_fd), P(host_bytes.data()), kBuffer});
        const int64_t own = ours_.Call(SYS_read, {static_cast<uint64_t>(our_fd), P(our_bytes.data()), kBuffer});
        const auto differs = std::mismatch(host_bytes.begin(), host_bytes.end(), our_bytes.begin());
        if (got != own || differs.first != host_bytes.end()) {
          Fail("other content of '" + path + "' at " + std::to_string(differs.first - host_bytes.begin()) + " of " +
               std::to_string(got));
        }
        if (got <= 0 || !difference_.empty()) break;
      }
    }
    host_.Call(SYS_close, {static_cast<uint64_t>(host_fd)});
    ours_.Call(SYS_close, {static_cast<uint64_t>(our_fd)});
  }

  void Step() {
    const auto fd = static_cast<uint64_t>(Slot());
    const auto start = static_cast<uint64_t>(Start());
    const std::string on = std::to_string(static_cast<int>(fd));
    const std::string path = Path(), other = Path();
    const std::string at = std::to_string(static_cast<int>(start)) + " '" + path + "'";
    const uint64_t size = Size(), offset = Offset();
    const std::string range = " " + std::to_string(size) + " at " + std::to_string(offset);
    switch (Below(34)) {
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
        const std::string bytes = Bytes(size);
        Both(SYS_write, "write " + on + range, {fd, P(bytes.data()), size}, {0});
        return;
      }
      case 8:
        BothReading(SYS_pread64, "pread " + on + range, {fd, 0, size, offset}, {0}, 1);
        return;
      case 9: {
        const std::string bytes = Bytes(size);
        Both(SYS_pwrite64, "pwrite " + on + range, {fd, P(bytes.data()), size, offset}, {0});
        return;
      }
      case 10: {
        const uint64_t whence = Below(holes_ ? 5 : 3);
        const uint64_t to = Chance(20) ? static_cast<uint64_t>(-static_cast<int64_t>(Below(100))) : offset;
        if (IsDirectory(static_cast<int>(fd))) return;  // positions of entries are each file system's own
        Both(SYS_lseek, "lseek " + on + range + " whence " + std::to_string(whence), {fd, to, whence}, {0});
        return;
      }
      case 11:
        Both(SYS_ftruncate, "ftruncate " + on + range, {fd, Chance(3) ? UINT64_MAX : offset}, {0});
        return;
      case 12:
        Both(SYS_truncate, "truncate " + at + range, {P(path.c_str()), offset}, {});
        return;
      case 13: {
        if (holes_) return;  // what is reserved counts as data or not
        const uint64_t mode =
            Pick<uint64_t>({0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE});
        Both(SYS_fallocate, "fallocate " + on + " mode " + std::to_string(mode) + range, {fd, mode, offset, size}, {0});
        return;
      }
      case 14:
      case 15:
      case 16:
        Both(SYS_mkdirat, "mkdir " + at, {start, P(path.c_str()), Mode() | (Chance(5) ? 07000u : 0)}, {0});
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
        const uint64_t flags = Chance(70) ? 0 : Pick<uint64_t>({1, 2, 2, 3});
        const auto to = static_cast<uint64_t>(Start());
        Both(SYS_renameat2,
             "rename " + at + " to " + std::to_string(static_cast<int>(to)) + " '" + other + "' flags " +
                 std::to_string(flags),
             {start, P(path.c_str()), to, P(other.c_str()), flags}, {0, 2});
        return;
      }
      case 23: {
        const auto to = static_cast<uint64_t>(Start());
        const uint64_t flags = Chance(40) ? AT_SYMLINK_FOLLOW : 0;
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
        BothReading(SYS_readlinkat, "readlink " + at, {start, P(path.c_str()), 0, 1 + Below(20)}, {0}, 2);
        return;
      case 27:
        CompareStat(static_cast<int>(start), path, Pick<uint32_t>({0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH}));
        CompareStat(static_cast<int>(fd), "", AT_EMPTY_PATH);
        return;
      case 28:
        Both(SYS_faccessat2, "access " + at,
             {start, P(path.c_str()), Below(8), Chance(30) ? uint64_t{AT_SYMLINK_NOFOLLOW} : 0}, {0});
        Both(SYS_fchmodat, "chmod " + at, {start, P(path.c_str()), Mode()}, {0});
        return;
      case 29: {
        const TimeSpec times[2] = {{Below(1000), 5}, {Below(kSetTimesBelow), 999'999'999}};
        Both(SYS_utimensat, "utimens " + at,
             {start, P(path.c_str()), P(times), Chance(30) ? uint64_t{AT_SYMLINK_NOFOLLOW} : 0}, {0});
        return;
      }
      case 30:
        CompareListing(static_cast<int>(fd));
        if (IsDirectory(static_cast<int>(fd))) Both(SYS_lseek, "lseek " + on, {fd, 0, SEEK_SET}, {0});
        return;
      case 31: {
        if (Chance(50)) {
          Both(SYS_chdir, "chdir " + at, {P(path.c_str())}, {});
        } else {
          Both(SYS_fchdir, "fchdir " + on, {fd}, {0});
        }
        BothReading(SYS_getcwd, "getcwd", {0, Pick<uint64_t>({4096, 4096, 3})}, {}, 0);
        return;
      }
      case 32: {
        Both(SYS_mknodat, "mknod " + at, {start, P(path.c_str()), S_IFREG | Mode(), 0}, {0});
        const auto to = static_cast<uint64_t>(Slot());
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
        const auto to = static_cast<uint64_t>(Slot());
        if (SameFile(static_cast<int>(fd), static_cast<int>(to))) return;
        int64_t from_offsets[2] = {static_cast<int64_t>(Below(5000)), 0},
                to_offsets[2] = {static_cast<int64_t>(offset), 0};
        from_offsets[1] = from_offsets[0];
        to_offsets[1] = to_offsets[0];
        const bool positioned = Chance(50);
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

  // Linux may copy less than asked, at borders of its own: goes on until all is copied or nothing more comes.
  template <class Call>
  static int64_t Total(uint64_t size, Call call) {
    int64_t total = 0;
    for (;;) {
      const int64_t copied = call(size - static_cast<uint64_t>(total));
      if (copied < 0) return total != 0 ? total : copied;
      total += copied;
      if (copied == 0 || static_cast<uint64_t>(total) >= size) return total;
    }
  }

  // What a copy of a file into itself does depends on those borders.
  bool SameFile(int slot, int other) const {
    struct stat a = {}, b = {};
    if (slot == other) return true;
    return host_.Fd(slot) >= 0 && host_.Fd(other) >= 0 && fstat(host_.Fd(slot), &a) == 0 &&
           fstat(host_.Fd(other), &b) == 0 && a.st_ino == b.st_ino;
  }

  bool IsDirectory(int slot) const {
    struct stat stat = {};
    return host_.Fd(slot) >= 0 && fstat(host_.Fd(slot), &stat) == 0 && S_ISDIR(stat.st_mode);
  }

  std::string Bytes(uint64_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>('a' + random_() % 26);
    return bytes;
  }

  static constexpr uint32_t kSetTimesBelow = 100'000;

  std::mt19937 random_;
  bool holes_;
  Side host_ = {HostCall, std::vector<int>(kSlots, -1)};
  Side ours_ = {OurCall, std::vector<int>(kSlots, -1)};
  int step_ = 0;
  std::string difference_;
  std::map<std::string, int> outcomes_;
};

// Makes an empty tmpfs the root of this process. False where that is not allowed.
bool EnterEmptyRoot() {
  const std::string user = std::to_string(geteuid()), group = std::to_string(getegid());
  if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  if (user != "0") {
    const auto put = [](const char* path, const std::string& text) {
      const int fd = open(path, O_WRONLY);
      const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
      close(fd);
      return written;
    };
    if (!put("/proc/self/setgroups", "deny") || !put("/proc/self/uid_map", "0 " + user + " 1") ||
        !put("/proc/self/gid_map", "0 " + group + " 1")) {
      return false;
    }
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  if (mount("none", "/tmp", "tmpfs", 0, "mode=755,size=256m") != 0) return false;
  return chroot("/tmp") == 0 && chdir("/") == 0;
}

constexpr int kNotAllowed = 77;

// In a child process: its root is the directory that is compared with, and nothing it does can leave that.
int CompareInChild(uint32_t seed, int operations, bool with_image) {
  if (!EnterEmptyRoot()) return kNotAllowed;
  umask(022);
  ImageBuilder image;
  ImageTree tree;
  Ref<MemoryDirectory> root;
  if (with_image) {
    const std::string content(6000, 'i');
    image.Directory("/a");
    image.Directory("/a/image");
    image.File("/a/b", content);
    image.File("/a/image/f", "short");
    image.Symlink("/c", "a/image");
    image.File("/d", content, 0755);
    if (tree.Load(image.Build(), 1 << 20) != nullptr) return 1;
    root = MakeRef<MemoryDirectory>(tree, 0u);
    const auto put = [](const char* path, const std::string& text, mode_t mode) {
      const int fd = open(path, O_CREAT | O_WRONLY, mode);
      const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
      close(fd);
      return written;
    };
    if (mkdir("/a", 0755) != 0 || mkdir("/a/image", 0755) != 0 || symlink("a/image", "/c") != 0) return 1;
    if (!put("/a/b", content, 0644) || !put("/a/image/f", "short", 0644) || !put("/d", content, 0755)) return 1;
  } else {
    root = MakeRef<MemoryDirectory>(0755u);
  }
  root->BecomeRoot();
  FileSystem& fs = file_system();
  fs.set_root(*root);
  // Holes of an image file are data.
  Comparison comparison(seed, seed % 2 == 0 && !with_image);
  const std::string difference = comparison.Run(operations);
  if (difference.empty()) {
    if (std::getenv("EBB_OUTCOMES") != nullptr) {
      for (const auto& [outcome, count] : comparison.outcomes())
        std::fprintf(stderr, "%6d %s\n", count, outcome.c_str());
    }
    return 0;
  }
  std::fprintf(stderr, "seed %u, %s\n", seed, difference.c_str());
  return 1;
}

class DifferentialTest : public testing::TestWithParam<uint32_t> {};

void Compare(uint32_t seed, bool with_image) {
  constexpr int kOperations = 4000;
  world() = World{};
  world().memory_limit = 1 << 30;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    tree_quota().SetLimit(0);
    _exit(CompareInChild(seed, kOperations, with_image));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotAllowed)
    GTEST_SKIP() << "no mount namespace of its own is allowed here";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "seed " << seed << ": differs from Linux, see above";
}

TEST_P(DifferentialTest, AnEmptyTree) { Compare(GetParam(), false); }
TEST_P(DifferentialTest, AnImage) { Compare(GetParam(), true); }

INSTANTIATE_TEST_SUITE_P(Seeds, DifferentialTest, testing::Range(1u, 9u));

}  // namespace
}  // namespace ebb::linux_abi
