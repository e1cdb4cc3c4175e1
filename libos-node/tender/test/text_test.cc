// JSON quoting and exit reports: what a hostile crash text becomes.
#include <gtest/gtest.h>

#include <cstring>

#include "abi/ebb_abi.h"
#include "tender/boot_info.h"
#include "tender/exit_report.h"
#include "tender/json.h"

namespace ebb::tender {
namespace {

TEST(Json, QuotesAndRepairs) {
  EXPECT_EQ(JsonString("a\"b\\c\n\x01\x7f"), R"("a\"b\\c\u000a\u0001\u007f")");
  EXPECT_EQ(JsonString("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
            "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"");
  const char* const bad[] = {
      "\xff", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\x80"};
  for (const char* text : bad) {
    const std::string quoted = JsonString(text);
    EXPECT_EQ(quoted.substr(0, 4), "\"\xef\xbf\xbd") << quoted;
  }
  EXPECT_EQ(JsonObject().Finish(), "{}");
  EXPECT_EQ(JsonObject().Number("a", 1).Text("b", "x").Bool("c", true).Raw("d", "[1]").Finish(),
            R"({"a":1,"b":"x","c":true,"d":[1]})");
}

TEST(ExitReport, OfEachKind) {
  EXPECT_EQ(ExitReport::Ended().Json(), R"({"reason":"ended"})");
  EXPECT_EQ(ExitReport::OfGuest(EBB_EXIT_NORMAL, 3, "").Json(), R"({"reason":"exit","code":3})");
  EXPECT_EQ(ExitReport::OfGuest(EBB_EXIT_SIGNAL, 6, "t").Json(),
            R"({"reason":"abort","signal":"SIGABRT","detail":"t"})");
  EXPECT_EQ(ExitReport::OfGuest(EBB_EXIT_FAULT, 11, "").Json(), R"({"reason":"fault","signal":"SIGSEGV"})");
  EXPECT_EQ(ExitReport::OfGuest(EBB_EXIT_PANIC, 0, "p").Json(), R"({"reason":"fault","detail":"LibOS panic: p"})");
  EXPECT_EQ(ExitReport::OfGuest(EBB_EXIT_MEMORY, 0, "").Json(), R"({"reason":"memory"})");
  EXPECT_EQ(ExitReport::OfGuest(77, ~0ull, "").Json(), R"({"reason":"fault","detail":"exit of unknown kind 77: "})");
  EXPECT_EQ(ExitReport::OfGuest(EBB_EXIT_NORMAL, 3, "").ProcessStatus(), 3);
  EXPECT_EQ(ExitReport::OfGuest(EBB_EXIT_SIGNAL, 6, "").ProcessStatus(), 134);
  EXPECT_EQ(ExitReport::OfGuest(EBB_EXIT_SIGNAL, 0x1234567, "").signal, 0x67);
  EXPECT_EQ(ExitReport::Ended().ProcessStatus(), 0);
  EXPECT_EQ(ExitReport::OfError({ErrorCode::kImageBad, "x"}).ProcessStatus(), 2);
}

TEST(BootInfo, StringsAreWhereTheStructSays) {
  BootParameters parameters{};
  parameters.tender = EBB_TENDER_PROCESS;
  parameters.trace = true;
  parameters.options = std::string("a=1\0", 4);
  parameters.environment = {"X=1", "Y=2"};
  parameters.arguments = {"node", ""};
  const auto region = BuildBootInfo(parameters);
  ASSERT_TRUE(region.ok());
  ebb_boot_info info;
  std::memcpy(&info, region.value().data(), sizeof info);
  EXPECT_EQ(info.magic, EBB_BOOT_MAGIC);
  EXPECT_EQ(info.flags, EBB_BOOT_TRACE);
  const auto block = [&](uint64_t address, uint64_t size) {
    const auto* start = reinterpret_cast<const char*>(region.value().data()) + (address - EBB_BOOT_INFO);
    return std::string(start, size);
  };
  EXPECT_EQ(block(info.options, info.options_size), std::string("a=1\0", 4));
  EXPECT_EQ(block(info.environment, info.environment_size), std::string("X=1\0Y=2\0", 8));
  EXPECT_EQ(block(info.arguments, info.arguments_size), std::string("node\0\0", 6));

  parameters.environment = {"BIG=" + std::string(EBB_BOOT_INFO_SIZE, 'x')};
  const auto too_big = BuildBootInfo(parameters);
  ASSERT_FALSE(too_big.ok());
  EXPECT_EQ(too_big.error().code, ErrorCode::kBootInfoTooBig);
}

}  // namespace
}  // namespace ebb::tender
