// Which functions have a zygote.
#include "tender/function_zygotes.h"

#include <algorithm>

namespace ebb::tender {

Zygote* FunctionZygotes::Find(const FunctionSnapshot& function) {
  const auto found =
      std::find_if(used_.begin(), used_.end(), [&](const Entry& entry) { return entry.function == function.id(); });
  if (found == used_.end()) return nullptr;
  used_.splice(used_.begin(), used_, found);
  return found->zygote ? &*found->zygote : nullptr;
}

void FunctionZygotes::Started(const FunctionSnapshot& function, Zygote& template_zygote) {
  if (Find(function) != nullptr) return;
  if (used_.empty() || used_.front().function != function.id()) {
    if (used_.size() == kMostKnown) used_.pop_back();
    used_.push_front({function.id(), 0, std::nullopt});
  }
  Entry& entry = used_.front();
  if (++entry.starts < 2) return;
  if (size() == kMostZygotes) {
    const auto oldest =
        std::find_if(used_.rbegin(), used_.rend(), [](const Entry& each) { return each.zygote.has_value(); });
    oldest->zygote.reset();
    oldest->starts = 0;
  }
  // Without it, clones go on as before.
  if (auto zygote = template_zygote.Become(function)) entry.zygote.emplace(std::move(*zygote));
}

void FunctionZygotes::Drop(const FunctionSnapshot& function) {
  used_.remove_if([&](const Entry& entry) { return entry.function == function.id(); });
}

size_t FunctionZygotes::size() const {
  return static_cast<size_t>(
      std::count_if(used_.begin(), used_.end(), [](const Entry& entry) { return entry.zygote.has_value(); }));
}

}  // namespace ebb::tender
