// /proc/self/maps.
#pragma once

#include "kernel/text_writer.h"

namespace ebb::linux_abi {

void WriteMaps(TextWriter& out);

}  // namespace ebb::linux_abi
