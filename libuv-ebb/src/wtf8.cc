// WTF-8: UTF-8 in which unpaired surrogates may stand, so that any UTF-16 text survives the way there and back.
#include <cstdint>

#include "src/memory.h"
#include "uv.h"

namespace {

constexpr bool IsHigh(uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
constexpr bool IsLow(uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

// The next character of UTF-16 text: `length` units, or up to a terminator when negative.
class Utf16Reader {
 public:
  Utf16Reader(const uint16_t* text, ssize_t length) : at_(text), left_(length) {}
  bool AtEnd() const { return left_ == 0 || (left_ < 0 && *at_ == 0); }
  uint32_t Next() {
    const uint32_t unit = Take();
    if (!IsHigh(unit) || AtEnd() || !IsLow(*at_)) return unit;
    return 0x10000 + ((unit - 0xD800) << 10) + (Take() - 0xDC00u);
  }

 private:
  uint32_t Take() {
    if (left_ > 0) --left_;
    return *at_++;
  }
  const uint16_t* at_;
  ssize_t left_;
};

size_t SizeOf(uint32_t c) { return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4; }

char* Put(char* at, uint32_t c) {
  const size_t size = SizeOf(c);
  constexpr unsigned char kLead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = size; i-- > 1; c >>= 6) at[i] = static_cast<char>(0x80 | (c & 0x3F));
  at[0] = static_cast<char>(kLead[size] | c);
  return at + size;
}

constexpr uint32_t kInvalid = UINT32_MAX;

// Decodes one character of terminated WTF-8 and moves past it.
uint32_t Decode(const char** text) {
  const auto* at = reinterpret_cast<const unsigned char*>(*text);
  const uint32_t first = at[0];
  int more = first < 0x80 ? 0 : first < 0xC2 ? -1 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF5 ? 3 : -1;
  if (more < 0) return kInvalid;
  uint32_t value = more == 0 ? first : first & (0x3Fu >> more);
  const int size = more + 1;
  for (int i = 1; i < size; ++i) {
    if ((at[i] & 0xC0) != 0x80) return kInvalid;
    value = value << 6 | (at[i] & 0x3Fu);
  }
  if (size > 1 && value < (size == 2 ? 0x80u : size == 3 ? 0x800u : 0x10000u)) return kInvalid;
  if (value > 0x10FFFF) return kInvalid;
  *text += size;
  return value;
}

}  // namespace

size_t uv_utf16_length_as_wtf8(const uint16_t* utf16, ssize_t utf16_len) {
  size_t length = 0;
  for (Utf16Reader reader(utf16, utf16_len); !reader.AtEnd();) length += SizeOf(reader.Next());
  return length;
}

int uv_utf16_to_wtf8(const uint16_t* utf16, ssize_t utf16_len, char** wtf8_ptr, size_t* wtf8_len_ptr) {
  if (wtf8_ptr == nullptr) {
    if (wtf8_len_ptr == nullptr) return UV_EINVAL;
    *wtf8_len_ptr = uv_utf16_length_as_wtf8(utf16, utf16_len);
    return 0;
  }
  const size_t needed = uv_utf16_length_as_wtf8(utf16, utf16_len);
  char* target = *wtf8_ptr;
  size_t room = needed;
  if (target == nullptr) {
    target = ebb::uv::AllocateFor<char>(needed + 1);
    if (target == nullptr) return UV_ENOMEM;
    *wtf8_ptr = target;
  } else if (wtf8_len_ptr != nullptr) {
    room = *wtf8_len_ptr;
  }
  char* at = target;
  Utf16Reader reader(utf16, utf16_len);
  while (!reader.AtEnd()) {
    const uint32_t c = reader.Next();
    if (static_cast<size_t>(at - target) + SizeOf(c) > room) break;
    at = Put(at, c);
  }
  *at = '\0';
  const bool whole = static_cast<size_t>(at - target) == needed;
  if (wtf8_len_ptr != nullptr) *wtf8_len_ptr = needed;
  return whole ? 0 : static_cast<int>(UV_ENOBUFS);
}

ssize_t uv_wtf8_length_as_utf16(const char* wtf8) {
  size_t length = 0;
  for (;;) {
    const uint32_t c = Decode(&wtf8);
    if (c == kInvalid) return -1;
    length += c >= 0x10000 ? 2 : 1;
    if (c == 0) return static_cast<ssize_t>(length);
  }
}

void uv_wtf8_to_utf16(const char* wtf8, uint16_t* utf16, size_t utf16_len) {
  for (size_t i = 0; i < utf16_len;) {
    const uint32_t c = Decode(&wtf8);
    if (c == kInvalid) return;
    if (c >= 0x10000 && i + 1 < utf16_len) {
      utf16[i++] = static_cast<uint16_t>(0xD800 + ((c - 0x10000) >> 10));
      utf16[i++] = static_cast<uint16_t>(0xDC00 + ((c - 0x10000) & 0x3FF));
    } else {
      utf16[i++] = static_cast<uint16_t>(c);
    }
    if (c == 0) return;
  }
}
