// Translation of the guest's last hypercall.
#include "tender/exit_report.h"

#include <cstring>

#include "abi/ebb_abi.h"
#include "tender/json.h"

namespace ebb::tender {
namespace {

const char* ReasonName(ExitReport::Reason reason) {
  switch (reason) {
    case ExitReport::Reason::kEnded:
      return "ended";
    case ExitReport::Reason::kExit:
      return "exit";
    case ExitReport::Reason::kAbort:
      return "abort";
    case ExitReport::Reason::kFault:
      return "fault";
    case ExitReport::Reason::kMemory:
      return "memory";
    case ExitReport::Reason::kTender:
      return "tender";
  }
  return "tender";
}

// "SIGABRT"; a number that is none is said as it is.
std::string SignalName(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

int SignalNumber(uint64_t code) { return static_cast<int>(code & 0x7f); }

}  // namespace

ExitReport ExitReport::OfGuest(uint64_t kind, uint64_t code, std::string text) {
  switch (kind) {
    case EBB_EXIT_NORMAL:
      return {Reason::kExit, static_cast<int>(code & 0xff), std::nullopt, std::move(text)};
    case EBB_EXIT_SIGNAL:
      return {Reason::kAbort, std::nullopt, SignalNumber(code), std::move(text)};
    case EBB_EXIT_FAULT:
      return {Reason::kFault, std::nullopt, SignalNumber(code), std::move(text)};
    case EBB_EXIT_PANIC:
      return {Reason::kFault, std::nullopt, std::nullopt, "LibOS panic: " + text};
    case EBB_EXIT_MEMORY:
      return {Reason::kMemory, std::nullopt, std::nullopt, std::move(text)};
    default:
      return {Reason::kFault, std::nullopt, std::nullopt, "exit of unknown kind " + std::to_string(kind) + ": " + text};
  }
}

std::string ExitReport::Json() const {
  JsonObject object;
  object.Text("reason", ReasonName(reason));
  if (code) object.Number("code", static_cast<uint64_t>(*code));
  if (signal) object.Text("signal", SignalName(*signal));
  if (guest_process) object.Text("process", "guest");
  if (!detail.empty()) object.Text("detail", detail);
  return object.Finish();
}

int ExitReport::ProcessStatus() const {
  switch (reason) {
    case Reason::kEnded:
      return 0;
    case Reason::kExit:
      return code.value_or(0);
    case Reason::kAbort:
    case Reason::kFault:
      return 128 + signal.value_or(6);
    case Reason::kMemory:
      return 137;
    case Reason::kTender:
      return 2;
  }
  return 2;
}

}  // namespace ebb::tender
