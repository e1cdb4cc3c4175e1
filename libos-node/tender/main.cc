// ebbtender: runs one LibOS image as a virtual machine. See kHelpText in options.cc.
#include <cstdio>
#include <string>
#include <vector>

#include "tender/image.h"
#include "tender/options.h"
#include "tender/seccomp/filters.h"
#include "tender/seccomp/rules.h"
#include "tender/serve.h"
#include "tender/vm.h"

namespace ebb::tender {
namespace {

int Fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.Text().c_str());
  return 2;
}

int Verify(const Options& options) {
  const auto image = Image::Open(options.image, ImageCheck::kFull);
  if (!image) return Fail(image.error());
  std::printf("%s: ok, %u segments, abi %u\n", options.image.c_str(), image.value().header().segment_count,
              image.value().header().abi_version);
  return 0;
}

int PrintFilters(const Options& options) {
  for (const Filter* filter : {&kGuestFilter, &kZygoteFilter, &kBrokerFilter, &kKvmFilter}) {
    const TenderChoice tender = filter == &kKvmFilter ? TenderChoice::kKvm : TenderChoice::kProcess;
    if (options.tender != TenderChoice::kAuto && options.tender != tender) continue;
    const std::string text = options.program ? DumpFilter(*filter)
                             : options.json  ? RulesJson(*filter) + "\n"
                                             : DescribeRules(*filter);
    std::fputs(text.c_str(), stdout);
  }
  return 0;
}

int Main(std::vector<std::string> arguments) {
  const auto options = ParseOptions(arguments);
  if (!options) return Fail(options.error());
  switch (options.value().command) {
    case Command::kRun:
      if (!options.value().id.empty() || !options.value().function_path.empty() ||
          !options.value().prefault_path.empty())
        return Fail(Error{ErrorCode::kUsage, "--id and --function are of clones"});
      return RunVm(options.value());
    case Command::kServe:
      return Serve(options.value());
    case Command::kVerify:
      return Verify(options.value());
    case Command::kFilters:
      return PrintFilters(options.value());
    case Command::kHelp:
      std::fputs(kHelpText, stdout);
      return 0;
    case Command::kVersion:
      std::fputs(kVersionText, stdout);
      return 0;
  }
  return 2;
}

}  // namespace
}  // namespace ebb::tender

int main(int argc, char** argv) { return ebb::tender::Main(std::vector<std::string>(argv + 1, argv + argc)); }
