// Makes arguments of system calls from the bytes of a case: of the kind that the call expects, or hostile ones.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "fuzz/support/input.h"

namespace ebb::fuzz {

// The program's memory at the start of each case: a part to read and write, then a page to read, then one without any
// access, then nothing.
constexpr uint64_t kScratch = 0x50000000;
constexpr uint64_t kScratchSize = 0x10000;
constexpr uint64_t kReadOnly = kScratch + kScratchSize;
constexpr uint64_t kNoAccess = kReadOnly + 0x1000;
constexpr uint64_t kUnmapped = kNoAccess + 0x1000;

class Arguments {
 public:
  explicit Arguments(Input& input) : input_(input) {}

  // Structures of the next call may use the memory of those of calls before.
  void Begin() { cursor_ = kScratch; }
  uint64_t Make(char kind);
  uint64_t Hostile();
  // A result: descriptors come back as arguments.
  void Remember(int64_t result);
  // The program stores bytes into its memory, if it may.
  void Store(uint64_t address, std::span<const uint8_t> bytes);

 private:
  template <class T>
  uint64_t Put(const T& value);
  uint64_t PutBytes(std::span<const uint8_t> bytes);
  uint64_t Path();
  uint64_t Address();
  uint64_t Vector();
  uint64_t Message();
  uint64_t Mapped();
  uint64_t Size();
  uint64_t Word();

  Input& input_;
  uint64_t cursor_ = kScratch;
  std::array<int64_t, 8> known_{0, 1, 2, 3, 4, 5, 6, 7};
  size_t next_known_ = 0;
};

}  // namespace ebb::fuzz
