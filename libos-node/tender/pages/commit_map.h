// CommitMap: which pages of HEAP and ARENA are held (count against the memory limit) and which of those the guest may
// access.
//
// Contract (both tenders): a page is held from its first PROTECT with any access until it is discarded while its
// protection is 0. The whole request is counted before anything changes, so a refused commit leaves no trace.
// Freestanding: it runs in the tender (KVM) and inside the hypercall page (process tender). `Os` does the work on one
// run of pages that are alike: long Map(address, size, prot) for pages that are not held, Protect(address, size, prot)
// for those that are, Release(address, size) and Clear(address, size).
#ifndef EBB_TENDER_PAGES_COMMIT_MAP_H_
#define EBB_TENDER_PAGES_COMMIT_MAP_H_

#include <stdint.h>

#include "abi/ebb_abi.h"

namespace ebb::tender {

class CommitMap {
 public:
  static constexpr uint64_t kPages = (EBB_ARENA_END - EBB_HEAP_BASE) / EBB_PAGE_SIZE;
  static constexpr uint64_t kBitmapSize = kPages / 8;
  static constexpr long kOutOfMemory = -12;  // -ENOMEM
  static constexpr long kInvalid = -22;      // -EINVAL

  struct State {
    uint64_t committed;  // bytes held
    uint64_t* held;      // kBitmapSize bytes each, zero at start
    uint64_t* accessible;
  };

  // Whether [address, address + size) is a page-aligned range of HEAP and ARENA.
  static bool Valid(uint64_t address, uint64_t size) {
    return ((address | size) & (EBB_PAGE_SIZE - 1)) == 0 && address >= EBB_HEAP_BASE && address <= EBB_ARENA_END &&
           size <= EBB_ARENA_END - address;
  }

  template <typename Os>
  static long Protect(State& state, Os& os, uint64_t limit, uint64_t address, uint64_t size, uint64_t prot) {
    if (!Valid(address, size) || (prot & ~7ull) != 0) return kInvalid;
    const uint64_t first = (address - EBB_HEAP_BASE) / EBB_PAGE_SIZE;
    const uint64_t end = first + size / EBB_PAGE_SIZE;
    if (prot != 0) {
      const uint64_t fresh = size - CountSet(state.held, first, end) * EBB_PAGE_SIZE;
      if (fresh > limit || state.committed > limit - fresh) return kOutOfMemory;
    }
    for (uint64_t page = first; page < end;) {
      const bool held = Get(state.held, page);
      const uint64_t stop = RunEnd(state.held, page, end);
      const uint64_t run_address = EBB_HEAP_BASE + page * EBB_PAGE_SIZE;
      const uint64_t run_size = (stop - page) * EBB_PAGE_SIZE;
      if (held) {
        if (const long result = os.Protect(run_address, run_size, prot); result < 0) return result;
      } else if (prot != 0) {
        if (const long result = os.Map(run_address, run_size, prot); result < 0) return result;
        Fill(state.held, page, stop, true);
        state.committed += run_size;
      }
      if (held || prot != 0) Fill(state.accessible, page, stop, prot != 0);
      page = stop;
    }
    return 0;
  }

  template <typename Os>
  static long Discard(State& state, Os& os, uint64_t address, uint64_t size) {
    if (!Valid(address, size)) return kInvalid;
    const uint64_t first = (address - EBB_HEAP_BASE) / EBB_PAGE_SIZE;
    const uint64_t end = first + size / EBB_PAGE_SIZE;
    for (uint64_t page = first; page < end;) {
      const uint64_t held_stop = RunEnd(state.held, page, end);
      if (!Get(state.held, page)) {
        page = held_stop;
        continue;
      }
      const bool accessible = Get(state.accessible, page);
      const uint64_t stop = RunEnd(state.accessible, page, held_stop);
      const uint64_t run_address = EBB_HEAP_BASE + page * EBB_PAGE_SIZE;
      const uint64_t run_size = (stop - page) * EBB_PAGE_SIZE;
      if (const long result = accessible ? os.Clear(run_address, run_size) : os.Release(run_address, run_size);
          result < 0)
        return result;
      if (!accessible) {
        Fill(state.held, page, stop, false);
        state.committed -= run_size;
      }
      page = stop;
    }
    return 0;
  }

  // Of bitmaps like those of State.
  static bool Get(const uint64_t* bits, uint64_t index) { return ((bits[index / 64] >> (index % 64)) & 1) != 0; }

  // Bits [index % 64, up to `end` or the word's end) of the word that holds index.
  static uint64_t WordMask(uint64_t index, uint64_t end) {
    const uint64_t from = ~0ull << (index % 64);
    return end / 64 == index / 64 ? from & ~(~0ull << (end % 64)) : from;
  }

  // First index after `index` whose bit differs from that of `index`, at most `end`.
  static uint64_t RunEnd(const uint64_t* bits, uint64_t index, uint64_t end) {
    const uint64_t flip = Get(bits, index) ? ~0ull : 0;
    while (index < end) {
      const uint64_t different = (bits[index / 64] ^ flip) & WordMask(index, end);
      if (different != 0) return index / 64 * 64 + static_cast<uint64_t>(__builtin_ctzll(different));
      index = (index / 64 + 1) * 64;
    }
    return end;
  }

  static void Fill(uint64_t* bits, uint64_t index, uint64_t end, bool value) {
    while (index < end) {
      const uint64_t mask = WordMask(index, end);
      bits[index / 64] = value ? bits[index / 64] | mask : bits[index / 64] & ~mask;
      index = (index / 64 + 1) * 64;
    }
  }

 private:
  // Without the popcnt instruction, which the page must not assume, and without a library call.
  static uint64_t CountSet(const uint64_t* bits, uint64_t index, uint64_t end) {
    uint64_t count = 0;
    while (index < end) {
      const uint64_t stop = RunEnd(bits, index, end);
      if (Get(bits, index)) count += stop - index;
      index = stop;
    }
    return count;
  }
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_PAGES_COMMIT_MAP_H_
