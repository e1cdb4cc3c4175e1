// Comparison: random operations on both sides; after each the results must be the same, and every so often the trees.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "linux/fs/test/differential/generator.h"
#include "linux/fs/test/differential/sides.h"

namespace ebb::linux_abi {

class Comparison {
 public:
  // `holes`: positions of data and holes are compared, too.
  Comparison(uint32_t seed, bool holes) : random_(seed), holes_(holes) {}

  // The first difference as text; empty when there is none.
  std::string Run(int operations);
  const std::map<std::string, int>& outcomes() const { return outcomes_; }

 private:
  static constexpr size_t kBuffer = 20000;
  static constexpr uint32_t kSetTimesBelow = 100'000;

  void Fail(const std::string& what);
  static std::string Text(int64_t result);
  // Both sides make the call; `fd_arguments` are slots and become descriptors.
  int64_t Both(long number, const std::string& what, const Arguments& arguments,
               std::initializer_list<size_t> fd_arguments);
  // As Both, with a buffer that is written: the same bytes must be in it.
  void BothReading(long number, const std::string& what, Arguments arguments,
                   std::initializer_list<size_t> fd_arguments, size_t buffer_index);
  // Counts the result for the statistics, and prints it when EBB_TRACE is set.
  void Note(const std::string& what, int64_t result);

  // comparison.cc: state
  void CompareStat(int start, const std::string& path, uint32_t flags);
  // Reads all entries: names and types, sorted.
  static std::vector<std::string> ListSide(const Side& side, int fd);
  void CompareListing(int slot);
  // Everything below the root.
  void CompareTree(const std::string& path = "/", int depth = 0);
  // What a copy of a file into itself does is each system's own.
  bool SameFile(int slot, int other) const;
  bool IsDirectory(int slot) const;

  // operations.cc
  void Step();
  void OpenSlot();

  Generator random_;
  bool holes_;
  Side host_ = {HostCall, std::vector<int>(Generator::kSlots, -1)};
  Side ours_ = {OurCall, std::vector<int>(Generator::kSlots, -1)};
  int step_ = 0;
  std::string difference_;
  std::map<std::string, int> outcomes_;
};

}  // namespace ebb::linux_abi
