// AddressSpace (the VMem Ebb): the program's mappings in the arena, by Linux's rules for mmap, munmap, mprotect,
// mremap, brk, madvise.
//
// Invariant: where a mapping lies, a page of the arena has (in the host's page tables) the mapping's protection or
// less, and it reads as zero when first mapped. Mappings are kept sorted and merged. Small
// mappings are committed when they become accessible; large ones (V8's code range, thread stacks) chunk by chunk at
// their first touch, by a fault, because programs make far more accessible than they use. What is unmapped is kept for
// the next mapping for a while (free_memory.h). Placement is first-fit and compact: clones of a machine pay for page
// tables by the 2 MiB region.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernel/result.h"
#include "linux/file.h"
#include "linux/mm/free_memory.h"
#include "linux/mm/shared_mappings.h"

namespace ebb::linux_abi {

constexpr uint32_t kProtRead = 1, kProtWrite = 2, kProtExec = 4;
constexpr uint32_t kMapShared = 1, kMapPrivate = 2, kMapSharedValidate = 3, kMapFixed = 0x10, kMapAnonymous = 0x20,
                   kMapGrowsDown = 0x100, kMapDenyWrite = 0x800, kMapNoReserve = 0x4000, kMapStack = 0x20000,
                   kMapFixedNoReplace = 0x100000;

struct Mapping {
  uint64_t start;
  uint64_t end;
  uint32_t prot;
  uint16_t name;  // enum MappingName, for /proc/self/maps
  bool lazy;      // accessible to the program, but not yet committed
  bool held;      // inaccessible (to the host's page tables), but may hold memory and content of before
  bool operator==(const Mapping&) const = default;
};

enum MappingName : uint16_t {
  kNameNone,
  kNameHeap,
  kNameStack,
  kNameVdso,
  kNameProgram,
  kNameFile,
  kNameThreadStack,
  kNameStubs,
  kNameShared,
};

class AddressSpace {
 public:
  AddressSpace();

  Result<uint64_t> Map(uint64_t hint, uint64_t size, uint32_t prot, uint32_t flags, File* file, uint64_t offset,
                       uint16_t name = kNameNone);
  Result<> Unmap(uint64_t address, uint64_t size);
  Result<> Protect(uint64_t address, uint64_t size, uint32_t prot);
  Result<uint64_t> Remap(uint64_t address, uint64_t old_size, uint64_t new_size, uint32_t flags, uint64_t new_address);
  Result<> Discard(uint64_t address, uint64_t size);
  // brk(2): the new or unchanged break.
  uint64_t Break(uint64_t wanted);

  // A page fault, of the program or of the kernel on its behalf: commits the chunk around the address when the access
  // is allowed and it was not committed yet. False: a real fault.
  bool HandleFault(uint64_t address, uint64_t error_code);

  // A mapping made by the tender (the program's segments).
  void AddExisting(uint64_t start, uint64_t end, uint32_t prot, uint16_t name);

  // True when [address, address + size) is mapped with all of prot.
  bool Covers(uint64_t address, uint64_t size, uint32_t prot) const;
  // The mapping at address, or null.
  const Mapping* Find(uint64_t address) const;
  std::span<const Mapping> mappings() const { return mappings_; }
  uint64_t committed_bytes() const { return committed_; }
  // A commit was refused only just now: if the program dies, it dies of it.
  bool memory_refused() const;

  // Memory that is committed without being mapped: not part of committed_bytes().
  const FreeMemory& free_memory() const { return free_; }
  // Gives it back to the host. True: there was some.
  bool ReleaseFreeMemory() { return free_.ReleaseAll() != 0; }

 private:
  size_t IndexOf(uint64_t address) const;  // first mapping with end > address
  Result<uint64_t> FindGap(uint64_t size, uint64_t from, uint64_t to) const;
  // Makes [start, end) free of mappings; its memory may stay, as free memory.
  void RemoveRange(uint64_t start, uint64_t end);
  void Insert(Mapping mapping);
  void MergeAround(size_t index);
  void SplitAt(uint64_t address);
  // Gives one whole mapping the access that its `prot` says, at once or lazily.
  Result<> Open(Mapping& mapping, uint32_t old_prot);
  // Protection of mapped memory. Gives free memory back rather than fail.
  Result<> Commit(uint64_t start, uint64_t end, uint32_t prot);
  // Makes memory that holds nothing of the program accessible and zero: free memory where there is some.
  Result<> Provide(uint64_t start, uint64_t end, uint32_t prot);
  // Commits [start, end) up to the borders of its large pages; what is more becomes free memory. False: nothing was
  // done, because there is no room or no reason for it.
  bool CommitLargePages(uint64_t start, uint64_t end, uint32_t prot);
  // Takes the free memory of a range that is accessible now, and zeroes it.
  void Claim(uint64_t start, uint64_t end);
  // Inserts a mapping that is not committed, but for free memory that lies there.
  void InsertLazy(const Mapping& mapping, uint32_t flags);
  // Commits the free memory under lazy mappings.
  void OpenFreeMemory(uint64_t start, uint64_t end, uint32_t prot);
  // [start, end), lazy until now, was committed.
  void MarkCommitted(uint64_t start, uint64_t end);
  Result<uint64_t> MapShared(uint64_t start, uint64_t size, uint32_t prot, File& file, uint64_t offset);
  Result<uint64_t> JoinShared(uint64_t start, uint64_t size, uint32_t prot, uint32_t flags);
  Result<uint64_t> RemapShared(const Mapping& kept, uint64_t address, uint64_t old_size, uint64_t new_size);
  Result<> FillFromFile(uint64_t start, uint64_t size, uint32_t prot, uint32_t flags, File& file, uint64_t offset);

  std::vector<Mapping> mappings_;
  FreeMemory free_;
  SharedMappings shared_;
  uint64_t break_start_;
  uint64_t break_end_;
  uint64_t committed_ = 0;
  std::optional<uint64_t> refused_at_ns_;
};

AddressSpace& address_space();

}  // namespace ebb::linux_abi
