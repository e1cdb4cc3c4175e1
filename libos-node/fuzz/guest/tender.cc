#include "fuzz/guest/tender.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <vector>

#include "fuzz/support/check.h"
#include "kernel/core.h"
#include "tender/pages/commit_map.h"

namespace ebb::fuzz {
namespace {

using tender::CommitMap;

// ---- Memory

std::vector<uint64_t> held(CommitMap::kBitmapSize / 8), accessible(CommitMap::kBitmapSize / 8);
CommitMap::State commits;
bool in_fault = false, passed_limit = false;
uint64_t used_start = kMemoryEnd, used_end = kMemoryStart;

int HostProt(uint64_t prot) {
  return ((prot & EBB_PROT_READ) != 0 ? PROT_READ : 0) | ((prot & EBB_PROT_WRITE) != 0 ? PROT_READ | PROT_WRITE : 0) |
         // Nothing of the program is run here.
         ((prot & EBB_PROT_EXEC) != 0 ? PROT_READ : 0);
}

struct HostPages {
  long Map(uint64_t address, uint64_t size, uint64_t prot) {
    used_start = std::min(used_start, address);
    used_end = std::max(used_end, address + size);
    return Protect(address, size, prot);
  }
  long Protect(uint64_t address, uint64_t size, uint64_t prot) {
    return mprotect(reinterpret_cast<void*>(address), size, HostProt(prot)) == 0 ? 0 : -errno;
  }
  long Release(uint64_t address, uint64_t size) { return Clear(address, size); }
  long Clear(uint64_t address, uint64_t size) {
    return madvise(reinterpret_cast<void*>(address), size, MADV_DONTNEED) == 0 ? 0 : -errno;
  }
};

// Outside of [kMemoryStart, kMemoryEnd) nothing is ever held, so there only the refusals matter.
bool Clip(uint64_t& address, uint64_t& size) {
  const uint64_t start = std::max(address, kMemoryStart), end = std::min(address + size, kMemoryEnd);
  address = start;
  size = start < end ? end - start : 0;
  return size != 0;
}

long Protect(uint64_t address, uint64_t size, uint64_t prot) {
  if (!CommitMap::Valid(address, size) || prot > 7) return CommitMap::kInvalid;
  if (prot != 0 && size != 0 && (address < kMemoryStart || address + size > kMemoryEnd)) return CommitMap::kOutOfMemory;
  HostPages pages;
  if (!Clip(address, size)) return 0;
  // A case that passed the limit by a fault has ended, and is taken down.
  const uint64_t limit = in_fault || passed_limit ? kMemoryEnd - kMemoryStart : kCommitLimit;
  const long result = CommitMap::Protect(commits, pages, limit, address, size, prot);
  passed_limit = passed_limit || commits.committed > kCommitLimit;
  return result;
}

long Discard(uint64_t address, uint64_t size) {
  if (!CommitMap::Valid(address, size)) return CommitMap::kInvalid;
  HostPages pages;
  return Clip(address, size) ? CommitMap::Discard(commits, pages, address, size) : 0;
}

void ResetMemory() {
  if (used_start < used_end) {
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    void* at = mmap(reinterpret_cast<void*>(used_start), used_end - used_start, PROT_NONE, kFlags, -1, 0);
    FUZZ_CHECK(at != MAP_FAILED);
    const uint64_t first = (used_start - EBB_HEAP_BASE) / EBB_PAGE_SIZE / 64;
    const uint64_t last = (used_end - EBB_HEAP_BASE) / EBB_PAGE_SIZE / 64;
    for (uint64_t word = first; word <= last; ++word) held[word] = accessible[word] = 0;
  }
  used_start = kMemoryEnd;
  used_end = kMemoryStart;
  commits = {0, held.data(), accessible.data()};
  passed_limit = false;
}

// ---- The broker

class Broker {
 public:
  void Reset(uint64_t seed) {
    state_ = seed;
    next_handle_ = 1;
    receives_.clear();
    listens_.clear();
    open_.clear();
    ready_.clear();
    auto& shared = core_shared(0);
    // The entries need no clearing: only what the indices name is read.
    std::memset(reinterpret_cast<void*>(&shared), 0, offsetof(ebb_core_shared, sq));
  }

  void Submit() {
    ebb_core_shared& shared = core_shared(0);
    while (shared.sq_head != shared.sq_tail) {
      const ebb_sqe sqe = shared.sq[shared.sq_head % EBB_SQ_ENTRIES];
      ++shared.sq_head;
      Execute(sqe);
    }
    Publish();
  }

  void Outside(uint8_t choice) {
    if (choice % 2 == 0 && !receives_.empty()) {
      auto at = receives_.begin();
      std::advance(at, choice / 2 % receives_.size());
      FinishReceive(at->first);
    } else if (!listens_.empty()) {
      auto at = listens_.begin();
      std::advance(at, choice / 2 % listens_.size());
      Complete(at->second, static_cast<int32_t>(Open()), EBB_CQE_MORE, uint64_t{EBB_NET_GATEWAY} << 16 | choice);
    }
    Publish();
  }

 private:
  struct Receive {
    uint64_t user_data;
    uint32_t buffer, length;
    bool datagram;
  };

  uint32_t Random(uint32_t below) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 33) % below;
  }
  uint32_t Open() {
    open_[next_handle_] = true;
    return next_handle_++;
  }
  void Complete(uint64_t user_data, int32_t result, uint32_t flags = 0, uint64_t arg0 = 0) {
    ready_.push_back({user_data, result, flags, arg0, 0});
  }
  void Publish() {
    ebb_core_shared& shared = core_shared(0);
    while (!ready_.empty() && shared.cq_tail - shared.cq_head < EBB_CQ_ENTRIES) {
      shared.cq[shared.cq_tail % EBB_CQ_ENTRIES] = ready_.front();
      ready_.pop_front();
      ++shared.cq_tail;
    }
  }

  void FinishReceive(uint32_t handle) {
    const Receive receive = receives_.at(handle);
    receives_.erase(handle);
    constexpr int32_t kErrors[] = {0, -ECONNRESET, -ETIMEDOUT};
    if (Random(8) == 0) return Complete(receive.user_data, kErrors[Random(3)]);
    const uint32_t size = 1 + Random(std::min(receive.length, 9000u));
    std::memset(reinterpret_cast<void*>(EBB_DATA + receive.buffer), 'r', size);
    Complete(receive.user_data, static_cast<int32_t>(size), 0,
             receive.datagram ? uint64_t{EBB_NET_RESOLVER} << 16 | 53 : 0);
  }

  void Execute(const ebb_sqe& sqe) {
    // The guest is trusted by nobody, but what its kernel submits must be sound.
    FUZZ_CHECK(sqe.length <= EBB_DATA_SIZE && sqe.buffer <= EBB_DATA_SIZE - sqe.length);
    switch (sqe.op) {
      case EBB_OP_LISTEN:
        if (listens_.contains(sqe.arg0)) return Complete(sqe.user_data, -EADDRINUSE);
        listens_[sqe.arg0] = sqe.user_data;
        return Complete(sqe.user_data, 0, EBB_CQE_MORE);
      case EBB_OP_UNLISTEN: {
        const auto at = listens_.find(sqe.arg0);
        if (at == listens_.end()) return Complete(sqe.user_data, -ENOENT);
        Complete(at->second, -ECANCELED);
        listens_.erase(at);
        return Complete(sqe.user_data, 0);
      }
      case EBB_OP_CONNECT: {
        constexpr int32_t kErrors[] = {-EACCES, -ECONNREFUSED, -ETIMEDOUT};
        if (Random(4) == 0) return Complete(sqe.user_data, kErrors[Random(3)]);
        return Complete(sqe.user_data, static_cast<int32_t>(Open()));
      }
      case EBB_OP_UDP_OPEN:
        return Complete(sqe.user_data, Random(8) == 0 ? -ENFILE : static_cast<int32_t>(Open()));
      case EBB_OP_SEND:
      case EBB_OP_UDP_SEND:
        if (!open_.contains(sqe.handle)) return Complete(sqe.user_data, -EBADF);
        return Complete(sqe.user_data, Random(8) == 0 ? -EPIPE : static_cast<int32_t>(sqe.length));
      case EBB_OP_RECV:
      case EBB_OP_UDP_RECV:
        if (!open_.contains(sqe.handle)) return Complete(sqe.user_data, -EBADF);
        if (receives_.contains(sqe.handle)) return Complete(sqe.user_data, -EBUSY);
        FUZZ_CHECK(sqe.length != 0);
        receives_[sqe.handle] = {sqe.user_data, sqe.buffer, sqe.length, sqe.op == EBB_OP_UDP_RECV};
        if (Random(2) == 0) FinishReceive(sqe.handle);
        return;
      case EBB_OP_CLOSE:
        if (open_.erase(sqe.handle) == 0) return Complete(sqe.user_data, -EBADF);
        if (const auto at = receives_.find(sqe.handle); at != receives_.end()) {
          Complete(at->second.user_data, -ECANCELED);
          receives_.erase(at);
        }
        return Complete(sqe.user_data, 0);
      case EBB_OP_SHUTDOWN:
        return Complete(sqe.user_data, open_.contains(sqe.handle) ? 0 : -EBADF);
      case EBB_OP_LOG:
        return Complete(sqe.user_data, static_cast<int32_t>(sqe.length));
      default:
        FUZZ_CHECK(sqe.op == EBB_OP_NOP);
        Complete(sqe.user_data, 0);
    }
  }

  uint64_t state_ = 0;
  uint32_t next_handle_ = 1;
  std::map<uint32_t, bool> open_;
  std::map<uint32_t, Receive> receives_;
  std::map<uint64_t, uint64_t> listens_;
  std::deque<ebb_cqe> ready_;
};

Broker broker;

// ---- Hypercalls

long Enter(uint64_t, uint64_t, int64_t, int64_t) {
  broker.Submit();
  return 0;
}
long Tick(uint64_t) { return 0; }
long Random(void* buffer, uint64_t size) {
  FUZZ_CHECK(size <= 256);
  std::memset(buffer, 0x5a, size);
  return static_cast<long>(size);
}
void Exit(uint64_t kind, uint64_t code) {
  if (kind == EBB_EXIT_PANIC) std::fprintf(stderr, "%s\n", core_shared(0).report);
  FUZZ_CHECK(kind != EBB_EXIT_PANIC);
  throw GuestExit{kind, code};
}

void Map(uint64_t address, uint64_t size, int prot) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  void* at = mmap(reinterpret_cast<void*>(address), size, prot, kFlags, -1, 0);
  FUZZ_CHECK(at == reinterpret_cast<void*>(address));
}

}  // namespace

void StartTender() {
  Map(EBB_BOOT_INFO, EBB_PAGE_SIZE, PROT_READ | PROT_WRITE);
  Map(EBB_RINGS, EBB_RING_STRIDE, PROT_READ | PROT_WRITE);
  Map(EBB_DATA, EBB_DATA_SIZE, PROT_READ | PROT_WRITE);
  Map(kMemoryStart, kMemoryEnd - kMemoryStart, PROT_NONE);
  auto& boot = *reinterpret_cast<ebb_boot_info*>(EBB_BOOT_INFO);
  boot.magic = EBB_BOOT_MAGIC;
  boot.abi_version = EBB_ABI_VERSION;
  boot.core_count = 1;
  boot.memory_limit = 16ull << 20;
  boot.hypercalls[EBB_HC_ENTER] = reinterpret_cast<uint64_t>(&Enter);
  boot.hypercalls[EBB_HC_PROTECT] = reinterpret_cast<uint64_t>(&Protect);
  boot.hypercalls[EBB_HC_DISCARD] = reinterpret_cast<uint64_t>(&Discard);
  boot.hypercalls[EBB_HC_TICK] = reinterpret_cast<uint64_t>(&Tick);
  boot.hypercalls[EBB_HC_RANDOM] = reinterpret_cast<uint64_t>(&Random);
  boot.hypercalls[EBB_HC_EXIT] = reinterpret_cast<uint64_t>(&Exit);
  static const char kOptions[] = "program=/bin/node\0fs.quota=1048576";
  static const char kArguments[] = "node\0x";
  static const char kEnvironment[] = "HOME=/";
  boot.options = reinterpret_cast<uint64_t>(kOptions);
  boot.options_size = sizeof kOptions;
  boot.arguments = reinterpret_cast<uint64_t>(kArguments);
  boot.arguments_size = sizeof kArguments;
  boot.environment = reinterpret_cast<uint64_t>(kEnvironment);
  boot.environment_size = sizeof kEnvironment;
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  // What every processor has; the area's size follows from it.
  boot.xsave_mask = (uint64_t{high} << 32 | low) & 7;
  boot.xsave_size = 832;
}

void ResetTender(uint64_t seed) {
  ResetMemory();
  broker.Reset(seed);
}

void BeginFault() { in_fault = true; }
void EndFault() { in_fault = false; }
bool PassedLimit() { return passed_limit; }

void HappenOutside(uint8_t choice) { broker.Outside(choice); }

}  // namespace ebb::fuzz
