#include "src/idna.h"

#include <initializer_list>

#include "uv.h"

namespace ebb::uv {
namespace {

// RFC 3492, section 5.
constexpr uint32_t kBase = 36;
constexpr uint32_t kTMin = 1;
constexpr uint32_t kTMax = 26;
constexpr uint32_t kSkew = 38;
constexpr uint32_t kDamp = 700;
constexpr uint32_t kInitialBias = 72;
constexpr uint32_t kInitialN = 128;

class Output {
 public:
  Output(char* buffer, size_t size) : begin_(buffer), at_(buffer), end_(buffer + size) {}
  void Put(char c) {
    if (at_ == end_)
      full_ = true;
    else
      *at_++ = c;
  }
  bool full() const { return full_; }
  long length() const { return at_ - begin_; }

 private:
  char* begin_;
  char* at_;
  char* end_;
  bool full_ = false;
};

bool IsSeparator(uint32_t c) { return c == '.' || c == 0x3002 || c == 0xFF0E || c == 0xFF61; }

char Digit(uint32_t value) { return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26)); }

uint32_t Adapt(uint32_t delta, uint32_t points, bool first) {
  delta = first ? delta / kDamp : delta / 2;
  delta += delta / points;
  uint32_t k = 0;
  for (; delta > (kBase - kTMin) * kTMax / 2; k += kBase) delta /= kBase - kTMin;
  return k + (kBase - kTMin + 1) * delta / (delta + kSkew);
}

void PutVariable(uint32_t value, uint32_t bias, Output& out) {
  for (uint32_t k = kBase;; k += kBase) {
    const uint32_t threshold = k <= bias ? kTMin : k >= bias + kTMax ? kTMax : k - bias;
    if (value < threshold) break;
    out.Put(Digit(threshold + (value - threshold) % (kBase - threshold)));
    value = (value - threshold) / (kBase - threshold);
  }
  out.Put(Digit(value));
}

// One label, known to be UTF-8.
int PutLabel(const char* begin, const char* end, Output& out) {
  uint32_t basic = 0;
  uint32_t points = 0;
  for (const char* at = begin; at < end; ++points) {
    if (DecodeUtf8(&at, end) < kInitialN) ++basic;
  }
  if (basic < points) {
    for (const char c : {'x', 'n', '-', '-'}) out.Put(c);
  }
  for (const char* at = begin; at < end;) {
    const uint32_t c = DecodeUtf8(&at, end);
    if (c < kInitialN) out.Put(static_cast<char>(c));
  }
  if (basic == points) return 0;
  if (basic > 0) out.Put('-');
  uint32_t n = kInitialN;
  uint32_t delta = 0;
  uint32_t bias = kInitialBias;
  for (uint32_t handled = basic; handled < points; ++delta, ++n) {
    uint32_t least = kNoCharacter;
    for (const char* at = begin; at < end;) {
      const uint32_t c = DecodeUtf8(&at, end);
      if (c >= n && c < least) least = c;
    }
    if (least - n > (UINT32_MAX - delta) / (handled + 1)) return UV_E2BIG;
    delta += (least - n) * (handled + 1);
    n = least;
    for (const char* at = begin; at < end;) {
      const uint32_t c = DecodeUtf8(&at, end);
      if (c < n && ++delta == 0) return UV_E2BIG;
      if (c != n) continue;
      PutVariable(delta, bias, out);
      bias = Adapt(delta, handled + 1, handled == basic);
      delta = 0;
      ++handled;
    }
  }
  return 0;
}

}  // namespace

uint32_t DecodeUtf8(const char** at, const char* end) {
  const auto first = static_cast<unsigned char>(*(*at)++);
  if (first < 0x80) return first;
  uint32_t value;
  uint32_t least;
  int more;
  if (first >= 0xC0 && first < 0xE0) {
    value = first & 0x1Fu;
    least = 0x80;
    more = 1;
  } else if (first >= 0xE0 && first < 0xF0) {
    value = first & 0x0Fu;
    least = 0x800;
    more = 2;
  } else if (first >= 0xF0 && first < 0xF8) {
    value = first & 0x07u;
    least = 0x10000;
    more = 3;
  } else {
    return kNoCharacter;
  }
  for (; more > 0; --more) {
    if (*at == end) return kNoCharacter;
    const auto next = static_cast<unsigned char>(**at);
    if ((next & 0xC0) != 0x80) return kNoCharacter;
    value = value << 6 | (next & 0x3Fu);
    ++*at;
  }
  // Overlong forms, surrogates, beyond Unicode.
  if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return kNoCharacter;
  return value;
}

long IdnaToAscii(const char* name, size_t length, char* buffer, size_t size) {
  if (length == 0) return UV_EINVAL;
  const char* end = name + length;
  Output out(buffer, size);
  const char* label = name;
  for (const char* at = name; at < end;) {
    const char* here = at;
    const uint32_t c = DecodeUtf8(&at, end);
    if (c == kNoCharacter) return UV_EINVAL;
    if (!IsSeparator(c)) continue;
    const int error = PutLabel(label, here, out);
    if (error != 0) return error;
    out.Put('.');
    label = at;
  }
  const int error = PutLabel(label, end, out);
  if (error != 0) return error;
  out.Put('\0');
  return out.full() ? static_cast<long>(UV_EINVAL) : out.length();
}

}  // namespace ebb::uv
