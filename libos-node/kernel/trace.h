// Tracing (EBB_BOOT_TRACE): one line per syscall and hypercall on the trace stream of the log channel.
#pragma once

#include <cstdint>
#include <span>

#include "kernel/core.h"
#include "kernel/text_writer.h"

namespace ebb {

inline bool Tracing() { return (boot_info().flags & EBB_BOOT_TRACE) != 0; }

// One line, built piece by piece; what does not fit is cut.
class TraceLine {
 public:
  TextWriter& out() { return out_; }
  void Send();

 private:
  char text_[256];
  // The last byte is the end of the line's.
  TextWriter out_{std::span(text_).first(sizeof(text_) - 1)};
};

// Sending a line makes hypercalls itself; those are not traced.
void TraceHypercall(const char* name, uint64_t a, uint64_t b, uint64_t c);

}  // namespace ebb
