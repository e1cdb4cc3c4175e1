// SharedMappings: mappings of files that are shared, so that the program's stores are the file's content and writes to
// the file are seen in memory.
//
// Nothing can be mapped twice: guest-virtual is guest-physical. So the pages of the file move into the mapping while it
// lasts, and the file works on them there (File::MovePagesTo); they move back when it ends. A page therefore lies in
// one mapping at most. Mapping a range again that lies in a mapping as a whole gives an address in that one; only an
// overlap of another form is refused (ENODEV).
//
// Memory of such a mapping is committed at once, and stays accessible to the LibOS: a mapping that is to be read only
// does not fault on a store.
#pragma once

#include <vector>

#include "linux/file.h"

namespace ebb::linux_abi {

class SharedMappings {
 public:
  // The address of the file's range in a mapping that has all of it, which counts once more; 0 when none touches the
  // range. ENODEV: an overlap.
  Result<uint64_t> Join(File& file, uint64_t offset, uint64_t size);
  // Fresh, committed memory at `start` becomes the file's range.
  Result<> Add(uint64_t start, uint64_t size, File& file, uint64_t offset);
  // Whether the range has more uses than one.
  bool Shared(uint64_t start, uint64_t size) const;
  // An end of one of several uses of the whole mapping: true, and the memory stays.
  bool Leave(uint64_t start, uint64_t size);
  // [start, end) is about to go.
  void Remove(uint64_t start, uint64_t end);
  // What the address is of. Null when it is in none.
  File* Find(uint64_t address, uint64_t& offset);

 private:
  struct View {
    uint64_t start;
    uint64_t end;
    ebb::Ref<File> file;
    uint64_t offset;
    uint32_t uses;
  };
  std::vector<View> views_;
};

}  // namespace ebb::linux_abi
