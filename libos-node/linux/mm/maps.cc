#include "linux/mm/maps.h"

#include <string_view>

#include "kernel/options.h"
#include "linux/mm/address_space.h"

namespace ebb::linux_abi {
namespace {

std::string_view NameOf(uint32_t name) {
  switch (name) {
    case kNameHeap:
      return "[heap]";
    case kNameStack:
      return "[stack]";
    case kNameVdso:
      return "[vdso]";
    case kNameProgram:
      return Option("program");
    default:
      return {};
  }
}

}  // namespace

void WriteMaps(TextWriter& out) {
  for (const Mapping& mapping : address_space().mappings()) {
    out.HexDigits(mapping.start, 8).Char('-').HexDigits(mapping.end, 8).Char(' ');
    out.Char((mapping.prot & kProtRead) != 0 ? 'r' : '-');
    out.Char((mapping.prot & kProtWrite) != 0 ? 'w' : '-');
    out.Char((mapping.prot & kProtExec) != 0 ? 'x' : '-');
    out.Text("p 00000000 00:00 0 ");
    const std::string_view name = NameOf(mapping.name);
    if (!name.empty()) out.Text("                   ").Text(name);
    out.Char('\n');
  }
}

}  // namespace ebb::linux_abi
