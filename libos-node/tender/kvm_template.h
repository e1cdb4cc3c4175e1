// KvmTemplate: a template's memory laid out in its server as a KVM guest's, so that a process that is forked from the
// server has it already and needs a machine only.
//
// Invariant: the server never touches it again, and no guest ever runs in the server.
#ifndef EBB_TENDER_KVM_TEMPLATE_H_
#define EBB_TENDER_KVM_TEMPLATE_H_

#include "tender/capture.h"
#include "tender/kvm_memory.h"
#include "tender/snapshot_file.h"
#include "tender/template_memory.h"

namespace ebb::tender {

struct KvmTemplate {
  static Result<KvmTemplate> Create(const Image& image, const SnapshotFile& snapshot,
                                    const std::vector<uint8_t>& boot_info, uint64_t memory_limit);

  GuestView view() const { return {memory.host_base(), memory.held_bits()}; }

  TemplateMemory content;
  KvmMemory memory;
  ParkedRegisters registers;
  KvmMachine::Processor processor;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_KVM_TEMPLATE_H_
