#include "linux/mm/address_space.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "kernel/page_allocator.h"
#include "kernel/test/fake_tender.h"

namespace ebb::linux_abi {
namespace {

constexpr uint32_t kReadWrite = kProtRead | kProtWrite;
constexpr uint32_t kAnonymous = kMapPrivate | kMapAnonymous;
constexpr uint64_t kPage = EBB_PAGE_SIZE;

uint64_t MustMap(uint64_t size, uint32_t prot = kReadWrite) {
  const auto at = address_space().Map(0, size, prot, kAnonymous, nullptr, 0);
  EXPECT_TRUE(at);
  return at ? *at : 0;
}

// What a fault does in the kernel, before the access.
void Touch(uint64_t address, uint64_t error_code) {
  const Mapping* mapping = address_space().Find(address);
  ASSERT_NE(mapping, nullptr);
  if (mapping->lazy) {
    ASSERT_TRUE(address_space().HandleFault(address, error_code));
  }
}

TEST(AddressSpace, FreshMemoryIsZeroAndDistinct) {
  test::FakeTender tender(64ull << 20);
  const uint64_t a = MustMap(10 * kPage);
  const uint64_t b = MustMap(3 * kPage);
  EXPECT_TRUE(b >= a + 10 * kPage || a >= b + 3 * kPage);
  for (uint64_t i = 0; i < 10 * kPage; ++i) ASSERT_EQ(reinterpret_cast<uint8_t*>(a)[i], 0);
  std::memset(reinterpret_cast<void*>(a), 7, 10 * kPage);
  ASSERT_TRUE(address_space().Unmap(a, 10 * kPage));
  const uint64_t c = MustMap(10 * kPage);
  EXPECT_EQ(c, a);
  for (uint64_t i = 0; i < 10 * kPage; i += 64) ASSERT_EQ(reinterpret_cast<uint8_t*>(c)[i], 0);
}

TEST(AddressSpace, CoversKnowsHolesAndProtections) {
  test::FakeTender tender(64ull << 20);
  const uint64_t a = MustMap(8 * kPage);
  EXPECT_TRUE(address_space().Covers(a, 8 * kPage, kProtWrite));
  ASSERT_TRUE(address_space().Protect(a + 2 * kPage, kPage, kProtRead));
  EXPECT_FALSE(address_space().Covers(a, 8 * kPage, kProtWrite));
  EXPECT_TRUE(address_space().Covers(a, 8 * kPage, kProtRead));
  ASSERT_TRUE(address_space().Unmap(a + 4 * kPage, kPage));
  EXPECT_FALSE(address_space().Covers(a, 8 * kPage, 0));
  EXPECT_FALSE(address_space().Covers(~0ull - 10, 100, 0));
}

TEST(AddressSpace, RefusesWhatCouldNeverBeUsed) {
  test::FakeTender tender(64ull << 20);
  EXPECT_EQ(address_space().Map(0, 65ull << 20, kReadWrite, kAnonymous, nullptr, 0).error(), Errno::kNoMem);
  // Reserving takes no memory.
  EXPECT_TRUE(address_space().Map(0, 65ull << 20, 0, kAnonymous, nullptr, 0));
  EXPECT_TRUE(address_space().Map(0, 60ull << 20, kReadWrite, kAnonymous, nullptr, 0));
}

TEST(AddressSpace, LargeMappingsCommitByTheChunk) {
  test::FakeTender tender(64ull << 20);
  const uint64_t before = tender.committed();
  const auto mapped =
      address_space().Map(0, 512ull << 20, kReadWrite | kProtExec, kAnonymous | kMapNoReserve, nullptr, 0);
  ASSERT_TRUE(mapped);
  const uint64_t big = *mapped;
  EXPECT_EQ(tender.committed(), before);
  EXPECT_TRUE(address_space().Covers(big, 512ull << 20, kReadWrite));
  Touch(big + 100'000'000, 2);
  *reinterpret_cast<volatile uint8_t*>(big + 100'000'000) = 1;
  EXPECT_EQ(tender.committed(), before + 256 * 1024);
  EXPECT_FALSE(address_space().HandleFault(big + 100'000'000, 2)) << "a second fault there is a real one";
  const uint64_t read_only = MustMap(16ull << 20, kProtRead);
  EXPECT_FALSE(address_space().HandleFault(read_only, 2)) << "a write to read-only memory";
  EXPECT_TRUE(address_space().HandleFault(read_only, 0));
  ASSERT_TRUE(address_space().Unmap(big, 512ull << 20));
  ASSERT_TRUE(address_space().Unmap(read_only, 16ull << 20));
  EXPECT_EQ(tender.committed(), before + address_space().free_memory().bytes());
  EXPECT_TRUE(address_space().ReleaseFreeMemory());
  EXPECT_EQ(tender.committed(), before);
  EXPECT_EQ(address_space().committed_bytes(), 0u);
}

TEST(AddressSpace, SequentialTouchesCommitLargerChunks) {
  test::FakeTender tender(64ull << 20);
  constexpr uint64_t kSize = 32ull << 20;
  const uint64_t big = MustMap(kSize);
  uint64_t faults = 0;
  for (uint64_t at = big; at < big + kSize; at += kPage) {
    if (address_space().Find(at)->lazy) ++faults;
    Touch(at, 2);
  }
  EXPECT_LE(faults, 4 + kSize / (2ull << 20));
  EXPECT_EQ(tender.committed(), kSize + page_allocator().committed_bytes());
}

TEST(AddressSpace, AChunkIsNoLargerThanTheLimitAllows) {
  constexpr uint64_t kLimit = 7ull << 20;
  test::FakeTender tender(kLimit);
  const auto mapped = address_space().Map(0, 32ull << 20, kReadWrite, kAnonymous | kMapNoReserve, nullptr, 0);
  ASSERT_TRUE(mapped);
  const uint64_t big = *mapped;
  for (uint64_t at = big; at < big + kLimit; at += kPage) Touch(at, 2);
  EXPECT_EQ(tender.committed(), kLimit);
}

TEST(AddressSpace, UnmappedMemoryIsReusedWithoutTheTender) {
  test::FakeTender tender(64ull << 20);
  constexpr uint64_t kSize = 512 * 1024;
  const uint64_t first = MustMap(kSize);
  std::memset(reinterpret_cast<void*>(first), 5, kSize);
  ASSERT_TRUE(address_space().Unmap(first, kSize));
  EXPECT_EQ(address_space().free_memory().bytes(), kSize);
  const uint64_t before = tender.memory_calls();
  for (int round = 0; round < 20; ++round) {
    const uint64_t at = MustMap(kSize);
    EXPECT_EQ(at, first);
    for (uint64_t i = 0; i < kSize; i += 8) ASSERT_EQ(*reinterpret_cast<uint64_t*>(at + i), 0u);
    std::memset(reinterpret_cast<void*>(at), round + 1, kSize);
    ASSERT_TRUE(address_space().Unmap(at, kSize));
  }
  EXPECT_EQ(tender.memory_calls(), before);
}

TEST(AddressSpace, FreeMemoryNeverRefusesAnAllocationThatFits) {
  constexpr uint64_t kLimit = 16ull << 20;
  test::FakeTender tender(kLimit);
  MustMap(kPage);  // the kernel's own memory
  const uint64_t room = kLimit - tender.committed();
  for (int round = 0; round < 10; ++round) {
    // Pieces of another size each time, so that what is free never fits exactly.
    const uint64_t size = (3 + 7 * static_cast<uint64_t>(round)) * kPage;
    std::vector<uint64_t> pieces;
    for (uint64_t used = 0; used + size <= room; used += size) {
      const auto at = address_space().Map(0, size, kReadWrite, kAnonymous, nullptr, 0);
      ASSERT_TRUE(at) << "round " << round << ", " << used << " of " << room;
      ASSERT_EQ(*reinterpret_cast<uint64_t*>(*at), 0u);
      std::memset(reinterpret_cast<void*>(*at), 1, size);
      pieces.push_back(*at);
    }
    for (const uint64_t at : pieces) ASSERT_TRUE(address_space().Unmap(at, size));
    EXPECT_LE(address_space().free_memory().bytes(), kLimit / 4);
  }
  EXPECT_FALSE(address_space().memory_refused());
  const uint64_t run = page_allocator().Allocate(room / 2 / kPage);
  EXPECT_NE(run, 0u) << "the kernel's allocator gets it back, too";
  page_allocator().Free(run);
}

TEST(AddressSpace, ALargeProgramIsGivenLargePages) {
  test::FakeTender tender(256ull << 20);
  constexpr uint64_t kSize = 512 * 1024, kLarge = 2ull << 20;
  std::vector<uint64_t> pieces;
  while (address_space().committed_bytes() < (32ull << 20)) pieces.push_back(MustMap(kSize));
  EXPECT_EQ(address_space().free_memory().bytes(), 0u) << "a small one gets what it asks for";
  const uint64_t before = tender.memory_calls();
  while (address_space().committed_bytes() < (64ull << 20)) {
    pieces.push_back(MustMap(kSize));
    ASSERT_EQ(*reinterpret_cast<uint64_t*>(pieces.back() + kSize - 8), 0u);
  }
  EXPECT_LE(tender.memory_calls(), before + 32 / 2 + 1);
  EXPECT_EQ(tender.committed() % kLarge, 0u);
  // Not into what is mapped, and no more than half of the VM's memory.
  while (address_space().committed_bytes() < (128ull << 20)) pieces.push_back(MustMap(kSize));
  EXPECT_LE(address_space().free_memory().bytes(), kLarge);
  const uint64_t committed = tender.committed();
  pieces.push_back(MustMap(kSize));
  EXPECT_LE(tender.committed(), committed + kSize);
  for (const uint64_t at : pieces) ASSERT_TRUE(address_space().Unmap(at, kSize));
  EXPECT_TRUE(address_space().ReleaseFreeMemory());
  EXPECT_EQ(tender.committed(), 0u);
}

TEST(AddressSpace, AReservationOverFreeMemoryIsInaccessibleAndItsMemoryComesBackZero) {
  test::FakeTender tender(64ull << 20);
  constexpr uint64_t kSize = 2ull << 20;
  const uint64_t base = MustMap(64ull << 20, 0);
  if (base >= tender.arena_end()) GTEST_SKIP() << "reservations lie where a sanitizer keeps its shadow";
  for (int round = 0; round < 4; ++round) {
    ASSERT_TRUE(address_space().Protect(base, kSize, kReadWrite));
    for (uint64_t at = base; at < base + kSize; at += kPage) {
      Touch(at, 2);
      ASSERT_EQ(*reinterpret_cast<uint64_t*>(at), 0u);
      *reinterpret_cast<uint64_t*>(at) = 7;
    }
    ASSERT_TRUE(address_space().Unmap(base, 64ull << 20));
    EXPECT_EQ(MustMap(64ull << 20, 0), base);
    EXPECT_EQ(tender.protection(base), 0u) << "no access, whatever lies there";
    EXPECT_EQ(tender.protection(base + kSize - kPage), 0u);
  }
  EXPECT_EQ(address_space().free_memory().bytes(), kSize);
}

TEST(AddressSpace, BreakGrowsAndShrinks) {
  test::FakeTender tender(64ull << 20);
  const uint64_t start = address_space().Break(0);
  EXPECT_EQ(address_space().Break(start + 10000), start + 10000);
  std::memset(reinterpret_cast<void*>(start), 1, 10000);
  EXPECT_EQ(address_space().Break(start), start);
  EXPECT_EQ(address_space().Break(start + 5000), start + 5000);
  EXPECT_EQ(*reinterpret_cast<uint8_t*>(start + 100), 0);
  EXPECT_EQ(address_space().Break(start + (10ull << 30)), start + 5000) << "beyond its room";
}

TEST(AddressSpace, RemapKeepsContent) {
  test::FakeTender tender(64ull << 20);
  const uint64_t a = MustMap(4 * kPage);
  MustMap(kPage);  // in the way
  std::memset(reinterpret_cast<void*>(a), 9, 4 * kPage);
  constexpr uint32_t kMayMove = 1;
  EXPECT_FALSE(address_space().Remap(a, 4 * kPage, 8 * kPage, 0, 0));
  const auto b = address_space().Remap(a, 4 * kPage, 8 * kPage, kMayMove, 0);
  ASSERT_TRUE(b);
  EXPECT_EQ(*reinterpret_cast<uint8_t*>(*b + 4 * kPage - 1), 9);
  EXPECT_EQ(*reinterpret_cast<uint8_t*>(*b + 4 * kPage), 0);
  EXPECT_FALSE(address_space().Covers(a, kPage, 0));
}

TEST(AddressSpace, TheLimitAnswersNoMemory) {
  test::FakeTender tender(4ull << 20);
  uint64_t mapped = 0;
  for (;;) {
    const auto at = address_space().Map(0, 512 * 1024, kReadWrite, kAnonymous, nullptr, 0);
    if (!at) {
      EXPECT_EQ(at.error(), Errno::kNoMem);
      break;
    }
    ASSERT_LT(mapped += 512 * 1024, 16ull << 20);
  }
  EXPECT_EQ(mapped, 4ull << 20);
  EXPECT_TRUE(address_space().memory_refused());
}

TEST(AddressSpace, BadArgumentsAreRefused) {
  test::FakeTender tender(4ull << 20);
  auto& space = address_space();
  EXPECT_FALSE(space.Map(0, 0, kReadWrite, kAnonymous, nullptr, 0));
  EXPECT_FALSE(space.Map(0, kPage, 0x80, kAnonymous, nullptr, 0));
  EXPECT_FALSE(space.Map(EBB_KERNEL_BASE, kPage, kReadWrite, kAnonymous | kMapFixed, nullptr, 0));
  EXPECT_FALSE(space.Map(EBB_ARENA_END - kPage, 2 * kPage, kReadWrite, kAnonymous | kMapFixed, nullptr, 0));
  EXPECT_FALSE(space.Map(0, ~0ull, kReadWrite, kAnonymous, nullptr, 0));
  EXPECT_FALSE(space.Unmap(EBB_HYPERCALL_PAGE, kPage));
  EXPECT_FALSE(space.Unmap(EBB_ARENA_BASE + 1, kPage));
  EXPECT_FALSE(space.Protect(EBB_KERNEL_BASE, kPage, kReadWrite));
  EXPECT_FALSE(space.Protect(EBB_HEAP_BASE, kPage, kReadWrite));
  EXPECT_FALSE(space.Discard(EBB_HEAP_BASE, kPage));
}

// Random operations against a model that knows, page by page, what is mapped how and what each page's first byte holds.
TEST(AddressSpace, RandomOperationsAgreeWithAModel) {
  test::FakeTender tender(256ull << 20);
  auto& space = address_space();
  struct PageState {
    uint32_t prot;
    uint8_t value;
  };
  std::map<uint64_t, PageState> model;
  std::mt19937 random(4);
  const uint64_t base = MustMap(1024 * kPage, 0);
  for (uint64_t page = 0; page < 1024; ++page) model[base + page * kPage] = {0, 0};
  for (int step = 0; step < 12000; ++step) {
    const uint64_t first = random() % 1024;
    const uint64_t count = 1 + random() % std::min<uint64_t>(random() % 8 == 0 ? 600 : 30, 1024 - first);
    const uint64_t at = base + first * kPage;
    const uint32_t prots[] = {0, kProtRead, kReadWrite, kReadWrite, kReadWrite | kProtExec};
    const uint32_t prot = prots[random() % 5];
    switch (random() % 5) {
      case 0:
        ASSERT_TRUE(space.Map(at, count * kPage, prot, kAnonymous | kMapFixed | (random() % 3 == 0 ? kMapNoReserve : 0),
                              nullptr, 0));
        for (uint64_t i = 0; i < count; ++i) model[at + i * kPage] = {prot, 0};
        break;
      case 1:
        ASSERT_TRUE(space.Unmap(at, count * kPage));
        for (uint64_t i = 0; i < count; ++i) model.erase(at + i * kPage);
        break;
      case 2: {
        bool whole = true;
        for (uint64_t i = 0; i < count; ++i) whole = whole && model.contains(at + i * kPage);
        ASSERT_EQ(space.Protect(at, count * kPage, prot).ok(), whole);
        if (!whole) break;
        for (uint64_t i = 0; i < count; ++i) model[at + i * kPage].prot = prot;
        break;
      }
      case 3:
        if (random() % 50 == 0) space.ReleaseFreeMemory();
        if (random() % 8 != 0) break;
        ASSERT_TRUE(space.Discard(at, count * kPage));
        for (uint64_t i = 0; i < count; ++i) {
          if (const auto page = model.find(at + i * kPage); page != model.end()) page->second.value = 0;
        }
        break;
      default: {
        const auto found = model.find(at);
        ASSERT_EQ(space.Covers(at, kPage, 0), found != model.end());
        // Never more access than the mapping says.
        if (found != model.end()) {
          ASSERT_EQ(tender.protection(at) & ~found->second.prot, 0u);
        }
        if (found == model.end()) break;
        if ((found->second.prot & kProtRead) != 0) {
          Touch(at, 0);
          ASSERT_EQ(*reinterpret_cast<volatile uint8_t*>(at), found->second.value);
        }
        if ((found->second.prot & kProtWrite) != 0) {
          Touch(at, 2);
          found->second.value = static_cast<uint8_t>(random());
          *reinterpret_cast<volatile uint8_t*>(at) = found->second.value;
        }
        break;
      }
    }
  }
  // Mappings stay sorted, disjoint and merged.
  const auto mappings = space.mappings();
  for (size_t i = 1; i < mappings.size(); ++i) {
    ASSERT_LE(mappings[i - 1].end, mappings[i].start);
    ASSERT_FALSE(mappings[i - 1].end == mappings[i].start && mappings[i - 1].prot == mappings[i].prot &&
                 mappings[i - 1].lazy == mappings[i].lazy && mappings[i - 1].name == mappings[i].name);
  }
}

}  // namespace
}  // namespace ebb::linux_abi
