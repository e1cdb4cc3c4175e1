// The edge of the broker's network: no case reaches further than loopback. connect and sendto are wrapped by the
// linker; what goes to the addresses below is real, everything else must be an address that the policy may allow,
// judged by rules of this file's own, and is answered without leaving the process.
#pragma once

#include <cstdint>

#include "tender/broker/egress_policy.h"

namespace ebb::fuzz {

// What the wrappers hold the broker to.
struct AllowedNetwork {
  tender::Endpoint gateway;  // 127.0.0.1 with a listener
  uint16_t refused_port;     // of 127.0.0.1: nobody listens
  tender::Endpoint resolver;
  bool allow_private = false;
  // The target's own connects are not judged.
  bool own_calls = false;
};
extern AllowedNetwork allowed_network;

}  // namespace ebb::fuzz
