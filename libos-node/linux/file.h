// What a file descriptor refers to: the open file description of Linux, as an abstract class. Regular files, pipes,
// sockets, eventfds, epoll sets and devices implement it. All calls come from kernel context of the calling thread and
// may block it (when !nonblocking()); a blocked call returns EINTR on a signal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/intrusive_list.h"
#include "kernel/ref_counted.h"
#include "kernel/result.h"
#include "kernel/wait_queue.h"
#include "linux/abi.h"

namespace ebb::linux_abi {

class File;

// Told when a file's readiness may have changed (poll, epoll). Called in kernel context; must not block.
class FileObserver {
 public:
  virtual void OnReady(File& file, uint32_t events) = 0;
  // The file ends (its last descriptor is closed); only its address is still good. The observer is no longer linked to
  // it.
  virtual void OnGone(File&) {}
  ListNode node;

 protected:
  ~FileObserver() = default;
};

// Which classes a File may be cast down to: there is no RTTI.
enum class FileKind : uint8_t { kOther, kInode, kPipe, kEpoll, kTimer, kSocket };

class File : public RefCounted {
 public:
  // flags: O_ACCMODE | O_NONBLOCK | O_APPEND ... as given to open.
  explicit File(uint32_t flags) : flags_(flags) {}

  uint32_t flags() const { return flags_; }
  void set_flags(uint32_t flags) { flags_ = flags; }
  bool nonblocking() const { return (flags_ & kONonblock) != 0; }
  virtual FileKind kind() const { return FileKind::kOther; }
  bool readable() const { return (flags_ & kOAccMode) != kOWrOnly; }
  bool writable() const { return (flags_ & kOAccMode) != kORdOnly; }

  // At the file position, which moves. The fd layer has checked readable()/writable() and the user buffer.
  virtual Result<size_t> Read(std::span<std::byte> buffer);         // default EINVAL
  virtual Result<size_t> Write(std::span<const std::byte> buffer);  // default EINVAL
  // Default: Read/Write buffer by buffer until a short count; what lies in the program's memory is checked again before
  // each.
  virtual Result<size_t> ReadVector(std::span<const IoVec> buffers);
  virtual Result<size_t> WriteVector(std::span<const IoVec> buffers);
  // At an offset; default ESPIPE.
  virtual Result<size_t> ReadAt(std::span<std::byte> buffer, uint64_t offset);
  virtual Result<size_t> WriteAt(std::span<const std::byte> buffer, uint64_t offset);
  virtual Result<uint64_t> Seek(int64_t offset, int whence);  // default ESPIPE
  virtual Result<> Stat(LinuxStat& out) = 0;
  virtual Result<int64_t> Ioctl(uint64_t request, uint64_t argument);  // default ENOTTY
  virtual Result<> Truncate(uint64_t size);                            // default EINVAL
  virtual Result<> Sync() { return Ok{}; }

  // EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDHUP that hold now. Default: always readable and writable (regular
  // files).
  virtual uint32_t PollEvents() { return kEpollIn | kEpollOut; }
  // Regular files and directories cannot be in an epoll set (EPERM).
  virtual bool Pollable() const { return false; }

  // For mmap: copies file content into fresh memory. Default ENODEV.
  virtual Result<size_t> ReadForMap(std::span<std::byte> buffer, uint64_t offset);
  // For shared mappings: what files of the same content have in common, null when they cannot be mapped so; the pages
  // from the offset on move into fresh memory (those beyond the file's end are the file's once it grows), and back.
  virtual const void* Content() const { return nullptr; }
  virtual Result<> MovePagesTo(std::span<std::byte> memory, uint64_t offset);  // default ENODEV
  virtual void TakePagesBack(std::span<std::byte>, uint64_t) {}
  // For mmap of executables: the syscall sites of the image file behind it (file offsets), empty for all else.
  virtual std::span<const struct ::ebb_site> SyscallSites() const { return {}; }

  // Whether anything but the program's own threads can make it ready: input, a timer. A thread that sleeps on nothing
  // of the kind needs no ticks while another computes.
  virtual bool WokenFromOutside() const { return true; }

  void AddObserver(FileObserver& observer) { observers_.PushBack(observer); }
  // Readiness may have changed: wakes sleepers of Wait() and tells the observers. `events`: a hint of what became true.
  void NotifyReady(uint32_t events);
  // Sleeps until NotifyReady (or a signal: EINTR; or the deadline: ETIMEDOUT). The caller loops over its condition.
  Result<> WaitReady(uint64_t deadline_ns = kForever);

 protected:
  ~File() override;

 private:
  uint32_t flags_;
  WaitQueue waiters_;
  IntrusiveList<FileObserver, &FileObserver::node> observers_;
};

}  // namespace ebb::linux_abi
