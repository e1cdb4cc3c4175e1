#include "linux/mm/modules.h"

#include <algorithm>

#include "abi/ebb_abi.h"
#include "kernel/options.h"
#include "linux/fs/inode_file.h"
#include "linux/mm/address_space.h"

namespace ebb::linux_abi {
namespace {

// Beyond so many the oldest are forgotten: it is a help for people.
constexpr size_t kMaxModules = 64;
constexpr size_t kMaxName = 48;

struct Entry {
  uint64_t start;
  uint64_t end;
  char name[kMaxName];
  size_t name_size;
};

Entry entries[kMaxModules];
size_t entry_count = 0;  // ever noted

std::string_view LastPart(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

void NoteModule(File& file, uint64_t start, uint64_t size) {
  const InodeFile* inode_file = AsInodeFile(file);
  if (inode_file == nullptr) return;
  const std::string_view name = inode_file->inode().name();
  // Where something lay before, now this lies.
  Entry* entry = nullptr;
  for (size_t i = 0; i < std::min(entry_count, kMaxModules); ++i) {
    if (entries[i].start < start + size && start < entries[i].end) entry = &entries[i];
  }
  if (entry == nullptr) entry = &entries[entry_count++ % kMaxModules];
  entry->start = start;
  entry->end = start + size;
  entry->name_size = std::min(name.size(), kMaxName);
  __builtin_memcpy(entry->name, name.data(), entry->name_size);
}

bool FindModule(uint64_t address, Module& out) {
  if (address >= EBB_EXE_BASE && address < EBB_EXE_END && address_space().Find(address) != nullptr) {
    // Not moved: what tools call its addresses.
    out = {LastPart(Option("program")), 0};
    return true;
  }
  for (size_t i = 0; i < std::min(entry_count, kMaxModules); ++i) {
    const Entry& entry = entries[i];
    if (address < entry.start || address >= entry.end || address_space().Find(address) == nullptr) continue;
    out = {std::string_view(entry.name, entry.name_size), entry.start};
    return true;
  }
  return false;
}

}  // namespace ebb::linux_abi
