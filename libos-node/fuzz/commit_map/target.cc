// CommitMap against a page-by-page model. Input: a limit, then requests within three windows of pages: at the start of
// the heap, around its border with the arena, and at the arena's end; and requests that must be refused.
#include <array>
#include <map>
#include <vector>

#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "tender/pages/commit_map.h"

namespace {

using ebb::tender::CommitMap;

constexpr uint64_t kPage = EBB_PAGE_SIZE;
constexpr uint64_t kWindowPages = 80;
constexpr std::array<uint64_t, 3> kWindows = {EBB_HEAP_BASE, EBB_ARENA_BASE - kWindowPages / 2 * kPage,
                                              EBB_ARENA_END - kWindowPages * kPage};

struct Page {
  bool held = false;
  bool accessible = false;
};

// The operating system's side, and at the same time the check that each call fits the pages that it names.
struct Os {
  std::array<Page, kWindows.size() * kWindowPages> pages{};
  uint64_t held = 0;
  int refuse_after = -1;  // calls until the host refuses one

  static size_t IndexOf(uint64_t address) {
    for (size_t i = 0; i < kWindows.size(); ++i) {
      if (address >= kWindows[i] && address < kWindows[i] + kWindowPages * kPage)
        return i * kWindowPages + (address - kWindows[i]) / kPage;
    }
    FUZZ_CHECK(false && "an address that was not asked for");
    return 0;
  }
  template <class Action>
  long Each(uint64_t address, uint64_t size, Action action) {
    FUZZ_CHECK(size > 0 && (address | size) % kPage == 0);
    if (refuse_after == 0) return CommitMap::kOutOfMemory;
    if (refuse_after > 0) --refuse_after;
    for (uint64_t at = address; at < address + size; at += kPage) action(pages[IndexOf(at)]);
    return 0;
  }
  long Map(uint64_t address, uint64_t size, uint64_t prot) {
    FUZZ_CHECK(prot != 0);
    return Each(address, size, [&](Page& page) {
      FUZZ_CHECK(!page.held);
      page = {true, true};
      ++held;
    });
  }
  long Protect(uint64_t address, uint64_t size, uint64_t prot) {
    return Each(address, size, [&](Page& page) {
      FUZZ_CHECK(page.held);
      page.accessible = prot != 0;
    });
  }
  long Release(uint64_t address, uint64_t size) {
    return Each(address, size, [&](Page& page) {
      FUZZ_CHECK(page.held && !page.accessible);
      page = {};
      --held;
    });
  }
  long Clear(uint64_t address, uint64_t size) {
    return Each(address, size, [&](Page& page) { FUZZ_CHECK(page.held && page.accessible); });
  }
};

std::vector<uint64_t> held_bits(CommitMap::kBitmapSize / 8), accessible_bits(CommitMap::kBitmapSize / 8);

// The pages of a window may share words of the bitmaps with nothing else: the whole words are cleared.
void ClearBits() {
  for (const uint64_t window : kWindows) {
    const uint64_t first = (window - EBB_HEAP_BASE) / kPage, end = first + kWindowPages;
    for (uint64_t word = first / 64; word <= (end - 1) / 64; ++word) {
      FUZZ_CHECK(word < held_bits.size());
      held_bits[word] = accessible_bits[word] = 0;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ebb::fuzz::Input input(data, size);
  const uint64_t limit = uint64_t{input.Byte()} * 2 * kPage;
  Os os;
  CommitMap::State state{0, held_bits.data(), accessible_bits.data()};
  while (!input.empty()) {
    const uint8_t kind = input.Byte();
    if (kind % 16 == 15) {
      const auto address = input.Take<uint64_t>(), length = input.Take<uint64_t>();
      const uint64_t end = address + length;
      const bool valid =
          (address | length) % kPage == 0 && address >= EBB_HEAP_BASE && end >= address && end <= EBB_ARENA_END;
      FUZZ_CHECK(CommitMap::Valid(address, length) == valid);
      if (!valid) {
        FUZZ_CHECK(CommitMap::Protect(state, os, limit, address, length, kind >> 5) == CommitMap::kInvalid);
        FUZZ_CHECK(CommitMap::Discard(state, os, address, length) == CommitMap::kInvalid);
      }
      continue;
    }
    if (kind % 16 == 14) {
      os.refuse_after = static_cast<int>(kind >> 4) % 4;
      continue;
    }
    const uint64_t window = kWindows[kind / 4 % kWindows.size()];
    const uint64_t first = input.Byte() % kWindowPages;
    const uint64_t count = input.Byte() % (kWindowPages - first + 1);
    const uint64_t address = window + first * kPage, length = count * kPage;
    const auto before = os.pages;
    const int refuse_before = os.refuse_after;
    if (kind % 2 == 0) {
      const uint64_t prot = input.Byte() % 9;  // 8 does not exist
      uint64_t fresh = 0;
      for (uint64_t i = 0; i < count; ++i) fresh += before[Os::IndexOf(address + i * kPage)].held ? 0 : kPage;
      const uint64_t held = os.held * kPage;
      const long result = CommitMap::Protect(state, os, limit, address, length, prot);
      if (prot > 7) {
        FUZZ_CHECK(result == CommitMap::kInvalid);
      } else if (prot != 0 && held + fresh > limit) {
        FUZZ_CHECK(result == CommitMap::kOutOfMemory && os.held * kPage == held);
      } else if (refuse_before < 0) {
        FUZZ_CHECK(result == 0);
        for (uint64_t i = 0; i < count; ++i) {
          const Page& page = os.pages[Os::IndexOf(address + i * kPage)];
          FUZZ_CHECK(prot == 0 ? !page.accessible && page.held == before[Os::IndexOf(address + i * kPage)].held
                               : page.held && page.accessible);
        }
      }
    } else {
      const long result = CommitMap::Discard(state, os, address, length);
      if (refuse_before < 0) {
        FUZZ_CHECK(result == 0);
        for (uint64_t i = 0; i < count; ++i) {
          const Page& page = os.pages[Os::IndexOf(address + i * kPage)];
          FUZZ_CHECK(page.held == page.accessible);
        }
      }
    }
    if (os.refuse_after == 0) os.refuse_after = -1;
    FUZZ_CHECK(state.committed == os.held * kPage);
    FUZZ_CHECK(state.committed <= limit);
  }
  // What the map believes is what the operating system has.
  for (const uint64_t window : kWindows) {
    for (uint64_t i = 0; i < kWindowPages; ++i) {
      const uint64_t bit = (window - EBB_HEAP_BASE) / kPage + i;
      const Page& page = os.pages[Os::IndexOf(window + i * kPage)];
      FUZZ_CHECK(((held_bits[bit / 64] >> (bit % 64)) & 1) == page.held);
      FUZZ_CHECK(((accessible_bits[bit / 64] >> (bit % 64)) & 1) == page.accessible);
    }
  }
  ClearBits();
  return 0;
}
