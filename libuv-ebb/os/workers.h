// Workers: threads for what blocks. Work runs on one of them; its end is posted to the loop it belongs to.
#pragma once

#include "ebb/ebb_ref.h"
#include "os/ebb_ids.h"
#include "uv.h"

namespace ebb::uv {

enum class WorkKind {
  kCompute,  // and files
  kSlow,     // waits for the network (name look-ups): at most half of the workers
};

class Workers {
 public:
  virtual void Submit(uv__work* work, WorkKind kind) = 0;
  // Takes back work that has not begun; whether it was still there.
  virtual bool Cancel(uv__work* work) = 0;
  // Ends all workers; the next Submit starts new ones.
  virtual void Shutdown() = 0;

 protected:
  ~Workers() = default;
};

inline constexpr EbbRef<Workers> workers{kWorkersEbb};

}  // namespace ebb::uv
