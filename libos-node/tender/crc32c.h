// CRC-32C by the processor's instruction (SSE 4.2, which every processor with FSGSBASE has).
#ifndef EBB_TENDER_CRC32C_H_
#define EBB_TENDER_CRC32C_H_

#include <nmmintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace ebb::tender {

// Of everything given so far.
class Crc32c {
 public:
  __attribute__((target("sse4.2"))) void Update(std::span<const std::byte> bytes) {
    uint64_t value = value_;
    size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
      uint64_t word;
      std::memcpy(&word, bytes.data() + at, sizeof word);
      value = _mm_crc32_u64(value, word);
    }
    for (; at < bytes.size(); ++at) value = _mm_crc32_u8(static_cast<uint32_t>(value), static_cast<uint8_t>(bytes[at]));
    value_ = static_cast<uint32_t>(value);
  }
  uint32_t value() const { return ~value_; }

 private:
  uint32_t value_ = ~0u;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_CRC32C_H_
