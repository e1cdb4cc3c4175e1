// ByteQueue: a FIFO of bytes in chunks of one size. A byte is copied once in and once out; the chunk of a small
// exchange is used again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "linux/net/channel.h"

namespace ebb {

class ByteQueue {
 public:
  ByteQueue() = default;
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;
  ~ByteQueue() { Clear(); }

  size_t size() const { return size_; }

  void Push(GatherCursor& from, size_t size) {
    while (size != 0) {
      if (tail_ == nullptr || tail_->end == kChunk) Append();
      const size_t room = kChunk - tail_->end;
      const size_t part = size < room ? size : room;
      tail_->end += static_cast<uint32_t>(from.Copy({tail_->bytes + tail_->end, part}));
      size_ += part;
      size -= part;
    }
  }

  std::span<const std::byte> At(size_t skip) const {
    for (const Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next) {
      const size_t held = chunk->end - chunk->start;
      if (skip < held) return {chunk->bytes + chunk->start + skip, held - skip};
      skip -= held;
    }
    return {};
  }

  // size <= size().
  void Consume(size_t size) {
    size_ -= size;
    while (size != 0) {
      const size_t held = head_->end - head_->start;
      const size_t part = size < held ? size : held;
      head_->start += static_cast<uint32_t>(part);
      size -= part;
      if (head_->start != head_->end) continue;
      if (head_->next == nullptr) {
        // Empty: keep the last chunk for what comes next.
        head_->start = head_->end = 0;
        return;
      }
      Chunk* next = head_->next;
      delete head_;
      head_ = next;
    }
  }

  void Clear() {
    while (head_ != nullptr) {
      Chunk* next = head_->next;
      delete head_;
      head_ = next;
    }
    tail_ = nullptr;
    size_ = 0;
  }

 private:
  static constexpr size_t kChunk = 16384 - 32;
  struct Chunk {
    Chunk* next = nullptr;
    uint32_t start = 0;
    uint32_t end = 0;
    std::byte bytes[kChunk];
  };

  void Append() {
    auto* chunk = new Chunk;
    (tail_ == nullptr ? head_ : tail_->next) = chunk;
    tail_ = chunk;
  }

  Chunk* head_ = nullptr;
  Chunk* tail_ = nullptr;
  size_t size_ = 0;
};

}  // namespace ebb
