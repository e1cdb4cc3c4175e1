// The making of a template.
#include "tender/template_boot.h"

#include "tender/backend.h"
#include "tender/broker/broker.h"
#include "tender/cpu.h"
#include "tender/guest_memory.h"
#include "tender/kvm_machine.h"

namespace ebb::tender {
namespace {

constexpr int64_t kTimeoutNs = 60'000'000'000;

// Nobody listens to a template; what it says matters only when it fails.
class TemplateReport final : public Report {
 public:
  void Log(uint32_t stream, uint64_t, std::span<const std::byte> bytes) override {
    constexpr size_t kKept = 4096;
    if (stream != EBB_LOG_STDERR && stream != EBB_LOG_KERNEL) return;
    said_.append(reinterpret_cast<const char*>(bytes.data()),
                 std::min(bytes.size(), kKept - std::min(said_.size(), kKept)));
  }
  void Ready() override { ready_ = true; }
  bool ready() const { return ready_; }
  const std::string& said() const { return said_; }

 private:
  bool ready_ = false;
  std::string said_;
};

}  // namespace

BootParameters BootOf(const Options& options, const Image& image) {
  BootParameters boot{};
  boot.memory_limit = options.memory_mb << 20;
  boot.options = image.options();
  boot.environment = options.environment;
  boot.arguments = options.arguments;
  return boot;
}

Result<std::vector<uint8_t>> TemplateBootInfo(const Options& options, const Image& image) {
  const auto cpu = ReadCpuState();
  if (!cpu) return cpu.error();
  const bool kvm = options.tender == TenderChoice::kKvm;
  BootParameters boot = BootOf(options, image);
  boot.tender = kvm ? EBB_TENDER_KVM : EBB_TENDER_PROCESS;
  boot.xsave_mask = cpu.value().xsave_mask;
  boot.xsave_size = cpu.value().xsave_size;
  if (kvm) {
    const auto supported = KvmMachine::SupportedProcessor(boot.xsave_mask);
    if (!supported) return supported.error();
    boot.xsave_mask = supported.value().xsave_mask;
  }
  FillHypercalls(kvm ? KvmPage() : ProcessPage(), boot.hypercalls);
  return BuildBootInfo(boot);
}

Result<void> BootTemplate(const Options& options, const Image& image, const SnapshotBinding& binding) {
  auto shared = SharedMemory::Create(1);
  if (!shared) return shared.error();
  VmContext context{.image = image,
                    .shared = *shared,
                    .first_reading = ReadClocks(),
                    .boot = BootOf(options, image),
                    .clock = std::nullopt,
                    .broker = nullptr,
                    .template_boot = true};
  const bool kvm = options.tender == TenderChoice::kKvm;
  auto created = kvm ? CreateKvmBackend(context) : CreateProcessBackend(context);
  if (!created) return created.error();
  const std::unique_ptr<Backend> backend = std::move(*created);
  if (auto started = backend->Start(); !started) return started;
  TemplateReport report;
  auto broker = Broker::Create({}, shared.value().core(0), 1, shared.value().data(), report);
  if (!broker) return broker.error();
  context.broker = std::move(*broker);

  const auto parked = backend->RunToPark([&] { return report.ready(); }, kTimeoutNs);
  if (!parked) return Error{parked.error().code, parked.error().detail + " " + report.said()};
  auto boot_info = TemplateBootInfo(options, image);
  if (!boot_info) return boot_info.error();
  Snapshot snapshot;
  snapshot.binding = binding;
  snapshot.cores = {parked.value()};
  snapshot.parked_at_ns = ReadClocks().monotonic_ns;
  snapshot.boot_info = std::move(*boot_info);
  return backend->Capture(std::move(snapshot), options.snapshot_path);
}

}  // namespace ebb::tender
