#include "ebb/ebb_registry.h"

#include <new>

namespace ebb {
namespace {

EbbRoot* roots[kMaxEbbs];

std::string_view NextOption(std::string_view& options) {
  const size_t end = options.find('\0');
  const std::string_view option(options.data(), end == std::string_view::npos ? options.size() : end);
  options.remove_prefix(end == std::string_view::npos ? options.size() : end + 1);
  return option;
}

}  // namespace

void SetEbbRoot(EbbId id, EbbRoot* root) {
  if (id >= kMaxEbbs) __builtin_trap();
  roots[id] = root;
}

EbbRoot* GetEbbRoot(EbbId id) { return id < kMaxEbbs ? roots[id] : nullptr; }

void* HandleEbbMiss(EbbId id) {
  EbbRoot* root = GetEbbRoot(id);
  if (root == nullptr) __builtin_trap();
  void* representative = root->HandleMiss(CurrentCore());
  LocalTranslationTable()[id] = representative;
  return representative;
}

std::string_view InstallEbbs(std::span<const EbbImplementation> implementations, std::string_view options) {
  for (const EbbImplementation& implementation : implementations) {
    if (GetEbbRoot(implementation.id) == nullptr) SetEbbRoot(implementation.id, implementation.root);
  }
  while (!options.empty()) {
    const std::string_view option = NextOption(options);
    constexpr std::string_view kPrefix = "ebb.";
    const size_t equals = option.find('=');
    if (!option.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    // Not substr, which could throw: users of this file do without the C++ runtime.
    const std::string_view ebb(option.data() + kPrefix.size(), equals - kPrefix.size());
    const std::string_view name(option.data() + equals + 1, option.size() - equals - 1);
    bool found = false;
    for (const EbbImplementation& implementation : implementations) {
      if (implementation.ebb != ebb || implementation.name != name) continue;
      SetEbbRoot(implementation.id, implementation.root);
      found = true;
    }
    if (!found) return option;
  }
  return {};
}

EbbId EbbAllocator::Allocate(EbbRoot* root) {
  const EbbId id = next_.fetch_add(1, std::memory_order_relaxed);
  if (id >= kMaxEbbs) return 0;
  SetEbbRoot(id, root);
  return id;
}

}  // namespace ebb
