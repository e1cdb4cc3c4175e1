// Tracing (EBB_BOOT_TRACE): one line per syscall and hypercall on the trace stream of the log channel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/core.h"

namespace ebb {

inline bool Tracing() { return (boot_info().flags & EBB_BOOT_TRACE) != 0; }

// One line, built piece by piece; what does not fit is cut.
class TraceLine {
 public:
  TraceLine& Text(const char* text);
  TraceLine& Hex(uint64_t value);
  TraceLine& Decimal(int64_t value);
  void Send();

 private:
  char text_[256];
  size_t size_ = 0;
};

// Sending a line makes hypercalls itself; those are not traced.
void TraceHypercall(const char* name, uint64_t a, uint64_t b, uint64_t c);

}  // namespace ebb
