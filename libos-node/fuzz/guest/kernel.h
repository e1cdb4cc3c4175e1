// The parts of the kernel that cannot be what they are in a VM: time, and threads. Time moves only when the guest
// sleeps. Threads share the fuzzing process's one stack: while one sleeps, another runs on top of it, until that one
// has come to a rest; so what a sleeper relied on may be gone when it wakes.
#pragma once

#include <cstdint>
#include <functional>

#include "kernel/thread.h"
#include "linux/net/network_manager.h"

namespace ebb::fuzz {

// The current thread has called exit: unwinds to where it was started.
struct ThreadExit {};

struct Kernel {
  uint64_t now_ns = 0;
  // What other threads do while the current one sleeps. False: nothing.
  std::function<bool()> run_others;
  NetworkManager* network = nullptr;
  uint64_t pages = 0;  // that the page allocator has given out
  int sleeps = 0;
};
extern Kernel kernel;

// Once: the core block, the tender.
void StartKernel();
// Objects of the kernel as at its start; `outside`: with a network beyond the VM.
void ResetKernel(uint64_t seed, bool outside);
// The arena beyond kMemoryEnd cannot be touched in this process: it is mapped without access, again after each call
// that may have changed it.
void BlockFarMemory();
// Everything that happens by itself has happened.
void Settle();
// After Settle: the network goes, nothing of a case may be left in it.
void StopKernel();

}  // namespace ebb::fuzz
