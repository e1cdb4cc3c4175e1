// Forks of the process: what the child must not share with its parent.
#pragma once

namespace ebb::uv {

// Called once, when the library is loaded.
void WatchForks();

}  // namespace ebb::uv
