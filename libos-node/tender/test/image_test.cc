// Image: every bad field is refused with its code, damage is found, and the stamp spares the second check but not a
// changed file.
#include "tender/image.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "image_builder.h"

namespace ebb::tender {
namespace {

using Change = void (*)(ebb_image_header&);

ebb_image_segment& SegmentOf(ebb_image_header& header, uint32_t kind) {
  for (auto& segment : header.segments) {
    if (segment.kind == kind) return segment;
  }
  throw std::runtime_error("no such segment");
}

struct BadField {
  const char* name;
  const char* code;
  Change change;
};

const BadField kBadFields[] = {
    {"Magic", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.magic[0] = 'X'; }},
    {"Version", "TENDER_IMAGE_VERSION", [](ebb_image_header& h) { h.abi_version = EBB_ABI_VERSION + 1; }},
    {"Size", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.image_size += 4096; }},
    {"NoSegments", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.segment_count = 0; }},
    {"TooManySegments", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.segment_count = EBB_IMAGE_MAX_SEGMENTS + 1; }},
    {"ManifestOffset", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.manifest_offset = h.image_size; }},
    {"ManifestOverflow", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.manifest_offset = ~0ull - 1; }},
    {"ManifestSize", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.manifest_size = ~0ull; }},
    {"OptionsSize", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.options_size = 1 << 20; }},
    {"OptionsEnd", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.options_size -= 1; }},
    {"Kind", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.segments[0].kind = 9; }},
    {"Address", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.segments[0].vaddr += 8; }},
    {"AddressLow", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { SegmentOf(h, EBB_SEGMENT_EXE).vaddr = EBB_LOW_END; }},
    {"AddressZero", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { SegmentOf(h, EBB_SEGMENT_EXE).vaddr = 0; }},
    {"ForeignRegion", "TENDER_IMAGE_BAD",
     [](ebb_image_header& h) { SegmentOf(h, EBB_SEGMENT_EXE).vaddr = EBB_HYPERCALL_PAGE; }},
    {"ForeignKind", "TENDER_IMAGE_BAD",
     [](ebb_image_header& h) { SegmentOf(h, EBB_SEGMENT_EXE).kind = EBB_SEGMENT_KERNEL; }},
    {"RegionEnd", "TENDER_IMAGE_BAD",
     [](ebb_image_header& h) { SegmentOf(h, EBB_SEGMENT_KERNEL).mem_size = EBB_KERNEL_END - EBB_KERNEL_BASE + 1; }},
    {"MemoryOverflow", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { SegmentOf(h, EBB_SEGMENT_EXE).mem_size = ~0ull; }},
    {"Empty", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.segments[0].mem_size = h.segments[0].file_size = 0; }},
    {"FileLarger", "TENDER_IMAGE_BAD",
     [](ebb_image_header& h) { h.segments[0].file_size = h.segments[0].mem_size + 1; }},
    {"FileOffset", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.segments[0].file_offset += 16; }},
    {"FileOffsetHeader", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.segments[0].file_offset = 0; }},
    {"FileOffsetEnd", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.segments[0].file_offset = h.image_size; }},
    {"FileOffsetOverflow", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.segments[0].file_offset = ~0xfffull; }},
    {"Protection", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.segments[0].prot = 8; }},
    {"FsWritable", "TENDER_IMAGE_BAD",
     [](ebb_image_header& h) { SegmentOf(h, EBB_SEGMENT_FS).prot = EBB_PROT_READ | EBB_PROT_WRITE; }},
    {"KernelWritableCode", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { SegmentOf(h, EBB_SEGMENT_KERNEL).prot = 7; }},
    {"Overlap", "TENDER_IMAGE_BAD",
     [](ebb_image_header& h) {
       h.segments[h.segment_count] = SegmentOf(h, EBB_SEGMENT_FS);
       ++h.segment_count;
     }},
    {"Entry", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.kernel_entry = EBB_EXE_BASE; }},
    {"UpcallEntry", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.upcall_entry = 0; }},
    {"SyscallEntry", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.syscall_entry = h.kernel_text_end; }},
    {"TextEmpty", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.kernel_text_end = h.kernel_text_start; }},
    {"TextOutside", "TENDER_IMAGE_BAD", [](ebb_image_header& h) { h.kernel_text_end = EBB_KERNEL_END + 4096; }},
    {"SegmentHash", "TENDER_IMAGE_HASH", [](ebb_image_header& h) { h.segments[0].sha256[0] ^= 1; }},
};

class ImageFieldTest : public testing::TestWithParam<BadField> {};
INSTANTIATE_TEST_SUITE_P(Fields, ImageFieldTest, testing::ValuesIn(kBadFields),
                         [](const auto& item) { return item.param.name; });

TEST_P(ImageFieldTest, IsRefused) {
  const std::string path = TemporaryPath(std::string("field-") + GetParam().name);
  WriteTestImage(path, GetParam().change);
  const auto image = Image::Open(path, ImageCheck::kFull);
  ASSERT_FALSE(image.ok());
  EXPECT_STREQ(CodeName(image.error().code), GetParam().code) << image.error().detail;
}

std::string CodeOf(const Result<Image>& image) { return image.ok() ? "ok" : CodeName(image.error().code); }

TEST(Image, OpensAndReadsTexts) {
  const std::string path = TemporaryPath("good");
  WriteTestImage(path);
  const auto image = Image::Open(path, ImageCheck::kFull);
  ASSERT_TRUE(image.ok()) << image.error().Text();
  EXPECT_EQ(image.value().manifest(), R"({"kind":"test"})");
  EXPECT_EQ(image.value().options(), std::string("profile=test\0", 13));
  EXPECT_GE(image.value().segments().size(), 4u);
}

TEST(Image, DamageIsFoundWhereverItIs) {
  const std::string path = TemporaryPath("damaged");
  WriteTestImage(path);
  const auto good = Image::Open(path, ImageCheck::kFull);
  ASSERT_TRUE(good.ok());
  std::vector<uint64_t> places = {offsetof(ebb_image_header, sha256), 4095, good.value().header().manifest_offset,
                                  good.value().header().options_offset};
  for (const auto& segment : good.value().segments()) {
    if (segment.file_size > 0) places.push_back(segment.file_offset + segment.file_size - 1);
  }
  for (const uint64_t place : places) {
    WriteTestImage(path);
    PatchFile(path, place, "\x01");
    EXPECT_EQ(CodeOf(Image::Open(path, ImageCheck::kStamped)), "TENDER_IMAGE_HASH") << place;
  }
}

TEST(Image, StampSparesTheSecondCheckOnly) {
  const std::string path = TemporaryPath("stamped");
  WriteTestImage(path);
  const auto first = Image::Open(path, ImageCheck::kStamped);
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(first.value().fully_checked());
  const auto second = Image::Open(path, ImageCheck::kStamped);
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second.value().fully_checked());
  EXPECT_TRUE(Image::Open(path, ImageCheck::kFull).value().fully_checked());

  // A changed byte in a segment that the stamp stands for, with the old modification time put back: the change time
  // betrays it.
  const auto& segments = first.value().segments();
  const auto exe = std::find_if(segments.begin(), segments.end(),
                                [](const auto& s) { return s.kind == EBB_SEGMENT_EXE && s.file_size > 0; });
  const auto time = std::filesystem::last_write_time(path);
  PatchFile(path, exe->file_offset, "\x01\x02");
  std::filesystem::last_write_time(path, time);
  EXPECT_EQ(CodeOf(Image::Open(path, ImageCheck::kStamped)), "TENDER_IMAGE_HASH");
}

TEST(Image, AForeignStampIsIgnored) {
  const std::string path = TemporaryPath("foreign");
  const std::string other = TemporaryPath("other");
  WriteTestImage(path);
  WriteTestImage(other);
  ASSERT_TRUE(Image::Open(other, ImageCheck::kStamped).ok());
  std::filesystem::copy_file(other + ".verified", path + ".verified");
  EXPECT_TRUE(Image::Open(path, ImageCheck::kStamped).value().fully_checked());
}

TEST(Image, OtherFilesAreRefused) {
  EXPECT_EQ(CodeOf(Image::Open("/nonexistent", ImageCheck::kFull)), "TENDER_IMAGE_MISSING");
  EXPECT_EQ(CodeOf(Image::Open("/dev/null", ImageCheck::kFull)), "TENDER_IMAGE_BAD");
  EXPECT_EQ(CodeOf(Image::Open("/", ImageCheck::kFull)), "TENDER_IMAGE_BAD");
  const std::string fifo = TemporaryPath("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(CodeOf(Image::Open(fifo, ImageCheck::kFull)), "TENDER_IMAGE_BAD");
  const std::string truncated = TemporaryPath("truncated");
  WriteTestImage(truncated);
  std::filesystem::resize_file(truncated, 5000);
  EXPECT_EQ(CodeOf(Image::Open(truncated, ImageCheck::kFull)), "TENDER_IMAGE_BAD");
  std::filesystem::resize_file(truncated, 100);
  EXPECT_EQ(CodeOf(Image::Open(truncated, ImageCheck::kFull)), "TENDER_IMAGE_BAD");
}

}  // namespace
}  // namespace ebb::tender
