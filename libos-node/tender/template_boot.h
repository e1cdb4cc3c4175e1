// BootTemplate: boots a guest that runs no tenant's code, waits until it listens, parks it and writes its state.
#ifndef EBB_TENDER_TEMPLATE_BOOT_H_
#define EBB_TENDER_TEMPLATE_BOOT_H_

#include <string>

#include "tender/boot_info.h"
#include "tender/image.h"
#include "tender/options.h"
#include "tender/snapshot_file.h"

namespace ebb::tender {

// What a guest of these options finds as its boot info, but for what the process tender fills in.
BootParameters BootOf(const Options& options, const Image& image);
// The content of a clone's boot info region: that of its template, with the hypercalls of this tender.
Result<std::vector<uint8_t>> TemplateBootInfo(const Options& options, const Image& image);

// To be called in a process that can be thrown away; it ends with its parent.
Result<void> BootTemplate(const Options& options, const Image& image, const SnapshotBinding& binding);

}  // namespace ebb::tender

#endif  // EBB_TENDER_TEMPLATE_BOOT_H_
