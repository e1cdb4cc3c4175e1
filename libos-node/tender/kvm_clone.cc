// Start of a clone under KVM, on the memory that its template's server laid out.
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

#include "tender/function_snapshot.h"
#include "tender/kvm_backend.h"

namespace ebb::tender {

Result<void> KvmBackend::StartClone(KvmTemplate& laid_out, const CloneStart& start, uint64_t generation) {
  const auto& [function, prefault] = start;
  if (auto done = machine_.InitVcpu(laid_out.processor, ReadPageHeader(KvmPage()).syscall); !done) return done;
  memory_.emplace(std::move(laid_out.memory));
  if (auto done = memory_->MapShared(context_.shared); !done) return done;
  if (auto done = memory_->Attach(machine_); !done) return done;
  if (function != nullptr) {
    if (auto done = FollowPlan(*function); !done) return done;
  } else if (prefault != nullptr) {
    if (auto done = Prefault(*prefault); !done) return done;
  }
  const auto offset = Probe();
  if (!offset) return offset.error();
  context_.clock->SetGuestTscOffset(offset.value());
  context_.clock->Rebase();

  const ParkedRegisters& from = function != nullptr ? function->registers() : laid_out.registers;
  if (auto done = machine_.SetSegmentBases(from.fs_base, from.gs_base); !done) return done;
  kvm_regs& regs = machine_.regs();
  regs = {};
  regs.rip = from.rip;
  regs.rsp = from.rsp;
  regs.rax = generation;
  regs.rflags = kEntryFlags;
  machine_.MarkDirty();
  return SetUpSignals();
}

// As in pages/zygote_page.cc.
Result<void> KvmBackend::FollowPlan(const FunctionSnapshot& function) {
  const auto mapping = function.MapPlan();
  if (!mapping) return mapping.error();
  const auto* plan = static_cast<const PlanHeader*>(mapping.value());
  const auto follow = [&](const PlanStep* steps, uint64_t count) {
    for (const PlanStep& step : std::span(steps, count)) {
      const long result = step.hypercall == EBB_HC_DISCARD ? memory_->Discard(step.address, step.size)
                                                           : memory_->Protect(step.address, step.size, step.prot);
      if (result < 0) return false;
    }
    return true;
  };
  if (!follow(plan->before(), plan->before_count)) return Error{ErrorCode::kSnapshotBad, "plan"};
  constexpr uint64_t kMostParts = 1024;  // IOV_MAX
  std::vector<iovec> places;
  uint64_t offset = plan->pages_offset;
  for (uint64_t done = 0; done < plan->part_count; done += places.size()) {
    places.clear();
    uint64_t bytes = 0;
    for (const PlanPart& part : std::span(plan->parts() + done, std::min(kMostParts, plan->part_count - done))) {
      places.push_back({memory_->At(part.address), part.size});
      bytes += part.size;
    }
    const ssize_t read =
        preadv(function.file(), places.data(), static_cast<int>(places.size()), static_cast<off_t>(offset));
    if (read < 0 || static_cast<uint64_t>(read) != bytes) return ErrnoError(ErrorCode::kSnapshotBad, "pages", errno);
    offset += bytes;
  }
  const bool followed = follow(plan->after(), plan->after_count);
  function.UnmapPlan(mapping.value());
  if (!followed) return Error{ErrorCode::kSnapshotBad, "plan"};
  return {};
}

// A place that the template does not have is left out.
Result<void> KvmBackend::Prefault(const FunctionSnapshot& function) {
  const auto mapping = function.MapPlan();
  if (!mapping) return mapping.error();
  const auto* plan = static_cast<const PlanHeader*>(mapping.value());
  for (const PlanPart& part : std::span(plan->parts(), plan->part_count)) memory_->Prefault(part.address, part.size);
  function.UnmapPlan(mapping.value());
  return {};
}

Result<std::unique_ptr<Backend>> CloneKvmBackend(VmContext& context, KvmTemplate& laid_out, const CloneStart& start,
                                                 uint64_t generation) {
  auto machine = KvmMachine::Create();
  if (!machine) return machine.error();
  auto backend = std::make_unique<KvmBackend>(context, std::move(*machine));
  if (auto started = backend->StartClone(laid_out, start, generation); !started) return started.error();
  return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace ebb::tender
