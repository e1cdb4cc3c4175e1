// The KVM ioctls.
#include "tender/kvm_machine.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "abi/ebb_abi.h"
#include "tender/kvm_tables.h"

namespace ebb::tender {
namespace {

constexpr uint64_t kCr0 = 0x80050033;
constexpr uint64_t kCr4 = 0x50620;  // PAE, OSFXSR, OSXMMEXCPT, FSGSBASE, OSXSAVE; no SMAP, no PCIDE: PVM
constexpr uint64_t kEfer = 0xd01;   // SCE, LME, LMA, NX
constexpr uint32_t kMsrStar = 0xc0000081, kMsrLstar = 0xc0000082, kMsrSfmask = 0xc0000084;
// TF, DF, NT, AC are cleared on `syscall`; sysretq brings the caller's back.
constexpr uint64_t kSfmask = 0x44500;

constexpr int kNeeded[] = {KVM_CAP_USER_MEMORY, KVM_CAP_SYNC_REGS, KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_XCRS};

// The headers' flexible arrays have another layout in C++ than in C (an empty struct has a size), and the ioctl numbers
// follow it: the kernel's own layouts and numbers are stated here.
template <typename Entry, size_t kCount>
struct CountedArray {  // kvm_cpuid2, kvm_msrs
  uint32_t count;
  uint32_t padding;
  Entry entries[kCount];
};
struct SignalMask {  // kvm_signal_mask
  uint32_t length;
  uint8_t bits[8];
};
constexpr unsigned long kGetSupportedCpuid = _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x05, 8);
constexpr unsigned long kSetCpuid2 = _IOC(_IOC_WRITE, KVMIO, 0x90, 8);
constexpr unsigned long kSetMsrs = _IOC(_IOC_WRITE, KVMIO, 0x89, 8);
constexpr unsigned long kSetSignalMask = _IOC(_IOC_WRITE, KVMIO, 0x8b, 4);

Error Unusable(const char* what) { return ErrnoError(ErrorCode::kKvmUnusable, what, errno); }

kvm_segment Segment(uint16_t selector, uint8_t type, uint8_t dpl, bool code) {
  kvm_segment segment{};
  segment.limit = 0xffffffff;
  segment.selector = selector;
  segment.type = type;
  segment.present = 1;
  segment.dpl = dpl;
  segment.db = code ? 0 : 1;
  segment.s = 1;
  segment.l = code ? 1 : 0;
  segment.g = 1;
  return segment;
}

}  // namespace

Result<KvmMachine> KvmMachine::Create() {
  KvmMachine machine;
  machine.kvm_ = UniqueFd(open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!machine.kvm_) return Unusable("open /dev/kvm");
  if (ioctl(machine.kvm_.get(), KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
    return Error{ErrorCode::kKvmUnusable, "API version"};
  for (const int capability : kNeeded) {
    if (ioctl(machine.kvm_.get(), KVM_CHECK_EXTENSION, capability) <= 0) {
      return Error{ErrorCode::kKvmUnusable, "capability " + std::to_string(capability) + " is missing"};
    }
  }
  machine.vm_ = UniqueFd(ioctl(machine.kvm_.get(), KVM_CREATE_VM, 0));
  if (!machine.vm_) return Unusable("KVM_CREATE_VM");
  // Old Intel processors (no unrestricted guest) want a place for four pages; it must not be in a slot. Others ignore
  // this.
  uint64_t identity_map = kLowSize + 0x3000;
  ioctl(machine.vm_.get(), KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
  ioctl(machine.vm_.get(), KVM_SET_TSS_ADDR, kLowSize);
  machine.vcpu_ = UniqueFd(ioctl(machine.vm_.get(), KVM_CREATE_VCPU, 0));
  if (!machine.vcpu_) return Unusable("KVM_CREATE_VCPU");
  const int size = ioctl(machine.kvm_.get(), KVM_GET_VCPU_MMAP_SIZE, 0);
  if (size < static_cast<int>(sizeof(kvm_run))) return Unusable("KVM_GET_VCPU_MMAP_SIZE");
  void* run = mmap(nullptr, static_cast<size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED, machine.vcpu_.get(), 0);
  if (run == MAP_FAILED) return Unusable("mmap of the vCPU");
  machine.run_ = static_cast<kvm_run*>(run);
  machine.run_size_ = static_cast<uint64_t>(size);
  machine.run_->kvm_valid_regs = KVM_SYNC_X86_REGS;
  return machine;
}

KvmMachine::KvmMachine(KvmMachine&& other) noexcept
    : kvm_(std::move(other.kvm_)),
      vm_(std::move(other.vm_)),
      vcpu_(std::move(other.vcpu_)),
      run_(std::exchange(other.run_, nullptr)),
      run_size_(other.run_size_) {}

KvmMachine::~KvmMachine() {
  if (run_ != nullptr) munmap(run_, run_size_);
}

Result<void> KvmMachine::SetSlot(uint32_t slot, uint64_t address, uint64_t size, void* host) {
  kvm_userspace_memory_region region{slot, 0, address, size, reinterpret_cast<uint64_t>(host)};
  if (ioctl(vm_.get(), KVM_SET_USER_MEMORY_REGION, &region) != 0)
    return ErrnoError(ErrorCode::kMemory, "memory slot", errno);
  return {};
}

namespace {

constexpr uint32_t kMaxCpuidEntries = 256;
using Cpuid = CountedArray<kvm_cpuid_entry2, kMaxCpuidEntries>;

// What guests can have, with `xsave_mask` cut to it.
Result<Cpuid> SupportedCpuid(int kvm, uint64_t& xsave_mask) {
  Cpuid cpuid{};
  cpuid.count = kMaxCpuidEntries;
  if (ioctl(kvm, kGetSupportedCpuid, &cpuid) != 0) return Unusable("KVM_GET_SUPPORTED_CPUID");
  for (uint32_t i = 0; i < cpuid.count; ++i) {
    kvm_cpuid_entry2& entry = cpuid.entries[i];
    if (entry.function == 0xd && entry.index == 0) {
      xsave_mask &= entry.eax | static_cast<uint64_t>(entry.edx) << 32;
      entry.eax = static_cast<uint32_t>(xsave_mask);
      entry.edx = static_cast<uint32_t>(xsave_mask >> 32);
    }
    // AMX: not in xsave_mask (see cpu.h).
    if (entry.function == 7 && entry.index == 0) entry.edx &= ~(1u << 22 | 1u << 24 | 1u << 25);
  }
  return cpuid;
}

}  // namespace

Result<KvmMachine::Processor> KvmMachine::SupportedProcessor(uint64_t xsave_mask) {
  const UniqueFd kvm(open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!kvm) return Unusable("open /dev/kvm");
  auto cpuid = SupportedCpuid(kvm.get(), xsave_mask);
  if (!cpuid) return cpuid.error();
  const auto* bytes = reinterpret_cast<const uint8_t*>(&cpuid.value());
  return Processor{{bytes, bytes + sizeof cpuid.value()}, xsave_mask};
}

Result<void> KvmMachine::InitVcpu(const Processor& processor, uint64_t syscall_target) {
  if (ioctl(vcpu_.get(), kSetCpuid2, processor.cpuid.data()) != 0) return Unusable("KVM_SET_CPUID2");

  kvm_sregs sregs{};
  if (ioctl(vcpu_.get(), KVM_GET_SREGS, &sregs) != 0) return Unusable("KVM_GET_SREGS");
  sregs.cs = Segment(kUserCode, 11, 3, true);
  sregs.ss = sregs.ds = sregs.es = sregs.fs = sregs.gs = Segment(kUserData, 3, 3, false);
  sregs.tr = Segment(kTssSelector, 11, 0, false);
  sregs.tr.base = kRing0Base + kTss;
  sregs.tr.limit = kTssLimit;
  sregs.tr.s = sregs.tr.db = sregs.tr.g = 0;
  sregs.ldt = {};
  sregs.ldt.unusable = 1;
  sregs.gdt.base = kRing0Base + kGdt;
  sregs.gdt.limit = kGdtLimit;
  sregs.idt.base = kRing0Base + kIdt;
  sregs.idt.limit = kIdtLimit;
  sregs.cr0 = kCr0;
  sregs.cr3 = kPml4;
  sregs.cr4 = kCr4;
  sregs.efer = kEfer;
  if (ioctl(vcpu_.get(), KVM_SET_SREGS, &sregs) != 0) return Unusable("KVM_SET_SREGS");

  kvm_xcrs xcrs{};
  xcrs.nr_xcrs = 1;
  xcrs.xcrs[0].value = processor.xsave_mask;
  if (ioctl(vcpu_.get(), KVM_SET_XCRS, &xcrs) != 0) return Unusable("KVM_SET_XCRS");

  CountedArray<kvm_msr_entry, 3> msrs{
      3, 0, {{kMsrStar, 0, kStar}, {kMsrLstar, 0, syscall_target}, {kMsrSfmask, 0, kSfmask}}};
  if (ioctl(vcpu_.get(), kSetMsrs, &msrs) != 3) return Unusable("KVM_SET_MSRS");
  return {};
}

Result<void> KvmMachine::SetWakingSignals(const sigset_t& waking) {
  sigset_t mask;
  if (sigprocmask(SIG_BLOCK, &waking, &mask) != 0) return Unusable("sigprocmask");
  uint64_t bits = 0;
  for (int signal = 1; signal <= 64; ++signal) {
    if (sigismember(&mask, signal) == 1 && sigismember(&waking, signal) == 0) bits |= 1ull << (signal - 1);
  }
  SignalMask argument{sizeof bits, {}};
  std::memcpy(argument.bits, &bits, sizeof bits);
  if (ioctl(vcpu_.get(), kSetSignalMask, &argument) != 0) return Unusable("KVM_SET_SIGNAL_MASK");
  return {};
}

uint64_t KvmMachine::TscKhz() const {
  const int khz = ioctl(vcpu_.get(), KVM_GET_TSC_KHZ, 0);
  return khz > 0 ? static_cast<uint64_t>(khz) : 0;
}

int KvmMachine::Enter() { return ioctl(vcpu_.get(), KVM_RUN, 0) == 0 ? 0 : errno; }

void KvmMachine::CompleteExit() {
  run_->immediate_exit = 1;
  Enter();
  run_->immediate_exit = 0;
}

uint64_t KvmMachine::ReadCr2() {
  kvm_sregs sregs{};
  return ioctl(vcpu_.get(), KVM_GET_SREGS, &sregs) == 0 ? sregs.cr2 : 0;
}

Result<void> KvmMachine::SetSegmentBases(uint64_t fs, uint64_t gs) {
  kvm_sregs sregs{};
  if (ioctl(vcpu_.get(), KVM_GET_SREGS, &sregs) != 0) return Unusable("KVM_GET_SREGS");
  sregs.fs.base = fs;
  sregs.gs.base = gs;
  if (ioctl(vcpu_.get(), KVM_SET_SREGS, &sregs) != 0) return Unusable("KVM_SET_SREGS");
  return {};
}

void KvmMachine::ReadSegmentBases(uint64_t& fs, uint64_t& gs) {
  kvm_sregs sregs{};
  if (ioctl(vcpu_.get(), KVM_GET_SREGS, &sregs) != 0) return;
  fs = sregs.fs.base;
  gs = sregs.gs.base;
}

bool KvmMachine::EventPending() {
  kvm_vcpu_events events{};
  if (ioctl(vcpu_.get(), KVM_GET_VCPU_EVENTS, &events) != 0) return true;
  return events.exception.injected != 0 || events.exception.pending != 0 || events.interrupt.injected != 0 ||
         events.nmi.injected != 0;
}

}  // namespace ebb::tender
