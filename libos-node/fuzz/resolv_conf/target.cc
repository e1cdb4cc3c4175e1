// The text of a resolv.conf, which the host's administrator may have left in any state.
#include <algorithm>
#include <string_view>

#include "fuzz/support/check.h"
#include "tender/broker/broker.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto resolvers = ebb::tender::ParseResolvers(text);
  FUZZ_CHECK(resolvers.size() <= static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
  for (const auto& resolver : resolvers) FUZZ_CHECK(resolver.port == 53);
  return 0;
}
