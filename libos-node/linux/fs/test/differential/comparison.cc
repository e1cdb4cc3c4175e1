#include "linux/fs/test/differential/comparison.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "linux/fs/syscalls.h"

namespace ebb::linux_abi {

using test::kCwd;
using test::P;

std::string Comparison::Run(int operations) {
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

void Comparison::Fail(const std::string& what) {
  if (difference_.empty()) difference_ = "operation " + std::to_string(step_) + ": " + what;
}

std::string Comparison::Text(int64_t result) {
  return result < 0 ? std::string(strerrorname_np(static_cast<int>(-result))) : std::to_string(result);
}

void Comparison::Note(const std::string& what, int64_t result) {
  ++outcomes_[what.substr(0, what.find(' ')) + (result < 0 ? " " + Text(result) : "")];
  if (std::getenv("EBB_TRACE") != nullptr)
    std::fprintf(stderr, "%d %s = %s\n", step_, what.c_str(), Text(result).c_str());
}

int64_t Comparison::Both(long number, const std::string& what, const Arguments& arguments,
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
  Note(what, results[0]);
  if (results[0] != results[1]) Fail(what + ": Linux " + Text(results[0]) + ", ours " + Text(results[1]));
  return results[0];
}

void Comparison::BothReading(long number, const std::string& what, Arguments arguments,
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
  Note(what, results[0]);
  if (results[0] != results[1]) Fail(what + ": Linux " + Text(results[0]) + ", ours " + Text(results[1]));
  if (buffers[0] != buffers[1]) Fail(what + ": other bytes");
}

void Comparison::CompareStat(int start, const std::string& path, uint32_t flags) {
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

std::vector<std::string> Comparison::ListSide(const Side& side, int fd) {
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

void Comparison::CompareListing(int slot) {
  if (ListSide(host_, host_.Fd(slot)) != ListSide(ours_, ours_.Fd(slot)))
    Fail("other listing of descriptor " + std::to_string(slot));
}

void Comparison::CompareTree(const std::string& path, int depth) {
  if (!difference_.empty() || depth > 30) return;
  CompareStat(kCwd, path, AT_SYMLINK_NOFOLLOW);
  struct stat host = {};
  if (host_.Call(SYS_newfstatat, {static_cast<uint64_t>(kCwd), P(path.c_str()), P(&host), AT_SYMLINK_NOFOLLOW}) != 0)
    return;
  if (S_ISLNK(host.st_mode)) {
    BothReading(SYS_readlinkat, "readlink '" + path + "'", {static_cast<uint64_t>(kCwd), P(path.c_str()), 0, 4096}, {},
                2);
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
      if (!bare.empty() && bare != "." && bare != "..") CompareTree(path + (path == "/" ? "" : "/") + bare, depth + 1);
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

bool Comparison::SameFile(int slot, int other) const {
  struct stat a = {}, b = {};
  if (slot == other) return true;
  return host_.Fd(slot) >= 0 && host_.Fd(other) >= 0 && fstat(host_.Fd(slot), &a) == 0 &&
         fstat(host_.Fd(other), &b) == 0 && a.st_ino == b.st_ino;
}

bool Comparison::IsDirectory(int slot) const {
  struct stat stat = {};
  return host_.Fd(slot) >= 0 && fstat(host_.Fd(slot), &stat) == 0 && S_ISDIR(stat.st_mode);
}

}  // namespace ebb::linux_abi
