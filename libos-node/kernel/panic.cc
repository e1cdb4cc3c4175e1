#include "kernel/panic.h"

#include "kernel/hypercall.h"

namespace ebb {

namespace {

// The core's report area but for its last byte, all zero; core 0's when the fault came before the core block was set.
std::span<char> ReportArea() {
  uint64_t block;
  asm volatile("rdgsbase %0" : "=r"(block));
  char* report = core_shared(block == 0 ? 0 : this_core().index).report;
  __builtin_memset(report, 0, EBB_REPORT_SIZE);
  return {report, EBB_REPORT_SIZE - 1};
}

}  // namespace

ReportWriter::ReportWriter() : TextWriter(ReportArea()) {}

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
