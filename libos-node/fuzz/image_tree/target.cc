// The guest's reader of the file system inside an image. Input: the region as it stands, or changes to a sound one.
// What is accepted must be a tree: everything is found under its name, and every range can be touched.
#include <cstring>
#include <new>
#include <vector>

#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "linux/abi.h"
#include "linux/fs/image_tree.h"
#include "linux/fs/test/image_builder.h"

namespace {

using ebb::linux_abi::ImageTree;

std::vector<uint8_t> SoundImage() {
  ebb::test::ImageBuilder builder;
  builder.Directory("/a");
  builder.File("/a/b", std::string(300, 'b'), 0755, {{10, EBB_SITE_MOV}, {40, EBB_SITE_CMP}, {60, EBB_SITE_CMP_4096}});
  builder.Directory("/a/c");
  builder.Symlink("/a/c/d", "../b");
  builder.File("/e", "");
  builder.File("/f", "text");
  const auto* bytes = reinterpret_cast<const uint8_t*>(builder.Build());
  return {bytes, bytes + 3 * EBB_PAGE_SIZE};
}

void Touch(const void* at, size_t size) {
  const auto* bytes = static_cast<const volatile char*>(at);
  if (size == 0) return;
  (void)bytes[0];
  (void)bytes[size - 1];
}

void Walk(const ImageTree& tree) {
  uint64_t reached = 1;
  for (uint32_t index = 0; index < tree.count(); ++index) {
    const ebb_fs_entry& entry = tree.entry(index);
    const uint32_t type = entry.mode & ebb::linux_abi::kSIfMt;
    if (index != 0) {
      const auto name = tree.NameOf(entry);
      Touch(name.data(), name.size());
      FUZZ_CHECK(!name.empty() && name != "." && name != ".." && name.find('/') == name.npos);
      FUZZ_CHECK(tree.Find(entry.parent, name) == index);
    }
    if (type != ebb::linux_abi::kSIfDir) {
      Touch(tree.DataOf(entry).data(), tree.DataOf(entry).size());
      FUZZ_CHECK(tree.FirstChild(index) == ImageTree::kNone);
    }
    const auto sites = tree.SitesOf(entry);
    Touch(sites.data(), sites.size_bytes());
    for (uint32_t child = tree.FirstChild(index), steps = 0; child != ImageTree::kNone;
         child = tree.NextSibling(child)) {
      FUZZ_CHECK(++steps <= tree.count() && child > index && tree.entry(child).parent == index);
      ++reached;
    }
    FUZZ_CHECK(tree.Find(index, "no such name") == ImageTree::kNone);
  }
  FUZZ_CHECK(reached == tree.count());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<uint8_t> sound = SoundImage();
  ebb::fuzz::Input input(data, size);
  const uint8_t flags = input.Byte();
  std::vector<uint8_t> region;
  if ((flags & 1) != 0) {
    const auto rest = input.Rest();
    region.assign(rest.begin(), rest.end());
  } else {
    region = sound;
    if ((flags & 2) != 0) region.resize(input.Take<uint16_t>() % sound.size());
    while (!input.empty()) {
      // The first page holds header, entries, names and sites.
      const size_t at = input.Take<uint16_t>() % 1024;
      const auto bytes = input.Bytes(1 + input.Below(8));
      if (at + bytes.size() <= region.size())
        std::copy(bytes.begin(), bytes.end(), region.begin() + static_cast<long>(at));
    }
  }
  // Of exactly this size: a byte beyond it is a finding. Aligned as the region is.
  constexpr std::align_val_t kAlignment{EBB_PAGE_SIZE};
  auto* bytes = static_cast<uint8_t*>(operator new(region.size(), kAlignment));
  if (!region.empty()) std::memcpy(bytes, region.data(), region.size());
  {
    ImageTree tree;
    if (tree.Load(reinterpret_cast<const ebb_fs_header*>(bytes), region.size()) == nullptr) Walk(tree);
  }
  operator delete(bytes, kAlignment);
  return 0;
}
