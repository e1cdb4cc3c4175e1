// KvmBackend: the guest on a vCPU of this thread, the broker in between. In four parts: how a VM starts (kvm_start.cc),
// how a clone does (kvm_clone.cc), parking (kvm_park.cc), and the exits while it runs (kvm_exits.cc).
#ifndef EBB_TENDER_KVM_BACKEND_H_
#define EBB_TENDER_KVM_BACKEND_H_

#include <unistd.h>

#include <csignal>
#include <ctime>
#include <optional>
#include <utility>

#include "tender/backend.h"
#include "tender/guest_memory.h"
#include "tender/kvm_machine.h"
#include "tender/kvm_memory.h"
#include "tender/kvm_template.h"

namespace ebb::tender {

// IF and the bit that is always set. IOPL stays 0: PVM loses it, and the I/O permission bitmap allows exactly the
// hypercall ports.
inline constexpr uint64_t kEntryFlags = 0x202;

// Kicks the vCPU out of KVM_RUN for a tick of the guest's.
inline int TickSignal() { return SIGRTMIN; }

class KvmBackend final : public Backend {
 public:
  KvmBackend(VmContext& context, KvmMachine machine) : context_(context), machine_(std::move(machine)) {}
  ~KvmBackend() override {
    for (const auto& timer : {tick_timer_, park_timer_}) {
      if (timer) timer_delete(*timer);
    }
  }

  Result<void> Start() override;
  Result<ParkedRegisters> RunToPark(const std::function<bool()>& ready, int64_t timeout_ns) override;
  Result<void> Capture(Snapshot snapshot, const std::string& path) override {
    return CaptureProcess(getpid(), {memory_->host_base(), memory_->held_bits()}, std::move(snapshot), path);
  }
  ExitReport Run() override;
  // Instead of Start: see CloneKvmBackend.
  Result<void> StartClone(KvmTemplate& laid_out, const CloneStart& start, uint64_t generation);

  void Park(const ParkRequest& request) override;
  bool Resume() override { return std::exchange(park_.held, false); }

  std::vector<pid_t> Pids() const override { return {getpid()}; }
  void DescribeStats(JsonObject& stats) const override;

  // Runs the probe: does this machine execute ring-3 code at all? Also measures the guest's TSC against the host's.
  Result<uint64_t> Probe();

 private:
  struct UpcallCause {
    uint32_t reason;
    uint32_t vector = 0;
    uint64_t error_code = 0;
    uint64_t address = 0;
  };

  struct ParkAsked {
    bool asked = false;  // and not yet answered
    bool held = false;
    uint64_t deadline_ns = 0;
    uint64_t hold_ns = 0;
  };

  Result<void> FollowPlan(const FunctionSnapshot& function);
  Result<void> Prefault(const FunctionSnapshot& function);
  long ParkHypercall(const kvm_regs& regs);
  // Gives up on a guest that does not come to rest.
  void CheckPark();

  Result<void> SetUpSignals();
  Result<void> Confine();

  // Each returns a report when the VM ends there.
  std::optional<ExitReport> Step();
  std::optional<ExitReport> OnPort();
  std::optional<ExitReport> OnHypercall(uint32_t number);
  std::optional<ExitReport> OnException(uint32_t vector);
  // `address` when KVM told it, else 0.
  std::optional<ExitReport> OnRefusedAccess(uint64_t address);
  std::optional<ExitReport> OnSignal();
  std::optional<ExitReport> OnTick();

  // Puts a struct ebb_upcall for the interrupted state on the upcall stack; the stack pointer and argument for
  // upcall_entry, or nothing when there is no room.
  std::optional<uint64_t> BuildUpcall(const UpcallCause& cause, const kvm_regs& interrupted);
  // The same, and lets ring 3 continue in upcall_entry.
  std::optional<ExitReport> Upcall(const UpcallCause& cause);

  long EnterHypercall(uint64_t flags, uint64_t seen, int64_t seconds, int64_t nanoseconds);
  long SetTick(uint64_t microseconds);
  ExitReport Crash(const char* what);

  VmContext& context_;
  KvmMachine machine_;
  std::optional<KvmMemory> memory_;
  UniqueFd kick_fd_;
  std::optional<timer_t> tick_timer_;
  std::optional<timer_t> park_timer_;
  ParkAsked park_;
  uint64_t exits_ = 0;
  uint64_t faults_ = 0;
  int refused_entries_ = 0;
  uint64_t last_look_ns_ = 0;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_KVM_BACKEND_H_
