// UDP handles: what udp.cc and udp_options.cc share.
#pragma once

#include "src/handle.h"
#include "src/watcher.h"
#include "uv.h"

namespace ebb::uv {

inline int UdpFd(const uv_udp_t* udp) { return udp->io_watcher.fd; }
void OnUdpReady(uv_loop_t* loop, uv__io_t* watcher, uint32_t events);
// Binds to any address and a port that the system chooses.
int UdpBindAny(uv_udp_t* udp, int family);

}  // namespace ebb::uv
