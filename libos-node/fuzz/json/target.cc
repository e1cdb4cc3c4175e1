// What a guest's crash text becomes: JsonString and ExitReport must yield valid JSON in valid UTF-8 whatever the bytes.
// The reader below is strict and knows only what the writer may use.
#include <string>
#include <string_view>

#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "tender/exit_report.h"
#include "tender/json.h"

namespace {

using namespace ebb::tender;

// Bytes of the well-formed sequence at the start (table 3-7 of the Unicode standard), 0 for none.
size_t WellFormed(std::string_view text) {
  const auto in = [&](size_t i, unsigned low, unsigned high) {
    return i < text.size() && static_cast<uint8_t>(text[i]) >= low && static_cast<uint8_t>(text[i]) <= high;
  };
  if (in(0, 0x00, 0x7f)) return 1;
  if (in(0, 0xc2, 0xdf) && in(1, 0x80, 0xbf)) return 2;
  const bool three = (in(0, 0xe0, 0xe0) && in(1, 0xa0, 0xbf)) || (in(0, 0xe1, 0xec) && in(1, 0x80, 0xbf)) ||
                     (in(0, 0xed, 0xed) && in(1, 0x80, 0x9f)) || (in(0, 0xee, 0xef) && in(1, 0x80, 0xbf));
  if (three && in(2, 0x80, 0xbf)) return 3;
  const bool four = (in(0, 0xf0, 0xf0) && in(1, 0x90, 0xbf)) || (in(0, 0xf1, 0xf3) && in(1, 0x80, 0xbf)) ||
                    (in(0, 0xf4, 0xf4) && in(1, 0x80, 0x8f));
  if (four && in(2, 0x80, 0xbf) && in(3, 0x80, 0xbf)) return 4;
  return 0;
}

std::string Repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = WellFormed(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

// Takes a string off the front.
std::string ReadString(std::string_view& json) {
  FUZZ_CHECK(!json.empty() && json[0] == '"');
  json.remove_prefix(1);
  std::string out;
  for (;;) {
    FUZZ_CHECK(!json.empty());
    const size_t length = WellFormed(json);
    FUZZ_CHECK(length > 0);
    const char c = json[0];
    FUZZ_CHECK(static_cast<uint8_t>(c) >= 0x20 && c != 0x7f);
    if (c == '"') {
      json.remove_prefix(1);
      return out;
    }
    if (c != '\\') {
      out += json.substr(0, length);
      json.remove_prefix(length);
      continue;
    }
    FUZZ_CHECK(json.size() >= 2);
    if (json[1] == '"' || json[1] == '\\') {
      out += json[1];
      json.remove_prefix(2);
      continue;
    }
    FUZZ_CHECK(json.size() >= 6 && json.substr(1, 3) == "u00");
    out += static_cast<char>(std::stoi(std::string(json.substr(4, 2)), nullptr, 16));
    json.remove_prefix(6);
  }
}

// A flat object of strings and unsigned numbers.
void ReadObject(std::string_view json) {
  FUZZ_CHECK(json.size() >= 2 && json.front() == '{' && json.back() == '}');
  json = json.substr(1, json.size() - 2);
  while (!json.empty()) {
    FUZZ_CHECK(!ReadString(json).empty() && !json.empty() && json[0] == ':');
    json.remove_prefix(1);
    if (!json.empty() && json[0] == '"') {
      ReadString(json);
    } else {
      size_t digits = 0;
      while (digits < json.size() && json[digits] >= '0' && json[digits] <= '9') ++digits;
      FUZZ_CHECK(digits > 0);
      json.remove_prefix(digits);
    }
    if (json.empty()) return;
    FUZZ_CHECK(json[0] == ',');
    json.remove_prefix(1);
    FUZZ_CHECK(!json.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ebb::fuzz::Input input(data, size);
  const uint64_t kind = input.Byte() % 8, code = input.Take<uint64_t>();
  const std::string text = input.Text(size);
  const std::string quoted = JsonString(text);
  std::string_view rest = quoted;
  FUZZ_CHECK(ReadString(rest) == Repaired(text));
  FUZZ_CHECK(rest.empty());

  const ExitReport report = ExitReport::OfGuest(kind, code, text);
  ReadObject(report.Json());
  FUZZ_CHECK(report.ProcessStatus() >= 0 && report.ProcessStatus() <= 255);
  ReadObject(ExitReport::OfError({ErrorCode::kSystem, text}).Json());
  return 0;
}
