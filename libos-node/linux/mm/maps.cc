#include "linux/mm/maps.h"

#include <string_view>

#include "kernel/options.h"
#include "linux/mm/address_space.h"

namespace ebb::linux_abi {
namespace {

class TextWriter {
 public:
  explicit TextWriter(std::span<char> out) : out_(out) {}
  void Char(char c) {
    if (size_ < out_.size()) out_[size_] = c;
    ++size_;
  }
  void Text(std::string_view text) {
    for (const char c : text) Char(c);
  }
  void Hex(uint64_t value, int digits) {
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) Char("0123456789abcdef"[(value >> shift) & 15]);
  }
  size_t size() const { return size_; }

 private:
  std::span<char> out_;
  size_t size_ = 0;
};

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

Result<size_t> FormatMaps(std::span<char> out) {
  TextWriter writer(out);
  for (const Mapping& mapping : address_space().mappings()) {
    writer.Hex(mapping.start, 8);
    writer.Char('-');
    writer.Hex(mapping.end, 8);
    writer.Char(' ');
    writer.Char((mapping.prot & kProtRead) != 0 ? 'r' : '-');
    writer.Char((mapping.prot & kProtWrite) != 0 ? 'w' : '-');
    writer.Char((mapping.prot & kProtExec) != 0 ? 'x' : '-');
    writer.Text("p 00000000 00:00 0 ");
    const std::string_view name = NameOf(mapping.name);
    if (!name.empty()) {
      writer.Text("                   ");
      writer.Text(name);
    }
    writer.Char('\n');
  }
  return writer.size();
}

}  // namespace ebb::linux_abi
