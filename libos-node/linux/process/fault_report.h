// What a CPU fault of the program means: as siginfo for a handler, and as text when nobody handles it.
#pragma once

#include <cstdint>

#include "kernel/user_frame.h"
#include "linux/process/signal_frame.h"

namespace ebb {
class ReportWriter;
class Thread;
}  // namespace ebb

namespace ebb::linux_abi {

// "SIGSEGV", or "signal 42".
void WriteSignalName(ReportWriter& report, int signal);
// " in thread 'node' (tid 1)": where the current thread is in the program.
void WritePlace(ReportWriter& report, const Thread& thread, const UserFrame& frame);

// The signal of a fault: number, si_code and si_addr as Linux gives them.
SigInfo DescribeFault(Thread& thread, const UserFrame& frame, uint32_t vector, uint64_t address);

// Writes the crash report.
void ReportFault(const Thread& thread, const UserFrame& frame, const SigInfo& info, const FaultContext& fault);

}  // namespace ebb::linux_abi
