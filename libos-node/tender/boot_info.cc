// Layout of the boot info region: the struct, then the string blocks one after another.
#include "tender/boot_info.h"

#include <algorithm>
#include <cstring>

namespace ebb::tender {
namespace {

std::string Join(const std::vector<std::string>& strings) {
  std::string block;
  for (const auto& string : strings) block.append(string).push_back('\0');
  return block;
}

}  // namespace

Result<std::vector<uint8_t>> BuildBootInfo(const BootParameters& parameters) {
  ebb_boot_info info{};
  info.magic = EBB_BOOT_MAGIC;
  info.abi_version = EBB_ABI_VERSION;
  info.tender = static_cast<uint32_t>(parameters.tender);
  info.core_count = parameters.core_count;
  info.flags = parameters.trace ? EBB_BOOT_TRACE : 0;
  std::copy(std::begin(parameters.hypercalls), std::end(parameters.hypercalls), std::begin(info.hypercalls));
  info.memory_limit = parameters.memory_limit;
  info.xsave_size = parameters.xsave_size;
  info.xsave_mask = parameters.xsave_mask;

  std::vector<uint8_t> region(sizeof info);
  const auto append = [&](const std::string& block, uint64_t& address, uint64_t& size) {
    address = EBB_BOOT_INFO + region.size();
    size = block.size();
    region.insert(region.end(), block.begin(), block.end());
  };
  append(parameters.options, info.options, info.options_size);
  append(Join(parameters.environment), info.environment, info.environment_size);
  append(Join(parameters.arguments), info.arguments, info.arguments_size);
  if (region.size() > EBB_BOOT_INFO_SIZE)
    return Error{ErrorCode::kBootInfoTooBig, std::to_string(region.size()) + " bytes"};
  std::memcpy(region.data(), &info, sizeof info);
  return region;
}

}  // namespace ebb::tender
