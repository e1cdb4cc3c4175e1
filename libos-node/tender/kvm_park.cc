// Parking of a guest under KVM, and its end.
#include <atomic>
#include <cerrno>

#include "tender/kvm_backend.h"

namespace ebb::tender {

Result<ParkedRegisters> KvmBackend::RunToPark(const std::function<bool()>& ready, int64_t timeout_ns) {
  const uint64_t deadline = ReadClocks().monotonic_ns + static_cast<uint64_t>(timeout_ns);
  std::optional<ParkedRegisters> parked;
  bool gave_up = false;
  context_.on_parked = [&](const ParkedState* state) {
    gave_up = state == nullptr;
    if (state != nullptr) parked = ParkedRegisters{state->rip, state->rsp, state->fs_base, state->gs_base};
    park_.held = false;
  };
  bool asked = false;
  while (ReadClocks().monotonic_ns < deadline && !gave_up) {
    if (!asked && ready()) {
      asked = true;
      Park({static_cast<uint32_t>(timeout_ns / 1000000), 0});
    }
    const auto end = Step();
    if (parked) return *parked;
    if (!end && !context_.broker->broken()) continue;
    context_.broker->Submit(0);
    return Error{ErrorCode::kSystem, "the template ended: " + (end ? end->Json() : "its rings are broken")};
  }
  return Error{ErrorCode::kParkTimeout, ""};
}

void KvmBackend::Park(const ParkRequest& request) {
  if (park_.asked || park_.held) return context_.on_parked(nullptr);
  constexpr uint64_t kNsPerMs = 1000000;
  park_ = {true, false, ReadClocks().monotonic_ns + request.rest_ms * kNsPerMs, request.hold_ms * kNsPerMs};
  std::atomic_ref(context_.shared.core(0)->park_requested).store(1, std::memory_order_seq_cst);
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(request.rest_ms / 1000);
  spec.it_value.tv_nsec = static_cast<long>(request.rest_ms % 1000 * kNsPerMs) + 1;
  timer_settime(*park_timer_, 0, &spec, nullptr);
}

void KvmBackend::CheckPark() {
  if (!park_.asked || ReadClocks().monotonic_ns < park_.deadline_ns) return;
  park_.asked = false;
  std::atomic_ref(context_.shared.core(0)->park_requested).store(0, std::memory_order_seq_cst);
  context_.on_parked(nullptr);
}

long KvmBackend::ParkHypercall(const kvm_regs& regs) {
  CheckPark();
  if (!park_.asked) return -EINVAL;
  const ParkedState state{regs.rdi, regs.rsi, regs.rdx, regs.rcx,
                          ReadClocks().monotonic_ns + context_.clock->monotonic_offset()};
  park_.asked = false;
  park_.held = true;
  const uint64_t until = ReadClocks().monotonic_ns + park_.hold_ns;
  context_.on_parked(&state);
  while (park_.held && !context_.end_requested && !context_.broker->broken()) {
    const uint64_t now = ReadClocks().monotonic_ns;
    if (now >= until) break;
    context_.broker->Poll(static_cast<int64_t>(until - now));
  }
  park_.held = false;
  // It may have been asked again already.
  if (!park_.asked) std::atomic_ref(context_.shared.core(0)->park_requested).store(0, std::memory_order_seq_cst);
  context_.clock->Rebase();
  return 0;
}

}  // namespace ebb::tender
