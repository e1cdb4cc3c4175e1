// Constants and layouts of the Linux x86-64 user ABI that several parts share. Names follow the kernel's, in our
// spelling. Written from the published ABI; a part used by one file only stays in that file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/ebb_abi.h"

namespace ebb::linux_abi {

constexpr uint32_t kORdOnly = 0, kOWrOnly = 1, kORdWr = 2, kOAccMode = 3;
constexpr uint32_t kOCreat = 0x40, kOExcl = 0x80, kONoCtty = 0x100, kOTrunc = 0x200, kOAppend = 0x400,
                   kONonblock = 0x800, kODsync = 0x1000;
constexpr uint32_t kODirect = 0x4000, kOLargeFile = 0x8000, kODirectory = 0x10000, kONoFollow = 0x20000,
                   kONoAtime = 0x40000, kOCloexec = 0x80000;
constexpr uint32_t kOPath = 0x200000, kOTmpFile = 0x410000;

constexpr uint32_t kSIfMt = 0170000, kSIfSock = 0140000, kSIfLnk = 0120000, kSIfReg = 0100000, kSIfBlk = 0060000,
                   kSIfDir = 0040000, kSIfChr = 0020000, kSIfIfo = 0010000;

constexpr uint32_t kEpollIn = 0x1, kEpollPri = 0x2, kEpollOut = 0x4, kEpollErr = 0x8, kEpollHup = 0x10,
                   kEpollRdHup = 0x2000, kEpollExclusive = 1u << 28, kEpollWakeUp = 1u << 29, kEpollOneShot = 1u << 30,
                   kEpollEt = 1u << 31;

struct IoVec {
  uint64_t base;
  uint64_t size;
};

struct TimeSpec {
  int64_t seconds;
  int64_t nanoseconds;
};

struct TimeVal {
  int64_t seconds;
  int64_t microseconds;
};

// struct stat of x86-64.
struct LinuxStat {
  uint64_t dev;
  uint64_t ino;
  uint64_t nlink;
  uint32_t mode;
  uint32_t uid;
  uint32_t gid;
  uint32_t pad0;
  uint64_t rdev;
  int64_t size;
  int64_t blksize;
  int64_t blocks;
  TimeSpec atime;
  TimeSpec mtime;
  TimeSpec ctime;
  int64_t unused[3];
};
static_assert(sizeof(LinuxStat) == 144);

}  // namespace ebb::linux_abi
