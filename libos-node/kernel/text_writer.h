// TextWriter: builds a text piece by piece in memory of the caller's. What does not fit is cut but counted, so that a
// second attempt with size() bytes holds all of it. Neither allocates nor calls anything: crash reports are written
// with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ebb {

class TextWriter {
 public:
  explicit TextWriter(std::span<char> out) : out_(out) {}

  TextWriter& Char(char c) {
    if (size_ < out_.size()) out_[size_] = c;
    ++size_;
    return *this;
  }
  TextWriter& Text(std::string_view text) {
    for (const char c : text) Char(c);
    return *this;
  }
  // 0x and as many digits as it takes.
  TextWriter& Hex(uint64_t value) { return Text("0x").HexDigits(value, 1); }
  // At least `digits` digits, zeros in front.
  TextWriter& HexDigits(uint64_t value, int digits) {
    while (digits < kHexDigits && value >> (digits * 4) != 0) ++digits;
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) Char("0123456789abcdef"[(value >> shift) & 15]);
    return *this;
  }
  TextWriter& Decimal(uint64_t value, size_t width = 0) {
    char digits[kDecimalDigits];
    size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    for (size_t i = count; i < width; ++i) Char(' ');
    while (count > 0) Char(digits[--count]);
    return *this;
  }
  TextWriter& Signed(int64_t value) {
    if (value >= 0) return Decimal(static_cast<uint64_t>(value));
    return Char('-').Decimal(-static_cast<uint64_t>(value));
  }

  // Of all that was written, the cut part included.
  size_t size() const { return size_; }
  // What is there.
  std::string_view view() const { return {out_.data(), size_ < out_.size() ? size_ : out_.size()}; }

 private:
  static constexpr int kHexDigits = 16;
  static constexpr size_t kDecimalDigits = 20;

  std::span<char> out_;
  size_t size_ = 0;
};

}  // namespace ebb
