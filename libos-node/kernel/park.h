// Park: this VM becomes the state that clones continue from; and what a clone does before anything else of it runs.
#pragma once

#include <cstdint>

namespace ebb {

// In kernel context with nothing runnable. Returns in the VM that parked and went on, and in each of its clones, there
// after every Ebb that holds state of the world outside has let go of it (RestoreClone).
void Park();

// Which clone this is: 0 in a VM that booted. Changes with every restore.
uint64_t generation();

}  // namespace ebb
