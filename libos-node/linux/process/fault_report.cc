#include "linux/process/fault_report.h"

#include "kernel/panic.h"
#include "kernel/thread.h"
#include "linux/mm/address_space.h"
#include "linux/mm/modules.h"

namespace ebb::linux_abi {
namespace {

constexpr uint32_t kDivideError = 0, kDebug = 1, kBreakpoint = 3, kInvalidOpcode = 6, kStackFault = 12, kPageFault = 14,
                   kX87Error = 16, kAlignmentCheck = 17, kSimdError = 19;
constexpr uint64_t kErrorWrite = 2, kErrorFetch = 16;
constexpr int kSegvMapErr = 1, kSegvAccErr = 2;

const char* const kSignalNames[] = {nullptr,    "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",  "SIGTRAP",   "SIGABRT",
                                    "SIGBUS",   "SIGFPE",  "SIGKILL",   "SIGUSR1", "SIGSEGV", "SIGUSR2",   "SIGPIPE",
                                    "SIGALRM",  "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP",   "SIGTSTP",
                                    "SIGTTIN",  "SIGTTOU", "SIGURG",    "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF",
                                    "SIGWINCH", "SIGIO",   "SIGPWR",    "SIGSYS"};

int SignalOfVector(uint32_t vector) {
  switch (vector) {
    case kDivideError:
    case kX87Error:
    case kSimdError:
      return kSigFpe;
    case kDebug:
    case kBreakpoint:
      return kSigTrap;
    case kInvalidOpcode:
      return kSigIll;
    case kStackFault:
    case kAlignmentCheck:
      return kSigBus;
    default:
      return kSigSegv;
  }
}

// Which floating-point exception: those that are flagged and not masked.
int FloatingPointCode(Thread& thread, uint32_t vector) {
  if (this_core().vector_owner == &thread) SaveVectors(thread);
  uint16_t control, status;
  uint32_t mxcsr;
  __builtin_memcpy(&control, thread.xsave(), sizeof(control));
  __builtin_memcpy(&status, thread.xsave() + 2, sizeof(status));
  __builtin_memcpy(&mxcsr, thread.xsave() + 24, sizeof(mxcsr));
  const uint32_t raised = vector == kX87Error ? status & ~static_cast<uint32_t>(control) : mxcsr & ~(mxcsr >> 7);
  if ((raised & 1) != 0) return 7;     // FPE_FLTINV
  if ((raised & 4) != 0) return 3;     // FPE_FLTDIV
  if ((raised & 8) != 0) return 4;     // FPE_FLTOVF
  if ((raised & 0x12) != 0) return 5;  // FPE_FLTUND
  if ((raised & 0x20) != 0) return 6;  // FPE_FLTRES
  return 0;
}

const char* AccessOf(uint64_t error_code) {
  if ((error_code & kErrorFetch) != 0) return "execution of ";
  return (error_code & kErrorWrite) != 0 ? "write to " : "read of ";
}

void WriteModule(ReportWriter& report, uint64_t address) {
  Module module;
  if (!FindModule(address, module)) return;
  char name[64];
  const size_t size = module.name.size() < sizeof(name) ? module.name.size() : sizeof(name) - 1;
  __builtin_memcpy(name, module.name.data(), size);
  name[size] = '\0';
  report.Text(" of ").Text(name).Text("+").Hex(address - module.base);
}

struct Region {
  uint64_t start, end;
  const char* name;
};

// What lies outside the program's mappings (docs/address-map.md).
constexpr Region kRegions[] = {
    {0, EBB_LOW_END, "null: below the lowest mapping"},
    {EBB_KERNEL_BASE, EBB_KERNEL_END, "the LibOS"},
    {EBB_HYPERCALL_PAGE, EBB_HYPERCALL_PAGE + EBB_HYPERCALL_PAGE_SIZE, "the hypercall page"},
    {EBB_BOOT_INFO, EBB_CLOCK + EBB_CLOCK_SIZE, "boot info and clock, read-only"},
    {EBB_FS_BASE, EBB_FS_END, "the image's file system, read-only"},
    {EBB_HEAP_BASE, EBB_HEAP_END, "the LibOS's heap"},
    {EBB_ARENA_END, ~0ull, "outside the guest's address space"},
};

const char* KindOf(uint64_t address, uint64_t error_code) {
  const Mapping* mapping = address_space().Find(address);
  if (mapping == nullptr) {
    for (const Region& region : kRegions) {
      if (address >= region.start && address < region.end) return region.name;
    }
    return "unmapped";
  }
  if (mapping->prot == 0) {
    const bool stack = mapping->name == kNameStack || mapping->name == kNameThreadStack;
    return stack ? "guard page of a thread's stack: stack overflow" : "reserved, without access";
  }
  if ((error_code & kErrorFetch) != 0) return "not executable";
  return (error_code & kErrorWrite) != 0 ? "read-only" : "not readable";
}

void WriteRegisters(ReportWriter& report, const UserFrame& frame) {
  struct {
    const char* name;
    uint64_t value;
  } const registers[] = {{", rsp ", frame.rsp}, {", rax ", frame.rax},      {", rbx ", frame.rbx},
                         {", rcx ", frame.rcx}, {", rdx ", frame.rdx},      {", rsi ", frame.rsi},
                         {", rdi ", frame.rdi}, {", rbp ", frame.rbp},      {", r8 ", frame.r8},
                         {", r9 ", frame.r9},   {", r10 ", frame.r10},      {", r11 ", frame.r11},
                         {", r12 ", frame.r12}, {", r13 ", frame.r13},      {", r14 ", frame.r14},
                         {", r15 ", frame.r15}, {", rflags ", frame.rflags}};
  for (const auto& [name, value] : registers) report.Text(name).Hex(value);
}

void WriteCause(ReportWriter& report, const FaultContext& fault, const UserFrame& frame) {
  switch (fault.vector) {
    case kPageFault:
      report.Text(AccessOf(fault.error_code))
          .Hex(fault.address)
          .Text(" (")
          .Text(KindOf(fault.address, fault.error_code));
      WriteModule(report, fault.address);
      report.Text(")");
      return;
    case kDivideError:
      report.Text("integer division by zero or overflow");
      return;
    case kDebug:
    case kBreakpoint:
      report.Text("breakpoint or debug trap");
      return;
    case kInvalidOpcode:
      report.Text("invalid instruction");
      return;
    case kX87Error:
    case kSimdError:
      report.Text("floating-point exception");
      return;
    case kAlignmentCheck:
      report.Text("misaligned access");
      return;
    default:
      // No address is told: not canonical, or not allowed to programs.
      report.Text((frame.rip >> 47) != 0 ? "jump to a non-canonical address"
                                         : "privileged instruction or non-canonical address");
      report.Text(", vector ").Decimal(static_cast<int64_t>(fault.vector));
  }
}

}  // namespace

void WriteSignalName(ReportWriter& report, int signal) {
  constexpr int kNamed = sizeof(kSignalNames) / sizeof(kSignalNames[0]);
  if (signal > 0 && signal < kNamed)
    report.Text(kSignalNames[signal]);
  else
    report.Text("signal ").Decimal(signal);
}

void WritePlace(ReportWriter& report, const Thread& thread, const UserFrame& frame) {
  report.Text(" in thread '").Text(thread.name).Text("' (tid ").Decimal(thread.tid).Text("), rip ").Hex(frame.rip);
  WriteModule(report, frame.rip);
}

SigInfo DescribeFault(Thread& thread, const UserFrame& frame, uint32_t vector, uint64_t address) {
  SigInfo info = {};
  info.signo = SignalOfVector(vector);
  info.code = kSiKernel;
  switch (vector) {
    case kPageFault: {
      info.fields[0] = address;
      info.code = address_space().Find(address) != nullptr ? kSegvAccErr : kSegvMapErr;
      break;
    }
    case kDivideError:
      info.code = 1;  // FPE_INTDIV
      info.fields[0] = frame.rip;
      break;
    case kX87Error:
    case kSimdError:
      info.code = FloatingPointCode(thread, vector);
      info.fields[0] = frame.rip;
      break;
    case kDebug:
      info.code = 2;  // TRAP_TRACE
      info.fields[0] = frame.rip;
      break;
    case kInvalidOpcode:
      info.code = 2;  // ILL_ILLOPN
      info.fields[0] = frame.rip;
      break;
    case kAlignmentCheck:
      info.code = 1;  // BUS_ADRALN
      break;
    default:
      break;
  }
  return info;
}

void ReportFault(const Thread& thread, const UserFrame& frame, const SigInfo& info, const FaultContext& fault) {
  ReportWriter report;
  WriteSignalName(report, info.signo);
  report.Text(": ");
  WriteCause(report, fault, frame);
  WritePlace(report, thread, frame);
  WriteRegisters(report, frame);
}

}  // namespace ebb::linux_abi
