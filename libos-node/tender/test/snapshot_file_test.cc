// The snapshot file: what is written comes back, and no bit of it can change unnoticed.
#include "tender/snapshot_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "image_builder.h"

namespace ebb::tender {
namespace {

SnapshotBinding TestBinding() {
  SnapshotBinding binding;
  binding.image[3] = 9;
  binding.xsave_mask = 7;
  binding.memory_limit = 64 << 20;
  return binding;
}

Snapshot TestSnapshot() {
  Snapshot snapshot;
  snapshot.binding = TestBinding();
  snapshot.cores = {{1, 2, 3, 4}};
  snapshot.parked_at_ns = 5;
  snapshot.boot_info = {1, 2, 3};
  snapshot.runs = {{EBB_EXE_BASE, 0x3000, 5}, {EBB_HEAP_BASE, 0x4000, 3}, {EBB_ARENA_BASE, 0x1000, 0}};
  snapshot.extents = {{EBB_EXE_BASE, 0x1000, 0}, {EBB_KERNEL_BASE, 0x1000, 0}, {EBB_HEAP_BASE + 0x1000, 0x2000, 0}};
  return snapshot;
}

Result<void> FillPages(uint64_t address, std::span<std::byte> buffer) {
  std::mt19937_64 random(address);
  for (std::byte& byte : buffer) byte = static_cast<std::byte>(random());
  return {};
}

std::string Write(const std::string& name, const Snapshot& snapshot = TestSnapshot()) {
  const std::string path = TemporaryPath(name);
  const auto written = WriteSnapshot(path, snapshot, FillPages);
  EXPECT_TRUE(written) << written.error().Text();
  return path;
}

TEST(SnapshotFile, ComesBackAsItWasWritten) {
  const std::string path = Write("whole.snapshot");
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto file = SnapshotFile::Open(path, TestBinding());
  ASSERT_TRUE(file) << file.error().Text();
  const Snapshot& snapshot = file.value().snapshot();
  const Snapshot expected = TestSnapshot();
  EXPECT_EQ(std::memcmp(&snapshot.cores[0], &expected.cores[0], sizeof expected.cores[0]), 0);
  EXPECT_EQ(snapshot.parked_at_ns, 5u);
  EXPECT_EQ(snapshot.boot_info, expected.boot_info);
  ASSERT_EQ(snapshot.runs.size(), 3u);
  EXPECT_EQ(snapshot.runs[2].address, EBB_ARENA_BASE);
  EXPECT_EQ(snapshot.runs[2].prot, 0u);
  ASSERT_EQ(snapshot.extents.size(), 3u);
  for (const SnapshotExtent& extent : snapshot.extents) {
    std::vector<std::byte> content(extent.size);
    ASSERT_TRUE(FillPages(extent.address, content));
    EXPECT_EQ(std::memcmp(file.value().Pages(extent).data(), content.data(), content.size()), 0);
  }
}

std::string CodeOf(const std::string& path, const SnapshotBinding& binding = TestBinding()) {
  const auto file = SnapshotFile::Open(path, binding);
  return file ? "" : CodeName(file.error().code);
}

TEST(SnapshotFile, AnyFlippedBitIsFound) {
  const std::string path = Write("flipped.snapshot");
  const auto size = std::filesystem::file_size(path);
  std::mt19937_64 random(1);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto flip = [&](uint64_t offset, int bit) {
    file.seekg(static_cast<std::streamoff>(offset));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 1 << bit));
    file.flush();
  };
  // Every bit of the fields that decide, every 61st of the rest.
  uint64_t tried = 0;
  for (uint64_t bit = 0; bit < size * 8; bit += bit < 256 * 8 ? 1 : 61 + random() % 3, ++tried) {
    flip(bit / 8, static_cast<int>(bit % 8));
    const std::string code = CodeOf(path);
    EXPECT_TRUE(code == "TENDER_SNAPSHOT_BAD" || (code == "TENDER_SNAPSHOT_STALE" && bit / 8 < 16)) << bit << code;
    flip(bit / 8, static_cast<int>(bit % 8));
  }
  EXPECT_GT(tried, 2000u);
  EXPECT_EQ(CodeOf(path), "");
}

TEST(SnapshotFile, CutLongAndForeignFilesAreRefused) {
  const std::string path = Write("cut.snapshot");
  const auto size = std::filesystem::file_size(path);
  for (const uint64_t cut : {uint64_t{0}, uint64_t{100}, uint64_t{4096}, size - 4096, size + 4096}) {
    Write("cut.snapshot");
    std::filesystem::resize_file(path, cut);
    EXPECT_EQ(CodeOf(path), "TENDER_SNAPSHOT_BAD") << cut;
  }
  Write("cut.snapshot");
  chmod(path.c_str(), 0640);
  EXPECT_EQ(CodeOf(path), "TENDER_SNAPSHOT_BAD");
  EXPECT_EQ(CodeOf(TemporaryPath("nowhere.snapshot")), "TENDER_SNAPSHOT_MISSING");
  EXPECT_EQ(CodeOf("/dev/null"), "TENDER_SNAPSHOT_BAD");
}

TEST(SnapshotFile, WhatItIsBoundToMustBeTheSame) {
  const std::string path = Write("bound.snapshot");
  const std::vector<void (*)(SnapshotBinding&)> changes = {
      [](SnapshotBinding& b) { b.image[31] ^= 1; }, [](SnapshotBinding& b) { b.cpu_features[2] ^= 1; },
      [](SnapshotBinding& b) { b.xsave_mask ^= 4; }, [](SnapshotBinding& b) { b.memory_limit += 4096; }};
  for (const auto change : changes) {
    SnapshotBinding binding = TestBinding();
    change(binding);
    EXPECT_EQ(CodeOf(path, binding), "TENDER_SNAPSHOT_STALE");
  }
}

// A checksum is no proof of sense.
TEST(SnapshotFile, RangesOutsideTheGuestAreRefused) {
  const std::vector<void (*)(Snapshot&)> changes = {[](Snapshot& s) { s.runs[1].address = EBB_RINGS; },
                                                    [](Snapshot& s) { s.runs[1].size = EBB_ARENA_END; },
                                                    [](Snapshot& s) { s.runs[1].prot = 8; },
                                                    [](Snapshot& s) { s.runs[2].address = EBB_HEAP_BASE; },
                                                    [](Snapshot& s) { s.extents[1].address = EBB_HYPERCALL_PAGE; },
                                                    [](Snapshot& s) { s.extents[2].address = EBB_ARENA_END - 0x1000; },
                                                    [](Snapshot& s) { s.extents[2].address = EBB_EXE_BASE; },
                                                    [](Snapshot& s) { s.extents[1].address += 1; },
                                                    [](Snapshot& s) { s.cores.clear(); }};
  for (size_t i = 0; i < changes.size(); ++i) {
    Snapshot snapshot = TestSnapshot();
    changes[i](snapshot);
    EXPECT_EQ(CodeOf(Write("sense.snapshot", snapshot)), "TENDER_SNAPSHOT_BAD") << i;
  }
}

}  // namespace
}  // namespace ebb::tender
