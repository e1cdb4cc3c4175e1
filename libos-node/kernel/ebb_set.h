#pragma once

#include <string_view>

namespace ebb {

// Chooses the implementations of the system Ebbs by the image's options. Returns the first option that names none, or
// empty.
std::string_view InstallKernelEbbs(std::string_view options);

}  // namespace ebb
