// Roots: what stands behind an Ebb's id and answers misses. SharedEbb makes one representative at the first use on any
// core; PerCoreEbb makes one per core. Representatives live as long as the machine.
#pragma once

#include <atomic>
#include <cstdint>
#include <new>

#include "abi/ebb_abi.h"
#include "ebb/ebb_ref.h"

namespace ebb {

class EbbRoot {
 public:
  // Called on the missing core, at most once per core that keeps the result in its table. Never null.
  virtual void* HandleMiss(uint32_t core) = 0;

 protected:
  ~EbbRoot() = default;
};

// Short critical sections between cores; there is no preemption inside the kernel, so spinning is bounded by other
// cores' progress.
class SpinLock {
 public:
  void Lock() {
    while (held_.exchange(true, std::memory_order_acquire)) __builtin_ia32_pause();
  }
  void Unlock() { held_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> held_{false};
};

class SpinLockGuard {
 public:
  explicit SpinLockGuard(SpinLock& lock) : lock_(lock) { lock_.Lock(); }
  ~SpinLockGuard() { lock_.Unlock(); }
  SpinLockGuard(const SpinLockGuard&) = delete;
  SpinLockGuard& operator=(const SpinLockGuard&) = delete;

 private:
  SpinLock& lock_;
};

// Room for an object that is made later and never destroyed. Constant-initialised, so that Ebbs work before any
// constructor ran.
template <class T>
union LateObject {
  constexpr LateObject() : none() {}
  ~LateObject() {}
  char none;
  T object;
};

// Interface: what EbbRef users see. Implementation: derives from it (or is it).
template <class Interface, class Implementation = Interface>
class SharedEbb final : public EbbRoot {
 public:
  void* HandleMiss(uint32_t) override {
    SpinLockGuard guard(lock_);
    if (representative_ == nullptr) representative_ = new (&storage_.object) Implementation();
    return static_cast<Interface*>(representative_);
  }

 private:
  SpinLock lock_;
  Implementation* representative_ = nullptr;
  LateObject<Implementation> storage_;
};

// Storage is static, for `kCores` cores: representatives of the lowest Ebbs (the allocators) cannot be allocated.
template <class Interface, class Implementation = Interface, uint32_t kCores = 4>
class PerCoreEbb final : public EbbRoot {
 public:
  void* HandleMiss(uint32_t core) override {
    if (core >= kCores) __builtin_trap();
    return static_cast<Interface*>(new (&storage_[core].object) Implementation());
  }

 private:
  LateObject<Implementation> storage_[kCores];
};

}  // namespace ebb
