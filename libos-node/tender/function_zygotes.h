// FunctionZygotes: zygotes of the functions that are started again and again: their clones need not read the function's
// pages, which is half of what a warm start costs beside the fork.
//
// Invariant: at most kMostZygotes, the least recently used goes first; a function gets one with its second start.
#ifndef EBB_TENDER_FUNCTION_ZYGOTES_H_
#define EBB_TENDER_FUNCTION_ZYGOTES_H_

#include <list>
#include <optional>

#include "tender/zygote.h"

namespace ebb::tender {

class FunctionZygotes {
 public:
  // Each holds the pages of its function and page tables, 1 to 3 MB as a rule.
  static constexpr size_t kMostZygotes = 8;

  // Null: not (yet).
  Zygote* Find(const FunctionSnapshot& function);
  // A clone of it was made; `template_zygote` makes a zygote of it when that pays.
  void Started(const FunctionSnapshot& function, Zygote& template_zygote);
  // It died.
  void Drop(const FunctionSnapshot& function);

  size_t size() const;

 private:
  static constexpr size_t kMostKnown = 256;
  struct Entry {
    uint64_t function;
    uint64_t starts = 0;
    std::optional<Zygote> zygote;
  };
  std::list<Entry> used_;  // latest first
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_FUNCTION_ZYGOTES_H_
