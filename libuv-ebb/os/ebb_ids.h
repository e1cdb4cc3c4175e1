// Static ids of the Ebbs below libuv-ebb. The kernel's own ids end well before; run-time ids start at 64.
#pragma once

#include "ebb/ebb_ref.h"

namespace ebb::uv {

enum StaticEbb : EbbId {
  kEventPortsEbb = 48,
  kClockEbb,
  kRandomEbb,
  kNetworkEbb,
  kFileSystemEbb,
  kWorkersEbb,
};

}  // namespace ebb::uv
