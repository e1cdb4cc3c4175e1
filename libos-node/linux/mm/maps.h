// /proc/self/maps.
#pragma once

#include <cstddef>
#include <span>

#include "kernel/result.h"

namespace ebb::linux_abi {

// The whole text into `out`; its full size even when it does not fit (then `out` holds a prefix).
Result<size_t> FormatMaps(std::span<char> out);

}  // namespace ebb::linux_abi
