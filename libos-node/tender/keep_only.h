// KeepOnly: closes every descriptor of this process but 0 to 2 and those given. Negative ones are none.
#ifndef EBB_TENDER_KEEP_ONLY_H_
#define EBB_TENDER_KEEP_ONLY_H_

#include <unistd.h>

#include <algorithm>
#include <vector>

namespace ebb::tender {

inline void KeepOnly(std::vector<int> kept) {
  kept.push_back(STDERR_FILENO);
  std::sort(kept.begin(), kept.end());
  for (size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] < STDERR_FILENO) continue;
    const unsigned first = static_cast<unsigned>(kept[i]) + 1;
    const unsigned end = i + 1 < kept.size() ? static_cast<unsigned>(kept[i + 1]) : ~0u;
    if (first < end) close_range(first, end - 1, 0);
  }
}

}  // namespace ebb::tender

#endif  // EBB_TENDER_KEEP_ONLY_H_
