// The hostile guest: a LibOS image whose whole kernel attacks. Arguments: the attack's name, the first attempt, the
// end, the step, a seed. It logs "at N" before each attempt, "violation-WHAT DETAIL" for what must be impossible, and
// counts at the end.
#include "tender/test/hostile/calls.h"
#include "tender/test/hostile/cpu.h"
#include "tender/test/hostile/frames.h"
#include "tender/test/hostile/hypercalls.h"
#include "tender/test/hostile/memory.h"

namespace {

struct Attack {
  const char* name;
  void (*attempt)(uint64_t index);
  uint64_t attempts;
};
constexpr Attack kAttacks[] = {
    {"instructions", Instructions, kInstructionAttempts},
    {"ports", Ports, 65536 * 8},
    {"interrupts", Interrupts, 256},
    {"int80", Int80, 512},
    {"selectors", Selectors, 65536 * 8},
    {"steps", Steps, 3 * 64},
    {"iretq", InterruptReturns, kFrames},
    {"far", FarTransfers, kFarTransfers},
    {"compat", CompatSyscalls, 3 * 512},
    {"sigreturn", SignalReturns, kSignalFrames},
    {"userCalls", UserCalls, kNumbers * kRegisterSets},
    {"pageCalls", PageCalls, kPageNumbers * kRegisterSets},
    {"x32", X32Calls, kX32Calls},
    {"pageJumps", PageJumps, kPageJumps},
    {"accesses", Accesses, kAccessAttempts},
    {"stacks", BadStacks, kStackCount * kEventCount},
    {"bases", BadBases, kBaseAttempts},
    {"hypercalls", Hypercalls, kHypercallAttempts},
    {"rings", Rings, 1 << 20},
    {"brokenRings", BrokenRings, kBrokenRings},
    {"exits", Exits, kExits},
    {"forgedEnds", ForgedEnds, kForgedEnds},
};

uint64_t ParseNumber(const char*& text) {
  while (*text++ != 0) {
  }
  uint64_t number = 0;
  for (const char* digit = text; *digit != 0; ++digit) number = number * 10 + static_cast<uint64_t>(*digit - '0');
  return number;
}

void RunAttack(const Attack& attack, const char* text) {
  const uint64_t start = ParseNumber(text), end = ParseNumber(text), step = ParseNumber(text);
  random_state = ParseNumber(text) | 1;
  const uint64_t last_attempt = end < attack.attempts ? end : attack.attempts;
  for (uint64_t index = start; index < last_attempt; index += step) {
    At(index);
    attack.attempt(index);
  }
  Say("attempts", attempts);
  Say("faults", faults);
  Say("syscalls", syscalls);
  Say("completed", completed);
  Say("done", 1);
}

}  // namespace

extern "C" void GuestMain(const ebb_boot_info* info) {
  // Entered once more: an attempt jumped to the last steps of the hypercall page's start.
  if (upcall_hook != nullptr) {
    attempting = false;
    LandAttempt();
  }
  boot = info;
  const char* name = reinterpret_cast<const char*>(info->arguments);
  SetUpAttempts();
  for (const Attack& attack : kAttacks) {
    if (!Equal(name, attack.name)) continue;
    RunAttack(attack, name);
    Exit(EBB_EXIT_NORMAL, 0);
  }
  Say("storming", 1);
  if (Equal(name, "enterStorm")) EnterStorm();
  if (Equal(name, "tickStorm")) TickStorm();
  if (Equal(name, "faultStorm")) FaultStorm();
  if (Equal(name, "grab")) Grab();
  Say("unknownAttack", 1);
  Exit(EBB_EXIT_NORMAL, 1);
}
