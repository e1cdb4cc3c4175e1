// Ends the VM when the LibOS finds itself in a state that must not be: loudly, with a reason.
#pragma once

#include <cstdint>

namespace ebb {

[[noreturn]] void Panic(const char* reason);
// Memory beyond the VM's limit is needed, and there is nobody to tell: by whom.
[[noreturn]] void OutOfMemory(const char* whom = "by the LibOS itself");

// Builds the text of a crash report (ebb_core_shared.report) piece by piece.
class ReportWriter {
 public:
  ReportWriter();
  ReportWriter& Text(const char* text);
  ReportWriter& Hex(uint64_t value);
  ReportWriter& Decimal(int64_t value);

 private:
  char* at_;
  char* end_;
};

}  // namespace ebb

// Always on: a violated invariant of the kernel must not go on to corrupt the program.
#define EBB_CHECK(condition)                                     \
  do {                                                           \
    if (!(condition)) ::ebb::Panic("check failed: " #condition); \
  } while (0)
