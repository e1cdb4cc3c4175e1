// Work of requests: submit to Workers, come back to the loop.
#pragma once

#include "os/workers.h"
#include "uv.h"

namespace ebb::uv {

// `done` runs on the loop's thread, with 0 or UV_ECANCELED.
void SubmitWork(uv_loop_t* loop, uv__work* work, WorkKind kind, void (*run)(uv__work*),
                void (*done)(uv__work*, int status));
// The same, on the loop's thread and at once: `run` is over when it returns, `done` comes in a later poll phase, as it
// would from a worker that takes a little while: not in one that only looks and comes right after.
void RunInPlace(uv_loop_t* loop, uv__work* work, void (*run)(uv__work*), void (*done)(uv__work*, int status));
// From a worker: the work is over. The caller must not touch `work` afterwards.
void PostFinished(uv__work* work);
inline bool IsCanceled(const uv__work* work) { return work->work == nullptr; }

}  // namespace ebb::uv
