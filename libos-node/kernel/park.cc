#include "kernel/park.h"

#include <atomic>
#include <span>

#include "kernel/clock.h"
#include "kernel/hypercall.h"
#include "kernel/panic.h"
#include "kernel/random.h"
#include "kernel/ring.h"
#include "kernel/thread.h"
#include "linux/mm/address_space.h"
#include "linux/net/network_manager.h"
#include "linux/process/process.h"

extern "C" long ebb_park(uint64_t hypercall);

namespace ebb {
namespace {

// Less is not worth the hypercalls.
constexpr uint64_t kMuchFreeMemory = 1 << 20;

uint64_t current_generation = 0;

// Identity first: whatever runs next may ask for it.
void RestoreClone(uint64_t generation, uint64_t parked_at) {
  if (boot_info().magic != EBB_BOOT_MAGIC || boot_info().abi_version != EBB_ABI_VERSION)
    Panic("boot info of a clone is not of this ABI");
  if (clock->Now() < parked_at) Panic("the clock of a clone went back");
  current_generation = generation;
  // Fails closed: without fresh entropy two clones would draw the same keys.
  uint64_t fresh = 0;
  random().Fill(std::as_writable_bytes(std::span(&fresh, 1)));
  linux_abi::process().OnRestore(fresh);
  this_core().tick_armed = 0;
  ring().BeginRestore();
  network().OnRestore();
  ring().FinishRestore();
}

}  // namespace

uint64_t generation() { return current_generation; }

void Park() {
  Core& core = this_core();
  // What was said before the park leaves by this VM, not by its clones.
  if (ring().MustNotify()) hypercall::Enter(EBB_ENTER_SUBMIT, 0, 0, 0);
  ring().MarkSubmitted();
  if (core.vector_owner != nullptr) SaveVectors(*core.vector_owner);
  core.vector_owner = nullptr;
  if (core.tick_armed != 0) {
    core.tick_armed = 0;
    hypercall::Tick(0);
  }
  // What a function has unmapped would be copied into its snapshot, and from there into every clone.
  linux_abi::AddressSpace& space = linux_abi::address_space();
  if (current_generation != 0 && space.free_memory().bytes() >= kMuchFreeMemory) space.ReleaseFreeMemory();
  const uint64_t parked_at = clock->Now();
  const long result = ebb_park(boot_info().hypercalls[EBB_HC_PARK]);
  if (result > 0) RestoreClone(static_cast<uint64_t>(result), parked_at);
}

}  // namespace ebb
