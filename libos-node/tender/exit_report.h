// ExitReport: why a VM is no more. Its JSON is what the hosted side reads (ExitReport of hosted/src/vm.ts).
#ifndef EBB_TENDER_EXIT_REPORT_H_
#define EBB_TENDER_EXIT_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "tender/result.h"

namespace ebb::tender {

struct ExitReport {
  enum class Reason { kEnded, kExit, kAbort, kFault, kMemory, kTender };

  Reason reason = Reason::kTender;
  std::optional<int> code;    // kExit: exit status
  std::optional<int> signal;  // kAbort, kFault: its number; kTender: that killed the guest process
  std::string detail;
  bool guest_process = false;  // the guest process died of the signal, without a last hypercall

  static ExitReport Ended() { return {Reason::kEnded, std::nullopt, std::nullopt, {}}; }
  static ExitReport OfError(const Error& error) { return {Reason::kTender, std::nullopt, std::nullopt, error.Text()}; }
  // From the guest's EBB_HC_EXIT: kind and code are the guest's word, `text` its crash report.
  static ExitReport OfGuest(uint64_t kind, uint64_t code, std::string text);

  std::string Json() const;
  // What the program ends with.
  int ProcessStatus() const;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_EXIT_REPORT_H_
