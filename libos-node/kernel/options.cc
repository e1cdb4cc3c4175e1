#include "kernel/options.h"

#include "kernel/core.h"

namespace ebb {

std::string_view Options() { return {reinterpret_cast<const char*>(boot_info().options), boot_info().options_size}; }

std::string_view Option(std::string_view name) {
  std::string_view first;
  ForEachOption(name, [&](std::string_view value) {
    if (first.data() == nullptr) first = value;
  });
  return first;
}

}  // namespace ebb
