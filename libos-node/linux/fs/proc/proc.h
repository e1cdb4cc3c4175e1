// /proc: files whose text is made when they are opened, described by static tables. Inodes are made by each lookup;
// nothing is kept. What Node and libuv must not find (version_signature) is not in the tables: ENOENT.
#pragma once

#include <span>

#include "kernel/text_writer.h"
#include "linux/fs/inode.h"

namespace ebb::linux_abi {

struct ProcNode {
  enum class Kind : uint8_t { kText, kLink, kDirectory, kDescriptors, kTasks };

  std::string_view name;
  Kind kind;
  // Of a text its content, of a link its target. `thread`: of whom; 0: of the process.
  void (*write)(TextWriter& out, uint32_t thread) = nullptr;
  std::span<const ProcNode> children = {};
};

// What is in /proc itself, in /proc/<pid>, and in /proc/<pid>/task/<tid>.
std::span<const ProcNode> ProcSystemNodes();
std::span<const ProcNode> ProcProcessNodes();
std::span<const ProcNode> ProcThreadNodes();

// Makes /proc in the directory, which is the root.
void PopulateProc(Directory& root);

}  // namespace ebb::linux_abi
