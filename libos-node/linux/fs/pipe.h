// Pipes: two files over one bounded queue of bytes. Writes of up to kPipeAtomic bytes go in as a whole.
#pragma once

#include <memory>

#include "linux/fs/anonymous_file.h"

namespace ebb::linux_abi {

constexpr size_t kPipeAtomic = 4096, kPipeDefaultCapacity = 65536, kPipeMaxCapacity = 1 << 20;

class PipeEnd;

// A ring of bytes whose memory grows with what it holds, up to a capacity.
class PipeBuffer final : public RefCounted {
 public:
  size_t size() const { return used_; }
  size_t capacity() const { return capacity_; }
  size_t free() const { return used_ < capacity_ ? capacity_ - used_ : 0; }
  // EBUSY when more is in it.
  Result<> SetCapacity(size_t capacity);
  size_t Take(std::span<std::byte> out);
  // At most free() bytes; 0 when there is no memory.
  size_t Put(std::span<const std::byte> in);

  PipeEnd* reader = nullptr;
  PipeEnd* writer = nullptr;

 private:
  bool Reserve(size_t size);
  void CopyOut(std::byte* to, size_t size) const;

  std::unique_ptr<std::byte[]> bytes_;
  size_t allocated_ = 0;
  size_t head_ = 0;
  size_t used_ = 0;
  size_t capacity_ = kPipeDefaultCapacity;
};

class PipeEnd final : public AnonymousFile {
 public:
  PipeEnd(ebb::Ref<PipeBuffer> buffer, bool writes, uint32_t flags, uint64_t number);
  FileKind kind() const override { return FileKind::kPipe; }
  PipeBuffer& buffer() const { return *buffer_; }

  Result<size_t> Read(std::span<std::byte> out) override;
  Result<size_t> Write(std::span<const std::byte> in) override;
  Result<int64_t> Ioctl(uint64_t request, uint64_t argument) override;
  bool WokenFromOutside() const override { return false; }
  uint32_t PollEvents() override;

 protected:
  ~PipeEnd() override;

 private:
  PipeEnd* other() const { return writes_ ? buffer_->reader : buffer_->writer; }
  void NotifyOther(uint32_t events) {
    if (other() != nullptr) other()->NotifyReady(events);
  }

  ebb::Ref<PipeBuffer> buffer_;
  bool writes_;
};

}  // namespace ebb::linux_abi
