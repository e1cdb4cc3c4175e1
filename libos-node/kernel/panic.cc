#include "kernel/panic.h"

#include "kernel/hypercall.h"

namespace ebb {

namespace {

// The core's report area; core 0's when the fault came before the core block was set.
char* ReportArea() {
  uint64_t block;
  asm volatile("rdgsbase %0" : "=r"(block));
  return core_shared(block == 0 ? 0 : this_core().index).report;
}

}  // namespace

ReportWriter::ReportWriter() : at_(ReportArea()), end_(at_ + EBB_REPORT_SIZE - 1) { *at_ = '\0'; }

ReportWriter& ReportWriter::Text(const char* text) {
  while (*text != '\0' && at_ < end_) *at_++ = *text++;
  *at_ = '\0';
  return *this;
}

ReportWriter& ReportWriter::Hex(uint64_t value) {
  char digits[19] = "0x";
  char* out = digits + 2;
  for (int shift = 60; shift >= 0; shift -= 4) {
    const uint64_t digit = (value >> shift) & 15;
    if (digit == 0 && out == digits + 2 && shift != 0) continue;
    *out++ = "0123456789abcdef"[digit];
  }
  *out = '\0';
  return Text(digits);
}

ReportWriter& ReportWriter::Decimal(int64_t value) {
  char digits[24];
  char* out = digits + sizeof(digits) - 1;
  *out = '\0';
  uint64_t rest = value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  do {
    *--out = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (value < 0) *--out = '-';
  return Text(out);
}

void Panic(const char* reason) {
  ReportWriter()
      .Text("LibOS panic: ")
      .Text(reason)
      .Text(", called from ")
      .Hex(reinterpret_cast<uint64_t>(__builtin_return_address(0)));
  hypercall::Exit(EBB_EXIT_PANIC, 0);
}

void OutOfMemory(const char* whom) {
  ReportWriter().Text("memory beyond the VM's limit was needed ").Text(whom);
  hypercall::Exit(EBB_EXIT_MEMORY, 0);
}

}  // namespace ebb
