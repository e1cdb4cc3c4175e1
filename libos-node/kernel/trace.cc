#include "kernel/trace.h"

#include <span>

#include "kernel/console.h"

namespace ebb {

void TraceLine::Send() {
  const size_t size = out_.view().size();
  text_[size] = '\n';
  (void)console().Write(EBB_LOG_TRACE, std::as_bytes(std::span(text_, size + 1)));
}

void TraceHypercall(const char* name, uint64_t a, uint64_t b, uint64_t c) {
  static bool sending = false;
  if (sending) return;
  sending = true;
  TraceLine line;
  line.out().Text("hypercall ").Text(name).Text("(").Hex(a).Text(", ").Hex(b).Text(", ").Hex(c).Text(")");
  line.Send();
  sending = false;
}

}  // namespace ebb
