// TextWriter against the C library, and at the end of its memory.
#include "kernel/text_writer.h"

#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

namespace ebb {
namespace {

template <class F>
std::string Written(F write) {
  char out[64];
  TextWriter writer(std::span<char>{out});
  write(writer);
  return std::string(writer.view());
}

std::string Printed(const char* format, uint64_t value) {
  char out[64];
  std::snprintf(out, sizeof(out), format, value);
  return out;
}

TEST(TextWriter, NumbersAreThoseOfTheCLibrary) {
  for (int shift = 0; shift < 64; ++shift) {
    for (const uint64_t value : {1ull << shift, (1ull << shift) - 1, ~0ull >> shift, ~0ull << shift}) {
      EXPECT_EQ(Written([&](TextWriter& out) { out.Decimal(value); }), Printed("%" PRIu64, value));
      EXPECT_EQ(Written([&](TextWriter& out) { out.Signed(static_cast<int64_t>(value)); }), Printed("%" PRId64, value));
      EXPECT_EQ(Written([&](TextWriter& out) { out.Hex(value); }), Printed("0x%" PRIx64, value));
      EXPECT_EQ(Written([&](TextWriter& out) { out.HexDigits(value, 16); }), Printed("%016" PRIx64, value));
      EXPECT_EQ(Written([&](TextWriter& out) { out.Decimal(value, 12); }), Printed("%12" PRIu64, value));
    }
  }
  EXPECT_EQ(Written([](TextWriter& out) { out.Signed(INT64_MIN); }), "-9223372036854775808");
  EXPECT_EQ(Written([](TextWriter& out) { out.HexDigits(0xabcdef, 2); }), "abcdef");
}

TEST(TextWriter, PiecesFollowEachOther) {
  EXPECT_EQ(Written([](TextWriter& out) { out.Text("a").Char('-').Decimal(7).Text("").Text(" z"); }), "a-7 z");
  EXPECT_EQ(Written([](TextWriter&) {}), "");
}

// Whatever the memory, nothing behind it changes, what fits is there, and size() tells how much would.
TEST(TextWriter, WhatDoesNotFitIsCutAndCounted) {
  const std::string whole = "text 18446744073709551615 0x12345 -5";
  for (size_t size = 0; size <= whole.size() + 2; ++size) {
    char memory[64];
    std::memset(memory, '#', sizeof(memory));
    TextWriter out(std::span<char>(memory).first(size));
    out.Text("text ").Decimal(UINT64_MAX).Char(' ').Hex(0x12345).Text(" ").Signed(-5);
    EXPECT_EQ(out.size(), whole.size());
    EXPECT_EQ(out.view(), whole.substr(0, size));
    for (size_t i = size; i < sizeof(memory); ++i) EXPECT_EQ(memory[i], '#');
  }
}

}  // namespace
}  // namespace ebb
