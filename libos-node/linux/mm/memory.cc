#include "kernel/clock.h"
#include "kernel/timer.h"
#include "kernel/user_memory.h"
#include "linux/fd_table.h"
#include "linux/mm/address_space.h"
#include "linux/mm/modules.h"
#include "linux/process/syscalls.h"

namespace ebb::linux_abi {
namespace {

constexpr int kDontNeed = 4, kFree = 8, kRemove = 9;

// Free memory that nobody needed for a while goes back to the host: an idle VM keeps none. Runs only while there is
// some.
class FreeMemoryTimer final : public TimerEntry {
 public:
  void Arm() {
    if (armed() || address_space().free_memory().bytes() == 0) return;
    seen_uses_ = address_space().free_memory().uses();
    StartTimer(*this, clock->Now() + kPeriodNs);
  }

 private:
  static constexpr uint64_t kPeriodNs = 1'000'000'000;

  void OnTimer() override {
    if (address_space().free_memory().uses() == seen_uses_) address_space().ReleaseFreeMemory();
    Arm();
  }

  uint64_t seen_uses_ = 0;
};

constinit FreeMemoryTimer free_memory_timer;

template <class T>
int64_t ToSyscall(const Result<T>& result) {
  if (!result) return result.Negative();
  if constexpr (std::is_same_v<T, uint64_t>) return static_cast<int64_t>(*result);
  return 0;
}

}  // namespace

int64_t SysMmap(uint64_t address, uint64_t size, uint32_t prot, uint32_t flags, int fd, uint64_t offset) {
  // Advice and old flags that change nothing here.
  prot &= ~0x01000000u;  // PROT_GROWSDOWN
  if ((flags & kMapAnonymous) != 0) {
    const uint16_t name = (flags & kMapStack) != 0 ? kNameThreadStack : kNameNone;
    return ToSyscall(address_space().Map(address, size, prot, flags, nullptr, 0, name));
  }
  auto file = fds().Get(fd);
  if (!file) return file.Negative();
  if (!(*file)->readable()) return Negative(Errno::kAcces);
  const bool shared = (flags & 3) != kMapPrivate;
  if (shared && (prot & kProtWrite) != 0 && !(*file)->writable()) return Negative(Errno::kAcces);
  if (offset + size < offset) return Negative(Errno::kOverflow);
  const auto mapped = address_space().Map(address, size, prot, flags, file->get(), offset);
  if (mapped && offset == 0 && (flags & kMapDenyWrite) != 0) NoteModule(**file, *mapped, size);
  return ToSyscall(mapped);
}

int64_t SysMunmap(uint64_t address, uint64_t size) {
  const auto unmapped = address_space().Unmap(address, size);
  free_memory_timer.Arm();
  return ToSyscall(unmapped);
}

int64_t SysMprotect(uint64_t address, uint64_t size, uint32_t prot) {
  return ToSyscall(address_space().Protect(address, size, prot));
}

int64_t SysMremap(uint64_t address, uint64_t old_size, uint64_t new_size, uint32_t flags, uint64_t new_address) {
  const auto moved = address_space().Remap(address, old_size, new_size, flags, new_address);
  free_memory_timer.Arm();
  return ToSyscall(moved);
}

int64_t SysMadvise(uint64_t address, uint64_t size, int advice) {
  if (advice == kDontNeed || advice == kRemove) return ToSyscall(address_space().Discard(address, size));
  // Everything else is a hint. MADV_FREE leaves the content, as it may.
  (void)kFree;
  return (address & (EBB_PAGE_SIZE - 1)) != 0 ? Negative(Errno::kInval) : 0;
}

int64_t SysMincore(uint64_t address, uint64_t size, uint64_t vector) {
  if ((address & (EBB_PAGE_SIZE - 1)) != 0) return Negative(Errno::kInval);
  const uint64_t pages = (size + EBB_PAGE_SIZE - 1) / EBB_PAGE_SIZE;
  if (!address_space().Covers(address, pages * EBB_PAGE_SIZE, 0)) return Negative(Errno::kNoMem);
  const auto out = UserWritable(vector, pages);
  if (!out) return out.Negative();
  for (std::byte& page : *out) page = std::byte{1};
  return 0;
}

int64_t SysBrk(uint64_t address) {
  const uint64_t end = address_space().Break(address);
  free_memory_timer.Arm();
  return static_cast<int64_t>(end);
}

}  // namespace ebb::linux_abi
