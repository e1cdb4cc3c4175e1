// SHA-256 (FIPS 180-4), for the checksums of image files. Uses the SHA instructions of the processor when there are
// any: an image is about 120 MB and its first check is on the way of the first start (about 0.08 s with, 0.5 s without
// them).
#ifndef EBB_TENDER_SHA256_H_
#define EBB_TENDER_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ebb::tender {

using Sha256Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  enum class Method { kBest, kPortable };
  explicit Sha256(Method method = Method::kBest);

  void Update(std::span<const uint8_t> bytes);
  // Ends the computation; the object must not be used afterwards.
  Sha256Digest Finish();

  static Sha256Digest Of(std::span<const uint8_t> bytes, Method method = Method::kBest);
  static bool HasInstructions();

 private:
  void Blocks(const uint8_t* data, size_t count);

  std::array<uint32_t, 8> state_;
  std::array<uint8_t, 64> pending_{};
  size_t pending_size_ = 0;
  uint64_t total_ = 0;
  bool instructions_;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_SHA256_H_
