// Which libuv the program was written for. Versions differ in a few orders of events; natively the program says which
// it knows, hosted it is that of uv.h.
#pragma once

#include "uv.h"

namespace ebb::uv {

inline constexpr unsigned kVersion1_52 = 1u << 16 | 52u << 8;

inline unsigned interface_version = UV_VERSION_HEX;

}  // namespace ebb::uv
