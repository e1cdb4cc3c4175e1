// BootInfo: builds the bytes of the guest's boot info region (struct ebb_boot_info and the strings behind it).
#ifndef EBB_TENDER_BOOT_INFO_H_
#define EBB_TENDER_BOOT_INFO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "abi/ebb_abi.h"
#include "tender/result.h"

namespace ebb::tender {

struct BootParameters {
  ebb_tender_kind tender;
  uint32_t core_count = 1;
  bool trace = false;
  uint64_t hypercalls[EBB_HC_COUNT] = {};
  uint64_t memory_limit = 0;
  std::string options;  // as in the image
  std::vector<std::string> environment;
  std::vector<std::string> arguments;
  uint32_t xsave_size = 0;
  uint64_t xsave_mask = 0;
};

// The content of the region from EBB_BOOT_INFO on, at most EBB_BOOT_INFO_SIZE bytes.
Result<std::vector<uint8_t>> BuildBootInfo(const BootParameters& parameters);

}  // namespace ebb::tender

#endif  // EBB_TENDER_BOOT_INFO_H_
