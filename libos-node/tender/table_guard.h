// TableGuard: bounds the page tables of a guest process. RLIMIT_AS counts its pages, but a page that lies alone costs
// the host a table of the same size again, and no limit of a process counts those.
//
// Looked at whenever the guest has used some more CPU time, so an idle guest causes no wake-up; between two looks it
// can make some thousand tables.
#ifndef EBB_TENDER_TABLE_GUARD_H_
#define EBB_TENDER_TABLE_GUARD_H_

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <optional>

#include "tender/result.h"
#include "tender/unique_fd.h"

namespace ebb::tender {

class TableGuard {
 public:
  // What tables may take: honest programs need a 512th of their memory.
  static uint64_t Allowance(uint64_t memory_limit) { return memory_limit / 8 + (16ull << 20); }

  TableGuard() = default;
  TableGuard(const TableGuard&) = delete;
  TableGuard& operator=(const TableGuard&) = delete;
  ~TableGuard();

  Result<void> Start(pid_t guest, uint64_t memory_limit);
  // Readable when it is time for Exceeded().
  int fd() const { return signals_.get(); }
  bool Exceeded();

 private:
  UniqueFd signals_;
  UniqueFd status_;
  std::optional<timer_t> timer_;
  uint64_t allowance_ = 0;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_TABLE_GUARD_H_
