// The tender of a guest that lives in the fuzzing process: memory at the guest's own addresses, and a broker that keeps
// the contract (abi/ebb_abi.h) with answers that follow from a seed. Reset between cases without system calls for what
// was not used.
#pragma once

#include <cstdint>

#include "abi/ebb_abi.h"

namespace ebb::fuzz {

// AddressSanitizer keeps its shadow from 0x7fff8000 up, so of the arena only this much can be committed; more is
// refused as memory beyond a limit is.
constexpr uint64_t kMemoryStart = EBB_ARENA_BASE;
constexpr uint64_t kMemoryEnd = 0x70000000;
constexpr uint64_t kCommitLimit = 6ull << 20;

// The guest called EBB_HC_EXIT: unwinds to whoever started the case.
struct GuestExit {
  uint64_t kind, code;
};

// Maps the regions; once.
void StartTender();
// Memory, rings and broker as at a fresh start. `seed`: what the broker answers.
void ResetTender(uint64_t seed);
// A fault commits what the program was promised: that may pass the limit, where a VM ends. The caller ends the case
// then.
void BeginFault();
void EndFault();
bool PassedLimit();
// What a world beyond the VM does meanwhile: completes a pending receive, brings a connection.
void HappenOutside(uint8_t choice);

}  // namespace ebb::fuzz
