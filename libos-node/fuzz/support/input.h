// Input: the bytes of one case, taken from the front. At their end every value is zero, so that any prefix of a case is
// a case, too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace ebb::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(data, size) {}

  bool empty() const { return rest_.empty(); }

  template <class T>
  T Take() {
    T value{};
    const size_t size = std::min(sizeof(T), rest_.size());
    if (size != 0) std::memcpy(&value, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return value;
  }
  uint8_t Byte() { return Take<uint8_t>(); }
  // One byte's choice among `limit` <= 256.
  size_t Below(size_t limit) { return Byte() % limit; }

  std::span<const uint8_t> Bytes(size_t most) {
    const auto bytes = rest_.first(std::min(most, rest_.size()));
    rest_ = rest_.subspan(bytes.size());
    return bytes;
  }
  std::string Text(size_t most) {
    const auto bytes = Bytes(most);
    return std::string(bytes.begin(), bytes.end());
  }
  std::span<const uint8_t> Rest() { return Bytes(rest_.size()); }

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace ebb::fuzz
