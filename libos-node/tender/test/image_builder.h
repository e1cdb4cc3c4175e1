// Builds an image file around the test guest's ELF file, and lets a test damage it.
#ifndef EBB_TENDER_TEST_IMAGE_BUILDER_H_
#define EBB_TENDER_TEST_IMAGE_BUILDER_H_

#include <functional>
#include <string>

#include "abi/ebb_abi.h"

namespace ebb::tender {

// A path under the test's temporary directory.
std::string TemporaryPath(const std::string& name);

// Writes an image with the test guest's segments (or those of another ELF file) to `path`. `change` may edit the header
// before the checksums (of header and segments) are computed.
void WriteTestImage(const std::string& path, const std::function<void(ebb_image_header&)>& change = {},
                    const std::string& guest = EBB_TEST_GUEST);

// Overwrites bytes of a file, keeping its times when `keep_times`.
void PatchFile(const std::string& path, uint64_t offset, const std::string& bytes);

}  // namespace ebb::tender

#endif  // EBB_TENDER_TEST_IMAGE_BUILDER_H_
