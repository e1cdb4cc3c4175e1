// CrashDump: what the tender says when it dies of a signal of its own making or of somebody's: one line on stderr,
// `ebbtender crash {json}`, which the hosted side turns into a report.
//
// Invariant: the handler calls nothing that is not async-signal-safe, and no system call beyond those of the seccomp
// policies (write, exit_group, getpid): the line goes to stderr and not to the report channel, where it could
// land inside a frame that is half out. It tells registers and addresses of code; no memory of tender or guest, no
// environment, no arguments. The process ends with status 128 + signal. What seccomp kills (SIGSYS) and SIGKILL leave
// no dump: the wait status alone tells them.
#ifndef EBB_TENDER_CRASH_DUMP_H_
#define EBB_TENDER_CRASH_DUMP_H_

#include <cstdint>

#include "abi/ebb_abi.h"
#include "tender/result.h"

namespace ebb::tender {

enum class Phase { kStart, kRun, kEnd };

// What the dump tells beside the processor's state. One per process; pointers stay valid until the process ends.
struct CrashFacts {
  Phase phase = Phase::kStart;
  const char* tender = "";
  const ebb_core_shared* core = nullptr;
  const uint64_t* exits = nullptr;
};
CrashFacts& crash_facts();

// Installs the handlers and keeps the kernel from writing core files, which would hold the guest's memory. A handler
// is of no use in the guest process, which sets its own.
Result<void> InstallCrashDump();

}  // namespace ebb::tender

#endif  // EBB_TENDER_CRASH_DUMP_H_
