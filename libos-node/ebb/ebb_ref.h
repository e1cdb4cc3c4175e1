// EbbRef<T>: how an Ebb (elastic building block) is called. An Ebb is named by an id; on each core the id leads through
// that core's translation table to the Ebb's representative there. The first call on a core finds no representative and
// goes to the Ebb's root (the miss handler), which makes or chooses one. From then on a call is one load and one
// branch.
//
// A representative may be one for all cores (SharedEbb) or one per core (PerCoreEbb): callers cannot tell.
#pragma once

#include <cstdint>

namespace ebb {

using EbbId = uint32_t;

constexpr EbbId kMaxEbbs = 1024;

// This core's translation table: kMaxEbbs pointers. Native: in the core's block at GS; hosted: thread-local.
void** LocalTranslationTable();
// Index of the calling core.
uint32_t CurrentCore();

// Makes or finds the representative of `id` for this core, installs it in the table and returns it.
void* HandleEbbMiss(EbbId id);

template <class T>
class EbbRef {
 public:
  constexpr EbbRef() = default;
  constexpr explicit EbbRef(EbbId id) : id_(id) {}

  T* operator->() const { return &**this; }
  T& operator*() const {
    void* representative = LocalTranslationTable()[id_];
    if (representative == nullptr) [[unlikely]]
      representative = HandleEbbMiss(id_);
    return *static_cast<T*>(representative);
  }
  constexpr EbbId id() const { return id_; }

 private:
  EbbId id_ = 0;
};

}  // namespace ebb
