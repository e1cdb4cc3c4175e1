// Watching files for changes: per loop, one inotify descriptor, made at first use.
#pragma once

#include "uv.h"

namespace ebb::uv {

void CloseFileWatching(uv_loop_t* loop);
// In the child of a fork: the same paths, watched by a descriptor of its own.
int RestartFileWatching(uv_loop_t* loop);

}  // namespace ebb::uv
