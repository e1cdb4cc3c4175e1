// The child of the process tender, from fork to the guest's first instruction.
//
// Invariant: when the guest's first instruction runs, nothing of the tender is mapped, descriptor 0 (the doorbell) is
// the only one open, no_new_privs and seccomp/guest.policy hold, and the process dies with its parent. Any step that
// fails ends the child; nothing is skipped silently but what Isolation names.
#ifndef EBB_TENDER_PROCESS_CHILD_H_
#define EBB_TENDER_PROCESS_CHILD_H_

#include <sys/types.h>

#include <span>
#include <string>

#include "tender/guest_memory.h"
#include "tender/result.h"
#include "tender/unique_fd.h"

namespace ebb::tender {

// What the machine permitted.
struct Isolation {
  bool user_namespace = false;
  bool namespaces = false;  // mount, pid, net, ipc, uts, cgroup
  bool other_user = false;  // root gave way to nobody
};

struct ChildNotes;  // in shared memory: what the child tells its parent about its start

struct ChildPlan {
  GuestMemoryPlan memory;
  int doorbell_fd;  // descriptor 0 of the child
  int parent_pidfd;
  uint64_t memory_limit;
  int nice;
  ChildNotes* notes;
  uint64_t start_secret;  // see StartStage
  // The parent may read its memory, though it is somebody else: only before any tenant's code runs in it.
  bool readable = false;
  // The child is a zygote (zygote.h): it restores this, descriptor 0 is its control socket.
  const SnapshotFile* zygote = nullptr;
  const TemplateMemory* zygote_memory = nullptr;
};

struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;
  Isolation isolation;
};

// A page that parent and child share. It is gone from the child before the guest runs.
Result<ChildNotes*> CreateChildNotes();
// Where and why the child's start failed; empty when it did not.
std::string DescribeChildFailure(const ChildNotes* notes);
// Whether the child's root directory is an empty one of its own.
bool HasEmptyRoot(const ChildNotes* notes);

// Forks into as many namespaces as are permitted and runs the plan in the child.
Result<Child> StartChild(const ChildPlan& plan);

}  // namespace ebb::tender

#endif  // EBB_TENDER_PROCESS_CHILD_H_
