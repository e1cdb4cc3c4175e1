#include "linux/fd_table.h"

namespace ebb::linux_abi {
namespace {

FdTable the_table;

}  // namespace

FdTable& fds() { return the_table; }

Result<int> FdTable::Add(Ref<File> file, bool close_on_exec, int minimum) {
  if (minimum < 0 || static_cast<size_t>(minimum) >= limit_) return Errno::kInval;
  const bool from_start = static_cast<size_t>(minimum) <= lowest_free_;
  size_t fd = from_start ? lowest_free_ : static_cast<size_t>(minimum);
  while (fd < slots_.size() && slots_[fd].file) ++fd;
  if (fd >= limit_) return Errno::kMFile;
  if (fd >= slots_.size()) slots_.resize(fd + 1);
  slots_[fd] = {std::move(file), close_on_exec};
  if (from_start) lowest_free_ = fd + 1;
  return static_cast<int>(fd);
}

Result<Ref<File>> FdTable::Get(int fd) const {
  const auto index = static_cast<size_t>(fd);
  if (fd < 0 || index >= slots_.size() || !slots_[index].file) return Errno::kBadF;
  return slots_[index].file;
}

Result<> FdTable::Close(int fd) {
  const auto index = static_cast<size_t>(fd);
  if (fd < 0 || index >= slots_.size() || !slots_[index].file) return Errno::kBadF;
  if (index < lowest_free_) lowest_free_ = index;
  // The slot is free before the file ends: its end may close or open descriptors.
  const Ref<File> ending = std::move(slots_[index].file);
  slots_[index] = {};
  return Ok{};
}

Result<> FdTable::Replace(int to, Ref<File> file, bool close_on_exec) {
  const auto index = static_cast<size_t>(to);
  if (to < 0 || index >= limit_) return Errno::kBadF;
  if (index >= slots_.size()) slots_.resize(index + 1);
  const Ref<File> ending = std::move(slots_[index].file);
  slots_[index] = {std::move(file), close_on_exec};
  return Ok{};
}

Result<bool> FdTable::CloseOnExec(int fd) const {
  const auto index = static_cast<size_t>(fd);
  if (fd < 0 || index >= slots_.size() || !slots_[index].file) return Errno::kBadF;
  return slots_[index].close_on_exec;
}

Result<> FdTable::SetCloseOnExec(int fd, bool value) {
  const auto index = static_cast<size_t>(fd);
  if (fd < 0 || index >= slots_.size() || !slots_[index].file) return Errno::kBadF;
  slots_[index].close_on_exec = value;
  return Ok{};
}

}  // namespace ebb::linux_abi
