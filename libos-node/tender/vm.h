// RunVm: one VM from command line to exit status.
#ifndef EBB_TENDER_VM_H_
#define EBB_TENDER_VM_H_

#include "tender/backend.h"
#include "tender/options.h"

namespace ebb::tender {

// Runs `ebbtender run`. Failures are reported on stderr and, when there is one, on the channel. Returns the exit status
// of the program.
int RunVm(const Options& options);

// What a server has made ready for a clone. Everything outlives RunClone.
struct CloneParts {
  const Image& image;
  SharedMemory& shared;
  const Clock& clock;
  ClockReading asked;  // when the clone was asked for
  uint64_t memory_limit;
  UniqueFd connection;  // of whoever asked: the report channel
  // Resolvers and addresses of the host, as ReadHostNetwork found them lately. Addresses that came since are found when
  // they are connected to (OwnAddresses).
  const BrokerConfig& network;
  // One of these: the guest as a process that is being made, and where it comes from (guest_handover.h), or what to
  // make it from under KVM.
  GuestProcess guest;
  UniqueFd handover = {};
  KvmTemplate* kvm = nullptr;
  CloneStart start = {};
  uint64_t generation = 0;
};
// The same for a clone, in a process of its own: its broker and channel until it ends.
int RunClone(const Options& options, CloneParts parts);

}  // namespace ebb::tender

#endif  // EBB_TENDER_VM_H_
