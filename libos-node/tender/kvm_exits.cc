// The exits of a guest under KVM.
//
// All are handled here: hypercalls (`out` from ring 3), exceptions (`out` from the ring-0 stubs), accesses that
// the host's page tables refuse, and signals, which stay blocked except in KVM_RUN and are taken from descriptors, so
// that none is lost between a look and a wait. Registers, stacks and memory of the guest are hostile: every address is
// checked or left to the kernel to refuse.
#include <sys/signalfd.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tender/crash_dump.h"
#include "tender/fault_address.h"
#include "tender/kvm_backend.h"

namespace ebb::tender {
namespace {

constexpr uint32_t kExitMemoryFault = 39;  // KVM_EXIT_MEMORY_FAULT, Linux 6.8
// Page-fault error code.
constexpr uint64_t kErrorWrite = 2, kErrorUser = 4, kErrorFetch = 16;
constexpr int64_t kNsPerSecond = 1000000000;
constexpr int kMaxRefusedEntries = 1000;
constexpr uint64_t kLookEveryNs = 10000000;

// Exceptions that push an error code.
bool HasErrorCode(uint64_t vector) {
  return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
}

// As the processor pushes it.
struct InterruptFrame {
  uint64_t rip, cs, rflags, rsp, ss;
};

// On the upcall stack, in this order, below it the return address.
struct UpcallFrame {
  ebb_upcall upcall;
  InterruptFrame room;  // upcall_return of pages/kvm_page.S builds its iretq frame here
};

void StoreRegisters(const kvm_regs& regs, uint64_t (&gpr)[EBB_GPR_COUNT]) {
  gpr[EBB_RAX] = regs.rax, gpr[EBB_RCX] = regs.rcx, gpr[EBB_RDX] = regs.rdx, gpr[EBB_RBX] = regs.rbx;
  gpr[EBB_RSP] = regs.rsp, gpr[EBB_RBP] = regs.rbp, gpr[EBB_RSI] = regs.rsi, gpr[EBB_RDI] = regs.rdi;
  gpr[EBB_R8] = regs.r8, gpr[EBB_R9] = regs.r9, gpr[EBB_R10] = regs.r10, gpr[EBB_R11] = regs.r11;
  gpr[EBB_R12] = regs.r12, gpr[EBB_R13] = regs.r13, gpr[EBB_R14] = regs.r14, gpr[EBB_R15] = regs.r15;
}

}  // namespace

ExitReport KvmBackend::Run() {
  if (auto confined = Confine(); !confined) return ExitReport::OfError(confined.error());
  crash_facts().exits = &exits_;
  context_.started_ns = ReadClocks().monotonic_ns;
  // What came before O_ASYNC was set makes no signal: a parent that has died, for one.
  context_.broker->Poll(0);
  if (context_.end_requested) return ExitReport::Ended();
  for (;;) {
    auto end = Step();
    if (!end && context_.broker->broken())
      end = ExitReport{ExitReport::Reason::kFault, std::nullopt, std::nullopt, "the guest broke its rings"};
    if (!end && context_.end_requested) end = ExitReport::Ended();
    if (!end) continue;
    context_.broker->Submit(0);  // last words
    context_.broker->Poll(0);
    return *end;
  }
}

std::optional<ExitReport> KvmBackend::Step() {
  const int error = machine_.Enter();
  ++exits_;
  const kvm_run& run = machine_.run();
  if (error == EINTR) return OnSignal();
  if (error == EFAULT) return OnRefusedAccess(run.exit_reason == kExitMemoryFault ? run.internal.data[0] : 0);
  if (error != 0) {
    if (error == EAGAIN && ++refused_entries_ < kMaxRefusedEntries) return std::nullopt;
    return ExitReport::OfError(ErrnoError(ErrorCode::kSystem, "KVM_RUN", error));
  }
  switch (run.exit_reason) {
    case KVM_EXIT_IO:
      return OnPort();
    case KVM_EXIT_MMIO: {
      // No slot there, though the page tables only map slots: a read-only one, or a table entry older than its slot.
      const uint64_t address = run.mmio.phys_addr;
      const kvm_regs interrupted = machine_.regs();
      machine_.CompleteExit();
      machine_.regs() = interrupted;
      machine_.MarkDirty();
      return OnRefusedAccess(address);
    }
    case KVM_EXIT_INTERNAL_ERROR:
      return OnRefusedAccess(0);
    case KVM_EXIT_INTR:
      return OnSignal();
    default:
      return Crash(("KVM exit " + std::to_string(run.exit_reason)).c_str());
  }
}

std::optional<ExitReport> KvmBackend::OnPort() {
  const kvm_run& run = machine_.run();
  const uint32_t port = run.io.port;
  const bool ring0 = machine_.regs().rip >= kRing0Base;
  if (run.io.direction == KVM_EXIT_IO_OUT && run.io.size == 1 && run.io.count == 1) {
    if (ring0 && port >= kExceptionPort && port < kExceptionPort + 32) return OnException(port - kExceptionPort);
    if (!ring0 && port >= kHypercallPort && port < kHypercallPort + EBB_HC_COUNT)
      return OnHypercall(port - kHypercallPort);
  }
  if (ring0) return Crash("port access in ring 0");
  // A hypercall port, but not in the way of the hypercall page: a protection fault like any other port.
  machine_.CompleteExit();
  return Upcall({.reason = EBB_UPCALL_FAULT, .vector = 13});
}

std::optional<ExitReport> KvmBackend::OnHypercall(uint32_t number) {
  const kvm_regs regs = machine_.regs();
  long result = -ENOSYS;
  switch (number) {
    case EBB_HC_ENTER:
      result = EnterHypercall(regs.rdi, regs.rsi, static_cast<int64_t>(regs.rdx), static_cast<int64_t>(regs.rcx));
      break;
    case EBB_HC_PROTECT:
      result = memory_->Protect(regs.rdi, regs.rsi, regs.rdx);
      break;
    case EBB_HC_DISCARD:
      result = memory_->Discard(regs.rdi, regs.rsi);
      break;
    case EBB_HC_TICK:
      result = SetTick(regs.rdi);
      break;
    case EBB_HC_RANDOM:
      result = memory_->Random(regs.rdi, regs.rsi);
      break;
    case EBB_HC_PARK:
      result = ParkHypercall(regs);
      break;
    case EBB_HC_EXIT:
      return ExitReport::OfGuest(regs.rdi, regs.rsi, context_.shared.ReportText());
    default:
      break;
  }
  machine_.regs().rax = static_cast<uint64_t>(result);
  machine_.MarkDirty();
  return std::nullopt;
}

long KvmBackend::EnterHypercall(uint64_t flags, uint64_t seen, int64_t seconds, int64_t nanoseconds) {
  Broker& broker = *context_.broker;
  if ((flags & EBB_ENTER_SUBMIT) != 0) {
    if (context_.first_submit_ns == 0) context_.first_submit_ns = ReadClocks().monotonic_ns;
    broker.Submit(0);
  }
  if ((flags & EBB_ENTER_WAIT) == 0) return 0;
  const bool forever = seconds < 0;
  // Far beyond any use, and without overflow.
  constexpr int64_t kLongest = 1000000000;
  const int64_t timeout =
      std::clamp(seconds, int64_t{0}, kLongest) * kNsPerSecond + std::clamp(nanoseconds, int64_t{0}, kNsPerSecond - 1);
  const uint64_t start = ReadClocks().monotonic_ns;
  const auto tail = std::atomic_ref(context_.shared.core(0)->cq_tail);
  // A request to park ends a wait, too.
  while (!context_.end_requested && !broker.broken() && !park_.asked &&
         tail.load(std::memory_order_acquire) == static_cast<uint32_t>(seen)) {
    if (forever) {
      broker.Poll(-1);
      continue;
    }
    const int64_t left = timeout - static_cast<int64_t>(ReadClocks().monotonic_ns - start);
    broker.Poll(std::max<int64_t>(left, 0));
    if (left <= 0) break;
  }
  context_.clock->Rebase();
  return 0;
}

long KvmBackend::SetTick(uint64_t microseconds) {
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(microseconds / 1000000);
  spec.it_value.tv_nsec = static_cast<long>(microseconds % 1000000 * 1000);
  spec.it_interval = spec.it_value;
  if (microseconds / 1000000 > 1000000) return -EINVAL;
  return timer_settime(*tick_timer_, 0, &spec, nullptr) == 0 ? 0 : -errno;
}

std::optional<uint64_t> KvmBackend::BuildUpcall(const UpcallCause& cause, const kvm_regs& interrupted) {
  constexpr uint64_t kBase = EBB_UPCALL_STACKS, kTop = EBB_UPCALL_STACKS + EBB_UPCALL_STACK_SIZE;
  constexpr uint64_t kRedZone = 128;
  const bool nested = interrupted.rsp > kBase && interrupted.rsp <= kTop;
  const uint64_t top = nested ? interrupted.rsp - kRedZone : kTop;
  if (top < kBase + sizeof(UpcallFrame) + 32) return std::nullopt;
  const uint64_t address = (top - sizeof(UpcallFrame)) & ~15ull;
  if (cause.reason == EBB_UPCALL_FAULT) ++faults_;

  UpcallFrame frame{};
  frame.upcall.reason = cause.reason;
  frame.upcall.vector = cause.vector;
  frame.upcall.error_code = cause.error_code;
  frame.upcall.address = cause.address;
  StoreRegisters(interrupted, frame.upcall.gpr);
  frame.upcall.rip = interrupted.rip;
  frame.upcall.rflags = interrupted.rflags;
  std::memcpy(memory_->At(address), &frame, sizeof frame);
  const uint64_t return_address = ReadPageHeader(KvmPage()).upcall_return;
  std::memcpy(memory_->At(address - 8), &return_address, sizeof return_address);
  return address - 8;
}

std::optional<ExitReport> KvmBackend::Upcall(const UpcallCause& cause) {
  kvm_regs& regs = machine_.regs();
  const auto stack = BuildUpcall(cause, regs);
  if (!stack) return Crash("no room on the upcall stack");
  regs.rip = context_.image.header().upcall_entry;
  regs.rsp = *stack;
  regs.rdi = *stack + 8;
  regs.rflags = kEntryFlags;
  machine_.MarkDirty();
  return std::nullopt;
}

std::optional<ExitReport> KvmBackend::OnException(uint32_t vector) {
  kvm_regs& regs = machine_.regs();
  uint64_t error_code = 0;
  uint64_t frame_address = regs.rsp;
  if (HasErrorCode(vector)) {
    const uint8_t* at = memory_->Ring0Stack(regs.rsp, 8);
    if (at == nullptr) return Crash("ring-0 stack");
    std::memcpy(&error_code, at, sizeof error_code);
    frame_address += 8;
  }
  uint8_t* at = memory_->Ring0Stack(frame_address, sizeof(InterruptFrame));
  if (at == nullptr) return Crash("ring-0 stack");
  InterruptFrame frame;
  std::memcpy(&frame, at, sizeof frame);
  if ((frame.cs & 3) != 3 || vector == 8) return Crash(("exception " + std::to_string(vector) + " in ring 0").c_str());

  kvm_regs interrupted = regs;
  interrupted.rip = frame.rip;
  interrupted.rsp = frame.rsp;
  interrupted.rflags = frame.rflags;
  const uint64_t address = vector == 14 ? machine_.ReadCr2() : 0;
  const auto stack = BuildUpcall(
      {.reason = EBB_UPCALL_FAULT, .vector = vector, .error_code = error_code, .address = address}, interrupted);
  if (!stack) return Crash("no room on the upcall stack");
  frame = {context_.image.header().upcall_entry, kUserCode, kEntryFlags, *stack, kUserData};
  std::memcpy(at, &frame, sizeof frame);
  regs.rsp = frame_address;
  regs.rdi = *stack + 8;
  machine_.MarkDirty();
  return std::nullopt;
}

std::optional<ExitReport> KvmBackend::OnRefusedAccess(uint64_t address) {
  const kvm_regs& regs = machine_.regs();
  if (regs.rip >= kRing0Base) return Crash("refused access in ring 0");
  UpcallCause cause{.reason = EBB_UPCALL_FAULT, .vector = 14, .error_code = kErrorUser, .address = address};
  uint8_t code[15];
  const size_t size = memory_->ReadCode(regs.rip, code);
  InstructionContext instruction{};
  StoreRegisters(regs, instruction.gpr);
  instruction.rip = regs.rip;
  machine_.ReadSegmentBases(instruction.fs_base, instruction.gs_base);
  const DecodedAccess access = DecodeAccess({code, size}, instruction);
  if (access.cut && size < sizeof code) {
    cause.error_code |= kErrorFetch;
    cause.address = regs.rip + size;
    return Upcall(cause);
  }
  for (const MemoryOperand& operand : access.all()) {
    if (const auto refused = memory_->FirstRefused(operand.address, operand.size, operand.write)) {
      cause.address = *refused;
      if (operand.write) cause.error_code |= kErrorWrite;
      break;
    }
  }
  return Upcall(cause);
}

std::optional<ExitReport> KvmBackend::OnSignal() {
  bool tick = false;
  // Once, whatever it takes: a tick of a microsecond is pending again when it was read. What stays comes back here.
  std::array<signalfd_siginfo, 4> infos{};
  const ssize_t size = read(kick_fd_.get(), infos.data(), sizeof infos);
  for (size_t i = 0; i < infos.size() && static_cast<ssize_t>((i + 1) * sizeof infos[0]) <= size; ++i) {
    if (infos[i].ssi_signo == static_cast<uint32_t>(TickSignal())) tick = true;
  }
  // Requests of the parent and stop signals are the broker's to notice, also when a guest asks for so many ticks that
  // one is always there.
  const uint64_t now = ReadClocks().monotonic_ns;
  if (!tick || now - last_look_ns_ >= kLookEveryNs) {
    last_look_ns_ = now;
    context_.broker->Poll(0);
    CheckPark();
  }
  return tick ? OnTick() : std::nullopt;
}

std::optional<ExitReport> KvmBackend::OnTick() {
  const uint64_t rip = machine_.regs().rip;
  const ebb_image_header& header = context_.image.header();
  const bool kernel = rip >= header.kernel_text_start && rip < header.kernel_text_end;
  const bool page = rip >= EBB_HYPERCALL_PAGE && rip < EBB_HYPERCALL_PAGE + EBB_HYPERCALL_PAGE_SIZE;
  if (kernel || page) {
    std::atomic_ref(context_.shared.core(0)->tick_pending).store(1, std::memory_order_release);
    return std::nullopt;
  }
  // At such a moment it is left to the next one.
  if (rip >= kRing0Base || machine_.EventPending()) return std::nullopt;
  return Upcall({.reason = EBB_UPCALL_TICK});
}

ExitReport KvmBackend::Crash(const char* what) {
  const kvm_regs& regs = machine_.regs();
  char text[256];
  std::snprintf(text, sizeof text, "%s: rip %#llx rsp %#llx rflags %#llx rax %#llx. ", what, regs.rip, regs.rsp,
                regs.rflags, regs.rax);
  return {ExitReport::Reason::kFault, std::nullopt, std::nullopt, text + context_.shared.ReportText()};
}

void KvmBackend::DescribeStats(JsonObject& stats) const {
  stats.Number("exits", exits_)
      .Number("faults", faults_)
      .Number("committedBytes", memory_ ? memory_->committed() : 0)
      .Number("slots", memory_ ? memory_->slots() : 0)
      .Number("overheadBytes", memory_ ? memory_->overhead() : 0);
  JsonObject sandbox;
  sandbox.Bool("seccomp", true).Bool("namespaces", false);
  stats.Raw("sandbox", sandbox.Finish());
}

}  // namespace ebb::tender
