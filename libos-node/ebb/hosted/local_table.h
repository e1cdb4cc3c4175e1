// Hosted cores: each thread of the host that calls EnterCore acts as one core, with a translation table of its own.
#pragma once

#include <cstdint>

namespace ebb::hosted {

// The calling thread is core `index` from now on, with an empty table.
void EnterCore(uint32_t index);

}  // namespace ebb::hosted
