#include "kernel/trace.h"

#include <span>

#include "kernel/console.h"

namespace ebb {

TraceLine& TraceLine::Text(const char* text) {
  while (*text != '\0' && size_ < sizeof(text_)) text_[size_++] = *text++;
  return *this;
}

TraceLine& TraceLine::Hex(uint64_t value) {
  Text("0x");
  bool digits = false;
  for (int shift = 60; shift >= 0; shift -= 4) {
    const uint64_t digit = (value >> shift) & 15;
    digits = digits || digit != 0 || shift == 0;
    if (digits && size_ < sizeof(text_)) text_[size_++] = "0123456789abcdef"[digit];
  }
  return *this;
}

TraceLine& TraceLine::Decimal(int64_t value) {
  if (value < 0) Text("-");
  uint64_t rest = value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  char digits[20];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  while (count > 0 && size_ < sizeof(text_)) text_[size_++] = digits[--count];
  return *this;
}

void TraceLine::Send() {
  if (size_ == sizeof(text_)) --size_;
  text_[size_++] = '\n';
  (void)console().Write(EBB_LOG_TRACE, std::as_bytes(std::span(text_, size_)));
}

void TraceHypercall(const char* name, uint64_t a, uint64_t b, uint64_t c) {
  static bool sending = false;
  if (sending) return;
  sending = true;
  TraceLine line;
  line.Text("hypercall ").Text(name).Text("(").Hex(a).Text(", ").Hex(b).Text(", ").Hex(c).Text(")").Send();
  sending = false;
}

}  // namespace ebb
