// The hash of a name in a directory. Eight bytes at a time, because every path component is hashed; not keyed: a
// program that makes names collide slows down itself alone.
#pragma once

#include <cstdint>
#include <string_view>

namespace ebb::linux_abi {

inline uint32_t HashName(std::string_view name, uint64_t seed) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15ull;
  uint64_t hash = seed ^ name.size();
  const auto mix = [&](uint64_t word) {
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
  };
  const char* at = name.data();
  size_t left = name.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    __builtin_memcpy(&word, at, 8);
    mix(word);
  }
  uint64_t tail = 0;
  for (size_t i = 0; i < left; ++i) tail |= static_cast<uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  mix(tail);
  return static_cast<uint32_t>(hash ^ (hash >> 29));
}

}  // namespace ebb::linux_abi
