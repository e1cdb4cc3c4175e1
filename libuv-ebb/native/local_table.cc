// The core's translation table is the LibOS's own: ids of Ebbs are the same in the kernel and here.
#include "ebb/ebb_ref.h"
#include "kernel/core.h"

namespace ebb {

void** LocalTranslationTable() {
  void** table;
  asm("mov %%gs:%c1, %0" : "=r"(table) : "i"(offsetof(Core, ebb_table)));
  return table;
}

uint32_t CurrentCore() {
  uint32_t index;
  asm("mov %%gs:%c1, %0" : "=r"(index) : "i"(offsetof(Core, index)));
  return index;
}

}  // namespace ebb
