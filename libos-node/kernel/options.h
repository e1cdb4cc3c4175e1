// Options of the image (ebb_boot_info.options): NAME=VALUE strings chosen at image build.
#pragma once

#include <string_view>

namespace ebb {

// The first value of `name`; empty when it is not there.
std::string_view Option(std::string_view name);

// All options' text.
std::string_view Options();

// Calls f(value) for every value of `name`, in order.
template <class F>
void ForEachOption(std::string_view name, F f) {
  std::string_view rest = Options();
  while (!rest.empty()) {
    const size_t end = rest.find('\0');
    const std::string_view option = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (option.size() > name.size() && option.starts_with(name) && option[name.size()] == '=')
      f(option.substr(name.size() + 1));
  }
}

}  // namespace ebb
