// Zygote: a process that holds a template's memory and forks a guest process for each clone (pages/zygote_page.cc).
// Namespaces, user and empty root are made once, for all of them. A zygote of a function is a child of it that holds
// the function's memory; it may end while its clones live, for the template's zygote is their parent.
//
// Invariant: no tenant's code ever ran in it; it ends with the process that made it, and with it (by their pid
// namespace, else by PR_SET_PDEATHSIG) its clones.
#ifndef EBB_TENDER_ZYGOTE_H_
#define EBB_TENDER_ZYGOTE_H_

#include <span>

#include "tender/backend.h"
#include "tender/function_snapshot.h"
#include "tender/pages/page_layout.h"
#include "tender/process_child.h"
#include "tender/snapshot_file.h"

namespace ebb::tender {

class Zygote {
 public:
  // `nice` lowers the priority of all clones.
  static Result<Zygote> Start(const Image& image, const SnapshotFile& snapshot, uint64_t memory_limit, int nice);
  Zygote(Zygote&&) = default;

  // A zygote of that function.
  Result<Zygote> Become(const FunctionSnapshot& function);

  // Asks for a guest process on `shared`, whose clock page and boot info are filled in, that goes on from what the
  // zygote holds or from `function` (may be null). Which process it is comes with Answer, to be called next. `guest`
  // gets a doorbell, if it has none.
  Result<void> Ask(const SharedMemory& shared, uint64_t boot_info_size, uint64_t generation,
                   const FunctionSnapshot* function, GuestProcess& guest);
  // Fills in what was asked for; it runs when this returns.
  Result<void> Answer(const SharedMemory& shared, GuestProcess& guest);

  pid_t pid() const { return child_.pid; }

 private:
  Zygote() = default;
  Result<void> Send(const ZygoteRequest& request, std::span<const int> descriptors) const;
  // The pidfd of the process that it made.
  Result<UniqueFd> Receive() const;
  Error Failure(const char* what, int error) const;
  // Its clones, until the server has opened their memory. Whoever became somebody else can only be read with
  // CAP_SYS_PTRACE, and with that at any time.
  bool Waits() const { return !child_.isolation.other_user; }

  Child child_;
  UniqueFd control_;
  ChildNotes* notes_ = nullptr;
  ParkedRegisters registers_{};
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_ZYGOTE_H_
