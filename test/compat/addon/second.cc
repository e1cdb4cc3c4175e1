// The library that the addon opens: with state, a constructor, and a symbol of the program's own libraries.
#include <cmath>
#include <vector>

static std::vector<int> calls = {1};

extern "C" int answer(int value) {
  calls.push_back(value);
  return static_cast<int>(std::lround(std::sqrt(static_cast<double>(value * value)))) + static_cast<int>(calls.size());
}
