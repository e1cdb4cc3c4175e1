// Start of the file system: the image becomes the root of the tree, the LibOS's own parts are put in.
#include "kernel/options.h"
#include "kernel/panic.h"
#include "linux/fs/devices.h"
#include "linux/fs/file_system.h"
#include "linux/fs/memory_directory.h"
#include "linux/fs/open.h"
#include "linux/fs/proc/proc.h"
#include "linux/fs/quota.h"

namespace ebb::linux_abi {
namespace {

ImageTree image_tree;

// `fs.quota`: bytes that files of the program may take; without it half of the memory limit.
uint64_t QuotaOption() {
  constexpr size_t kMostDigits = 18;
  const std::string_view text = Option("fs.quota");
  if (text.size() > kMostDigits) Panic("option fs.quota is too large");
  uint64_t bytes = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') Panic("option fs.quota is not a number of bytes");
    bytes = bytes * 10 + static_cast<uint64_t>(c - '0');
  }
  return bytes;
}

}  // namespace

void InitializeFileSystem(const ebb_fs_header* image) {
  if (const char* wrong = image_tree.Load(image, EBB_FS_END - EBB_FS_BASE)) Panic(wrong);
  ReserveInodeNumbers(image_tree.count());
  tree_quota().SetLimit(QuotaOption());
  auto root = MakeRef<MemoryDirectory>(image_tree, 0u);
  root->BecomeRoot();
  file_system().set_root(*root);
  PopulateDevices(*root);
  PopulateProc(*root);
  if (!root->Find("tmp")) EBB_CHECK(root->Add("tmp", MakeRef<MemoryDirectory>(01777u)).ok());
}

}  // namespace ebb::linux_abi
