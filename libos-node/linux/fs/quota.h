// Quota: how much memory the files of the tree may take, so that a program that fills the disk gets ENOSPC and not a
// dead machine.
#pragma once

#include <cstdint>

namespace ebb::linux_abi {

// What an inode is charged for itself, names and buckets included: roughly what it takes of the heap.
constexpr uint64_t kInodeCharge = 512;

class Quota {
 public:
  // 0: half of what the machine may commit.
  void SetLimit(uint64_t bytes) { limit_ = bytes; }
  uint64_t limit() const;
  uint64_t used() const { return used_; }
  // False when it does not fit; then nothing is charged.
  bool Take(uint64_t bytes);
  // Charged whatever the limit.
  void Force(uint64_t bytes) { used_ += bytes; }
  void Give(uint64_t bytes) { used_ -= bytes; }

 private:
  uint64_t limit_ = 0;
  uint64_t used_ = 0;
};

Quota& tree_quota();

}  // namespace ebb::linux_abi
