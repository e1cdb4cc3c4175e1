// Ends the VM when the LibOS finds itself in a state that must not be: loudly, with a reason.
#pragma once

#include "kernel/text_writer.h"

namespace ebb {

[[noreturn]] void Panic(const char* reason);
// Memory beyond the VM's limit is needed, and there is nobody to tell: by whom.
[[noreturn]] void OutOfMemory(const char* whom = "by the LibOS itself");

// The text of a crash report (ebb_core_shared.report), begun anew.
class ReportWriter : public TextWriter {
 public:
  ReportWriter();
};

}  // namespace ebb

// Always on: a violated invariant of the kernel must not go on to corrupt the program.
#define EBB_CHECK(condition)                                     \
  do {                                                           \
    if (!(condition)) ::ebb::Panic("check failed: " #condition); \
  } while (0)
