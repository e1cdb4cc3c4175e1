// KvmMachine: a KVM virtual machine with one vCPU, as the ioctls give it. Knows registers and slots, nothing of the
// guest's contract.
#ifndef EBB_TENDER_KVM_MACHINE_H_
#define EBB_TENDER_KVM_MACHINE_H_

#include <linux/kvm.h>
#include <signal.h>

#include <cstdint>
#include <vector>

#include "tender/result.h"
#include "tender/unique_fd.h"

namespace ebb::tender {

class KvmMachine {
 public:
  // Fails with kKvmUnusable when /dev/kvm is missing, not permitted or lacks what is needed.
  static Result<KvmMachine> Create();
  KvmMachine(KvmMachine&& other) noexcept;
  KvmMachine& operator=(KvmMachine&&) = delete;
  ~KvmMachine();

  // What guests can have of this processor. Asked for once, it can be inherited by a process that makes a machine.
  struct Processor {
    std::vector<uint8_t> cpuid;  // as KVM_SET_CPUID2 takes it
    uint64_t xsave_mask;
  };
  static Result<Processor> SupportedProcessor(uint64_t xsave_mask);

  // Backs guest-physical [address, address + size) with host memory.
  Result<void> SetSlot(uint32_t slot, uint64_t address, uint64_t size, void* host);

  // CPUID, XCR0, MSRs and segments for ring 3 in the tables of kvm_tables.h. `syscall_target` is MSR_LSTAR.
  Result<void> InitVcpu(const Processor& processor, uint64_t syscall_target);
  // The signals that make KVM_RUN return; they stay blocked otherwise.
  Result<void> SetWakingSignals(const sigset_t& waking);

  uint64_t TscKhz() const;

  // General registers as of the last exit. After a change: MarkDirty.
  kvm_regs& regs() { return run_->s.regs.regs; }
  void MarkDirty() { run_->kvm_dirty_regs |= KVM_SYNC_X86_REGS; }
  kvm_run& run() { return *run_; }
  // KVM_RUN; 0 or errno.
  int Enter();
  // Lets KVM finish the instruction of a port or memory-mapped exit, without running the guest.
  void CompleteExit();

  uint64_t ReadCr2();
  void ReadSegmentBases(uint64_t& fs, uint64_t& gs);
  Result<void> SetSegmentBases(uint64_t fs, uint64_t gs);
  // An exception is on its way into the guest, so its registers must not be replaced.
  bool EventPending();

 private:
  KvmMachine() = default;

  UniqueFd kvm_, vm_, vcpu_;
  kvm_run* run_ = nullptr;
  uint64_t run_size_ = 0;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_KVM_MACHINE_H_
