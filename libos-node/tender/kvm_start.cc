// Start of a VM under KVM that boots.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>

#include "tender/cpu.h"
#include "tender/kvm_backend.h"
#include "tender/seccomp/filters.h"

namespace ebb::tender {

Result<void> KvmBackend::Start() {
  const auto cpu = ReadCpuState();
  if (!cpu) return cpu.error();
  const auto processor = KvmMachine::SupportedProcessor(cpu.value().xsave_mask);
  if (!processor) return processor.error();
  if (auto done = machine_.InitVcpu(processor.value(), ReadPageHeader(KvmPage()).syscall); !done) return done;
  context_.boot.tender = EBB_TENDER_KVM;
  context_.boot.xsave_mask = processor.value().xsave_mask;
  context_.boot.xsave_size = cpu.value().xsave_size;
  FillHypercalls(KvmPage(), context_.boot.hypercalls);
  auto boot_info = BuildBootInfo(context_.boot);
  if (!boot_info) return boot_info.error();

  auto memory = KvmMemory::Create(&machine_, context_.boot.memory_limit);
  if (!memory) return memory.error();
  memory_.emplace(std::move(*memory));
  const GuestMemoryPlan plan{context_.image, &context_.shared,
                             KvmPage(),      ParamsOf(context_.image, context_.boot.memory_limit),
                             *boot_info,     context_.boot.core_count};
  if (auto done = memory_->Map(plan); !done) return done;

  context_.clock.emplace(context_.shared.clock(), context_.first_reading, machine_.TscKhz());
  auto offset = Probe();
  if (!offset) return offset.error();
  context_.clock->SetGuestTscOffset(*offset);
  context_.clock->Rebase();

  kvm_regs& regs = machine_.regs();
  regs = {};
  regs.rip = context_.image.header().kernel_entry;
  regs.rsp = EBB_UPCALL_STACKS + EBB_UPCALL_STACK_SIZE;
  regs.rdi = EBB_BOOT_INFO;
  regs.rflags = kEntryFlags;
  machine_.MarkDirty();
  return SetUpSignals();
}

Result<uint64_t> KvmBackend::Probe() {
  machine_.regs() = {};
  machine_.regs().rip = ReadPageHeader(KvmPage()).probe;
  machine_.regs().rflags = kEntryFlags;
  machine_.MarkDirty();
  const uint64_t before = ReadClocks().tsc;
  const int error = machine_.Enter();
  const uint64_t after = ReadClocks().tsc;
  if (error != 0) return ErrnoError(ErrorCode::kKvmUnusable, "KVM_RUN", error);
  const kvm_run& run = machine_.run();
  if (run.exit_reason != KVM_EXIT_IO || run.io.port != kProbePort) {
    char text[128];
    std::snprintf(text, sizeof text, "the probe ended with exit %u, port %#x, rip %#llx, rsp %#llx", run.exit_reason,
                  run.io.port, machine_.regs().rip, machine_.regs().rsp);
    return Error{ErrorCode::kKvmUnusable, text};
  }
  const uint64_t guest = machine_.regs().rax;
  machine_.CompleteExit();
  // Inside the window the clocks are the same; a few microseconds of doubt otherwise only shift the guest's clock by as
  // much.
  return guest >= before && guest <= after ? 0 : guest - (before + (after - before) / 2);
}

Result<void> KvmBackend::SetUpSignals() {
  sigset_t kicks;
  sigemptyset(&kicks);
  sigaddset(&kicks, TickSignal());
  sigaddset(&kicks, SIGIO);
  sigset_t waking = kicks;
  for (const int stop : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&waking, stop);
  if (auto done = machine_.SetWakingSignals(waking); !done) return done;
  kick_fd_ = UniqueFd(signalfd(-1, &kicks, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!kick_fd_) return ErrnoError(ErrorCode::kSystem, "signalfd", errno);

  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = TickSignal();
  event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return ErrnoError(ErrorCode::kSystem, "timer_create", errno);
  tick_timer_ = timer;
  // Only to get out of KVM_RUN.
  event.sigev_signo = SIGIO;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return ErrnoError(ErrorCode::kSystem, "timer_create", errno);
  park_timer_ = timer;

  // A request of the parent interrupts a guest that computes without entering the tender.
  if (context_.parent_fd < 0) return {};
  const f_owner_ex owner{F_OWNER_TID, event._sigev_un._tid};
  const int flags = fcntl(context_.parent_fd, F_GETFL);
  if (flags < 0 || fcntl(context_.parent_fd, F_SETOWN_EX, &owner) != 0 ||
      fcntl(context_.parent_fd, F_SETFL, flags | O_ASYNC) != 0) {
    return ErrnoError(ErrorCode::kChannelBad, "O_ASYNC", errno);
  }
  return {};
}

Result<void> KvmBackend::Confine() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) return ErrnoError(ErrorCode::kSandbox, "capset", errno);
  return ApplyFilter(kKvmFilter);
}

Result<std::unique_ptr<Backend>> CreateKvmBackend(VmContext& context) {
  auto machine = KvmMachine::Create();
  if (!machine) return machine.error();
  return std::unique_ptr<Backend>(std::make_unique<KvmBackend>(context, std::move(*machine)));
}

}  // namespace ebb::tender
