// The command line: words separated by NUL. What is accepted keeps its ranges; what is not says why.
#include <vector>

#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "tender/options.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> words(1);
  for (size_t i = 0; i < size; ++i) {
    if (data[i] == 0) {
      words.emplace_back();
    } else {
      words.back() += static_cast<char>(data[i]);
    }
  }
  const auto parsed = ebb::tender::ParseOptions(words);
  if (!parsed) {
    FUZZ_CHECK(parsed.error().code == ebb::tender::ErrorCode::kUsage && !parsed.error().detail.empty());
    return 0;
  }
  const ebb::tender::Options& options = parsed.value();
  FUZZ_CHECK(options.memory_mb >= 16 && options.memory_mb <= 65536);
  FUZZ_CHECK(options.socket_path.size() <= 107);
  FUZZ_CHECK(!options.report_fd || *options.report_fd >= 0);
  for (const std::string& variable : options.environment) {
    FUZZ_CHECK(variable.find('=') != std::string::npos && variable[0] != '=');
  }
  for (const uint16_t port : options.gateway_ports) FUZZ_CHECK(port != 0);
  for (const auto& exposed : options.expose) {
    FUZZ_CHECK(exposed.guest_port != 0);
    FUZZ_CHECK(options.allow_remote || exposed.host.address >> 24 == 127);
  }
  using ebb::tender::Command;
  FUZZ_CHECK(!options.image.empty() || (options.command != Command::kRun && options.command != Command::kVerify));
  return 0;
}
