#include "ebb/hosted/local_table.h"

#include <array>

#include "ebb/ebb_ref.h"

namespace ebb {
namespace {

thread_local std::array<void*, kMaxEbbs> table;
thread_local uint32_t core;

}  // namespace

void** LocalTranslationTable() { return table.data(); }

uint32_t CurrentCore() { return core; }

namespace hosted {

void EnterCore(uint32_t index) {
  core = index;
  table.fill(nullptr);
}

}  // namespace hosted
}  // namespace ebb
