// AnonymousFile: what files without a place in the tree share: pipes, eventfds, epoll sets, timers, the console.
#pragma once

#include "linux/fs/inode.h"

namespace ebb::linux_abi {

class AnonymousFile : public File {
 public:
  // mode: the type bits, if any, and permissions, as fstat tells them.
  AnonymousFile(uint32_t flags, uint32_t mode) : File(flags), mode_(mode), number_(NextInodeNumber()) {}
  Result<> Stat(LinuxStat& out) override {
    out = {};
    out.dev = kAnonymousDevice;
    out.ino = number_;
    out.nlink = 1;
    out.mode = mode_;
    out.blksize = static_cast<int64_t>(EBB_PAGE_SIZE);
    return Ok{};
  }
  bool Pollable() const override { return true; }

 protected:
  ~AnonymousFile() override = default;
  // Both ends of a pipe are one file to fstat.
  void set_number(uint64_t number) { number_ = number; }
  uint64_t number() const { return number_; }

 private:
  uint32_t mode_;
  uint64_t number_;
};

}  // namespace ebb::linux_abi
