// What the operations are made of, at random: names that meet often, odd sizes, offsets around pages.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>

#include "linux/fs/test/world.h"

namespace ebb::linux_abi {

class Generator {
 public:
  static constexpr size_t kSlots = 10;

  explicit Generator(uint32_t seed) : random_(seed) {}

  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }

  bool Chance(uint32_t percent) { return Below(100) < percent; }

  template <class T>
  T Pick(std::initializer_list<T> from) {
    return *(from.begin() + Below(static_cast<uint32_t>(from.size())));
  }

  std::string Component() {
    if (Chance(2)) return std::string(255, 'x');
    if (Chance(1)) return std::string(256, 'x');
    if (Chance(6)) return Pick<const char*>({".", ".."});
    return Pick<const char*>({"a", "b", "c", "d", "e", "f", "image", "long-name-of-a-file"});
  }

  std::string Path() {
    if (Chance(1)) return "";
    if (Chance(1)) return "/";
    std::string path = Chance(25) ? "/" : "";
    const uint32_t components = 1 + Below(Chance(60) ? 2 : 4);
    for (uint32_t i = 0; i < components; ++i) {
      if (i != 0) path += Chance(5) ? "//" : "/";
      path += Component();
    }
    if (Chance(8)) path += "/";
    return path;
  }

  int Slot() { return static_cast<int>(Below(kSlots)); }

  int Start() { return Chance(80) ? test::kCwd : Slot(); }

  uint64_t Offset() { return Chance(50) ? Below(9000) : Pick<uint64_t>({0, 1, 4095, 4096, 4097, 8192, 70000, 400000}); }

  uint64_t Size() { return Chance(50) ? Below(300) : Pick<uint64_t>({0, 1, 4095, 4096, 4097, 9000}); }

  uint32_t Mode() { return 0700 | Below(0100); }

  std::string Bytes(uint64_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>('a' + random_() % 26);
    return bytes;
  }

 private:
  std::mt19937 random_;
};

}  // namespace ebb::linux_abi
