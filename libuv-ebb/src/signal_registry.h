// Who wants which signal, for the whole process. Changed under a lock that the signal handler takes too; whoever else
// holds it has all signals blocked, so the handler never waits for its own thread.
#pragma once

#include "uv.h"

namespace ebb::uv {

void LockSignals();
void UnlockSignals();

}  // namespace ebb::uv
