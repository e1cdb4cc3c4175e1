#include "kernel/panic.h"
#include "kernel/thread.h"
#include "kernel/user_memory.h"
#include "linux/process/process.h"
#include "linux/process/syscalls.h"

namespace ebb::linux_abi {
namespace {

constexpr uint64_t kCloneVm = 0x100, kCloneFs = 0x200, kCloneFiles = 0x400, kCloneSighand = 0x800,
                   kCloneThread = 0x10000, kCloneSetTls = 0x80000, kCloneParentSetTid = 0x100000,
                   kCloneChildClearTid = 0x200000, kCloneChildSetTid = 0x1000000;
constexpr uint32_t kMaxThreads = 512;

}  // namespace

int64_t SysClone(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t child_tid, uint64_t tls) {
  // A VM is one process: only threads can be made. fork and vfork have no meaning here.
  constexpr uint64_t kThreadFlags = kCloneVm | kCloneFs | kCloneFiles | kCloneSighand | kCloneThread;
  if ((flags & kThreadFlags) != kThreadFlags) return Negative(Errno::kNoSys);
  if (process().thread_count() >= kMaxThreads) return Negative(Errno::kAgain);
  uint32_t* parent_word = nullptr;
  uint32_t* child_word = nullptr;
  if ((flags & kCloneParentSetTid) != 0) {
    const auto word = UserOut<uint32_t>(parent_tid);
    if (!word) return word.Negative();
    parent_word = *word;
  }
  if ((flags & kCloneChildSetTid) != 0) {
    const auto word = UserOut<uint32_t>(child_tid);
    if (!word) return word.Negative();
    child_word = *word;
  }
  Thread* parent = scheduler().current();
  Thread* child = process().CreateThread();
  if (child == nullptr) return Negative(Errno::kAgain);
  UserFrame& frame = child->frame();
  frame = parent->frame();
  frame.rax = 0;
  frame.orig_rax = kNoSyscall;
  if (stack != 0) frame.rsp = stack;
  parent->CopyVectorsTo(*child);
  child->fs_base = (flags & kCloneSetTls) != 0 ? tls : parent->fs_base;
  __builtin_memcpy(child->name, parent->name, sizeof(child->name));
  PersonalityOf(*child).signals.mask = PersonalityOf(*parent).signals.mask;
  if ((flags & kCloneChildClearTid) != 0) PersonalityOf(*child).clear_tid = child_tid;
  if (parent_word != nullptr) *parent_word = child->tid;
  if (child_word != nullptr) *child_word = child->tid;
  const uint32_t tid = child->tid;
  child->Start();
  return tid;
}

int64_t SysExit(int) { process().ExitThread(); }

int64_t SysExitGroup(int code) { process().ExitGroup(code); }

int64_t SysGettid() { return scheduler().current()->tid; }

int64_t SysSetTidAddress(uint64_t address) {
  PersonalityOf(*scheduler().current()).clear_tid = address;
  return scheduler().current()->tid;
}

int64_t SysSetRobustList(uint64_t head, uint64_t size) {
  if (size != 24) return Negative(Errno::kInval);
  PersonalityOf(*scheduler().current()).robust_list = head;
  return 0;
}

int64_t SysArchPrctl(int code, uint64_t address) {
  constexpr int kSetFs = 0x1002, kGetFs = 0x1003;
  if (code == kSetFs) {
    if (address >> 47 != 0) return Negative(Errno::kPerm);
    asm volatile("wrfsbase %0" ::"r"(address));
    scheduler().current()->fs_base = address;
    return 0;
  }
  if (code == kGetFs) {
    const auto out = UserOut<uint64_t>(address);
    if (!out) return out.Negative();
    asm volatile("rdfsbase %0" : "=r"(**out));
    return 0;
  }
  return Negative(Errno::kInval);
}

int64_t SysSchedYield() {
  scheduler().Yield();
  return 0;
}

int64_t SysSchedGetaffinity(int, uint64_t size, uint64_t mask) {
  if (size < sizeof(uint64_t)) return Negative(Errno::kInval);
  const auto out = UserOut<uint64_t>(mask);
  if (!out) return out.Negative();
  **out = (1ull << boot_info().core_count) - 1;
  return sizeof(uint64_t);
}

int64_t SysSchedSetaffinity(int, uint64_t size, uint64_t mask) {
  const auto in = UserReadable(mask, size);
  return in ? 0 : in.Negative();
}

int64_t SysSchedGetparam(int, uint64_t parameter) {
  const auto out = UserOut<int32_t>(parameter);
  if (!out) return out.Negative();
  **out = 0;
  return 0;
}

int64_t SysSchedGetscheduler(int) { return 0; }

int64_t SysSchedSetscheduler(int, int policy, uint64_t) {
  return policy == 0 || policy == 3 || policy == 5 ? 0 : Negative(Errno::kPerm);
}

int64_t SysSchedPriorityBound(int) { return 0; }

int64_t SysGetcpu(uint64_t cpu, uint64_t node) {
  for (const uint64_t address : {cpu, node}) {
    if (address == 0) continue;
    const auto out = UserOut<uint32_t>(address);
    if (!out) return out.Negative();
    **out = address == cpu ? this_core().index : 0;
  }
  return 0;
}

int64_t SysPrctl(int option, uint64_t a, uint64_t, uint64_t, uint64_t) {
  constexpr int kGetDumpable = 3, kSetDumpable = 4, kSetName = 15, kGetName = 16, kSetTimerSlack = 29,
                kSetNoNewPrivs = 38, kGetNoNewPrivs = 39;
  constexpr int kSetVma = 0x53564d41;
  Thread* thread = scheduler().current();
  switch (option) {
    case kSetName: {
      const auto name = UserReadable(a, 1);
      if (!name) return name.Negative();
      size_t i = 0;
      for (; i + 1 < sizeof(thread->name); ++i) {
        const auto at = UserIn<char>(a + i);
        if (!at || **at == '\0') break;
        thread->name[i] = **at;
      }
      thread->name[i] = '\0';
      return 0;
    }
    case kGetName: {
      const auto out = UserWritable(a, sizeof(thread->name));
      if (!out) return out.Negative();
      __builtin_memcpy(out->data(), thread->name, sizeof(thread->name));
      return 0;
    }
    case kGetDumpable:
      return 0;
    case kGetNoNewPrivs:
      return 1;
    case kSetDumpable:
    case kSetTimerSlack:
    case kSetNoNewPrivs:
    case kSetVma:
      return 0;
    default:
      return Negative(Errno::kInval);
  }
}

}  // namespace ebb::linux_abi
