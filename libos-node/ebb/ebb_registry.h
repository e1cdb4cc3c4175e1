// The set of Ebbs of this machine: which ids exist and which implementation answers each. The choice comes from the
// image's manifest as options `ebb.<Name>=<implementation>`; users of an Ebb never name an implementation.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "ebb/ebb_root.h"

namespace ebb {

struct EbbImplementation {
  EbbId id;
  std::string_view ebb;   // "Console"
  std::string_view name;  // "ring"; the first one listed for an id is its default
  EbbRoot* root;
};

// Chooses roots for all ids in `implementations`, by `options` (NAME=VALUE strings, each NUL-terminated). Returns the
// first option that names an Ebb or an implementation that does not exist, or empty. Call once, before the first EbbRef
// of these ids is used.
std::string_view InstallEbbs(std::span<const EbbImplementation> implementations, std::string_view options);

// Binds an id to a root: what InstallEbbs and EbbAllocator do.
void SetEbbRoot(EbbId id, EbbRoot* root);
EbbRoot* GetEbbRoot(EbbId id);

// EbbAllocator: ids for Ebbs made at run time, from kFirstDynamicEbb up.
constexpr EbbId kFirstDynamicEbb = 64;

class EbbAllocator {
 public:
  // 0 when all are taken.
  EbbId Allocate(EbbRoot* root);

 private:
  std::atomic<EbbId> next_{kFirstDynamicEbb};
};

}  // namespace ebb
