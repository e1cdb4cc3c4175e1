// TextBuffer: builds the text of a file of /proc.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace ebb::linux_abi {

class TextBuffer {
 public:
  TextBuffer& Text(std::string_view text) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    return *this;
  }
  TextBuffer& Decimal(uint64_t value, size_t width = 0) {
    char digits[20];
    size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    for (size_t i = count; i < width; ++i) bytes_.push_back(' ');
    while (count > 0) bytes_.push_back(digits[--count]);
    return *this;
  }
  TextBuffer& Hex(uint64_t value, int digits) {
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
      bytes_.push_back("0123456789abcdef"[(value >> shift) & 15]);
    return *this;
  }
  std::vector<char>& bytes() { return bytes_; }
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

}  // namespace ebb::linux_abi
