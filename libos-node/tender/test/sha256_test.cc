// SHA-256: known answers (FIPS 180-2 examples), and both implementations against each other at every length around
// block boundaries.
#include "tender/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ebb::tender {
namespace {

std::string Hex(const Sha256Digest& digest) {
  std::string text;
  for (const uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string HashOf(const std::string& text, Sha256::Method method) {
  return Hex(Sha256::Of({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, method));
}

class Sha256Test : public testing::TestWithParam<Sha256::Method> {};
INSTANTIATE_TEST_SUITE_P(Methods, Sha256Test, testing::Values(Sha256::Method::kBest, Sha256::Method::kPortable));

TEST_P(Sha256Test, KnownAnswers) {
  EXPECT_EQ(HashOf("", GetParam()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HashOf("abc", GetParam()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HashOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", GetParam()),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(HashOf(std::string(1000000, 'a'), GetParam()),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, MethodsAgreeAtEveryLengthAndSplit) {
  std::vector<uint8_t> bytes(300);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + 3);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const auto expected = Sha256::Of({bytes.data(), size}, Sha256::Method::kPortable);
    Sha256 split;
    split.Update({bytes.data(), size / 3});
    split.Update({bytes.data() + size / 3, size - size / 3});
    EXPECT_EQ(Hex(split.Finish()), Hex(expected)) << size;
  }
}

}  // namespace
}  // namespace ebb::tender
