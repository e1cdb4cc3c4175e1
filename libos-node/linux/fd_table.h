// The file descriptors of the one process in a VM.
#pragma once

#include <cstdint>
#include <vector>

#include "linux/file.h"

namespace ebb::linux_abi {

// The hard RLIMIT_NOFILE.
constexpr size_t kMaxDescriptors = 65536;

class FdTable {
 public:
  // RLIMIT_NOFILE; descriptors beyond a new one stay open.
  void set_limit(size_t limit) { limit_ = limit; }
  // The lowest free descriptor >= minimum. EMFILE beyond the limit.
  Result<int> Add(Ref<File> file, bool close_on_exec, int minimum = 0);
  // EBADF when not open.
  Result<Ref<File>> Get(int fd) const;
  Result<> Close(int fd);
  // dup2/dup3: closes `to` first.
  Result<> Replace(int to, Ref<File> file, bool close_on_exec);
  Result<bool> CloseOnExec(int fd) const;
  Result<> SetCloseOnExec(int fd, bool value);
  // Calls f(fd, file) for every open descriptor.
  template <class F>
  void ForEach(F f) const {
    for (size_t fd = 0; fd < slots_.size(); ++fd) {
      if (slots_[fd].file) f(static_cast<int>(fd), slots_[fd].file);
    }
  }

 private:
  struct Slot {
    Ref<File> file;
    bool close_on_exec = false;
  };
  size_t limit_ = kMaxDescriptors;
  std::vector<Slot> slots_;
  size_t lowest_free_ = 0;
};

// The process's table.
FdTable& fds();

}  // namespace ebb::linux_abi
