// Laying out of a template for KVM.
#include "tender/kvm_template.h"

namespace ebb::tender {

Result<KvmTemplate> KvmTemplate::Create(const Image& image, const SnapshotFile& snapshot,
                                        const std::vector<uint8_t>& boot_info, uint64_t memory_limit) {
  auto content = TemplateMemory::Create(image, snapshot, TemplateMemory::Extent::kAll);
  if (!content) return content.error();
  auto memory = KvmMemory::Create(nullptr, memory_limit);
  if (!memory) return memory.error();
  const GuestMemoryPlan plan{image, nullptr, KvmPage(), ParamsOf(image, memory_limit), boot_info, 1};
  if (auto restored = memory->Restore(plan, snapshot.snapshot(), *content); !restored) return restored.error();
  auto processor = KvmMachine::SupportedProcessor(snapshot.snapshot().binding.xsave_mask);
  if (!processor) return processor.error();
  return KvmTemplate{std::move(*content), std::move(*memory), snapshot.snapshot().cores.front(), std::move(*processor)};
}

}  // namespace ebb::tender
