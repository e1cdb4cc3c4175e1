// JsonObject: writes one flat or nested JSON object, for the EXIT and STATS frames and --stats. Writing only; text is
// made valid UTF-8.
#ifndef EBB_TENDER_JSON_H_
#define EBB_TENDER_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace ebb::tender {

// A quoted JSON string. Bytes that are not UTF-8 become U+FFFD: crash reports come from the guest.
std::string JsonString(std::string_view text);

class JsonObject {
 public:
  JsonObject& Raw(std::string_view name, std::string_view json) {
    text_ += text_.size() > 1 ? "," : "";
    text_ += JsonString(name);
    text_ += ":";
    text_ += json;
    return *this;
  }
  JsonObject& Text(std::string_view name, std::string_view value) { return Raw(name, JsonString(value)); }
  JsonObject& Number(std::string_view name, uint64_t value) { return Raw(name, std::to_string(value)); }
  JsonObject& Bool(std::string_view name, bool value) { return Raw(name, value ? "true" : "false"); }
  std::string Finish() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_JSON_H_
