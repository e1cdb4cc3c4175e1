// The image as the root of the tree: it is checked, and what it holds is found, read and listed.
#include "linux/fs/image_tree.h"

#include "linux/fd_table.h"
#include "linux/fs/open.h"
#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

class ImageTest : public FsTest {};

TEST_F(ImageTest, FilesAreReadFromTheImage) {
  EXPECT_EQ(ReadFile("/etc/hosts"), "127.0.0.1 localhost\n");
  EXPECT_EQ(ReadFile("/etc/empty"), "");
  EXPECT_EQ(ReadFile("/bin/node"), std::string(10000, 'n'));
  EXPECT_EQ(ReadFile("/etc/alias"), "127.0.0.1 localhost\n");
  EXPECT_EQ(ReadFile("/lib/libc.so"), std::string(5000, 'c'));
  EXPECT_EQ(world().pages, 0u) << "reading copies nothing";
}

TEST_F(ImageTest, AttributesComeFromTheImage) {
  const LinuxStat file = Stat("/bin/node");
  EXPECT_EQ(file.mode, kSIfReg | 0755u);
  EXPECT_EQ(file.size, 10000);
  EXPECT_EQ(file.nlink, 1u);
  EXPECT_EQ(file.mtime.seconds, 1'700'000'000);
  EXPECT_EQ(file.mtime.nanoseconds, 123);
  EXPECT_EQ(Stat("/").ino, 1u);
  EXPECT_EQ(Stat("/usr").nlink, 3u);
  EXPECT_EQ(Stat("/lib").mode, kSIfLnk | 0777u);
  EXPECT_EQ(Stat("/lib").size, 7);
  EXPECT_EQ(StatError("/nothing"), Error(Errno::kNoEnt));
  EXPECT_EQ(StatError("/etc/hosts/x"), Error(Errno::kNotDir));
}

TEST_F(ImageTest, ListsTheImageWithWhatWasMade) {
  EXPECT_EQ(List("/etc"), (std::vector<std::string>{".", "..", "alias", "empty", "hosts"}));
  WriteFile("/etc/new", "x");
  EXPECT_EQ(SysUnlink(P("/etc/empty")), 0);
  EXPECT_EQ(List("/etc"), (std::vector<std::string>{".", "..", "alias", "hosts", "new"}));
  WriteFile("/etc/empty", "again");
  EXPECT_EQ(SysRename(P("/etc/hosts"), P("/etc/hosts2")), 0);
  EXPECT_EQ(List("/etc"), (std::vector<std::string>{".", "..", "alias", "empty", "hosts2", "new"}));
  EXPECT_EQ(ReadFile("/etc/hosts2"), "127.0.0.1 localhost\n");
  EXPECT_EQ(StatError("/etc/hosts"), Error(Errno::kNoEnt));
  EXPECT_EQ(SysRename(P("/etc/hosts2"), P("/etc/hosts")), 0);
  EXPECT_EQ(List("/etc"), (std::vector<std::string>{".", "..", "alias", "empty", "hosts", "new"}));
}

TEST_F(ImageTest, AWrittenFileCopiesOnlyItsPages) {
  const int64_t fd = Open("/bin/node", kORdWr);
  EXPECT_EQ(SysPwrite64(static_cast<int>(fd), P("XYZ"), 3, 4095), 3);
  EXPECT_EQ(world().pages, 2u);
  std::string expected(10000, 'n');
  expected.replace(4095, 3, "XYZ");
  EXPECT_EQ(ReadFile("/bin/node"), expected);
}

TEST_F(ImageTest, SyscallSitesBelongToTheImageContent) {
  const auto file = OpenPath("/bin/node", kORdWr, 0);
  ASSERT_TRUE(file.ok());
  ASSERT_EQ((*file)->SyscallSites().size(), 2u);
  EXPECT_EQ((*file)->SyscallSites()[1].file_offset, 200u);
  std::byte page[4096];
  EXPECT_EQ(*(*file)->ReadForMap(page, 8192), 10000u - 8192u);
  EXPECT_TRUE((*OpenPath("/etc/hosts", 0, 0))->SyscallSites().empty());
  EXPECT_TRUE((*file)->WriteAt(std::as_bytes(std::span("n", 1)), 0).ok());
  EXPECT_TRUE((*file)->SyscallSites().empty()) << "they may not be there any more";
}

TEST_F(ImageTest, ImageDirectoriesCanBeEmptiedAndRemoved) {
  EXPECT_EQ(SysRmdir(P("/usr/lib")), Error(Errno::kNotEmpty));
  EXPECT_EQ(SysUnlink(P("/usr/lib/libc.so")), 0);
  EXPECT_EQ(SysRmdir(P("/usr/lib")), 0);
  EXPECT_EQ(StatError("/usr/lib"), Error(Errno::kNoEnt));
  EXPECT_EQ(Stat("/usr").nlink, 2u);
  EXPECT_EQ(SysMkdir(P("/usr/lib"), 0700), 0);
  EXPECT_EQ(List("/usr/lib"), (std::vector<std::string>{".", ".."})) << "a new directory, not the image's";
}

TEST_F(ImageTest, RenamedImageDirectoriesKeepTheirChildren) {
  EXPECT_EQ(SysRename(P("/usr"), P("/opt")), 0);
  EXPECT_EQ(ReadFile("/opt/lib/libc.so"), std::string(5000, 'c'));
  EXPECT_EQ(SysChdir(P("/opt/lib")), 0);
  char buffer[64];
  EXPECT_EQ(SysGetcwd(P(buffer), sizeof(buffer)), 9);
  EXPECT_STREQ(buffer, "/opt/lib");
}

// ---- Refusal

class ImageCheckTest : public testing::Test {
 protected:
  ImageCheckTest() {
    builder_.Directory("/a");
    file_ = builder_.File("/a/f", "content", 0755, {{0, EBB_SITE_MOV}});
    link_ = builder_.Symlink("/a/l", "f");
    builder_.Build();
  }
  std::string Check(uint64_t region = 1 << 20) {
    ImageTree tree;
    const char* wrong = tree.Load(builder_.header(), region);
    return wrong == nullptr ? "" : wrong;
  }

  ImageBuilder builder_;
  uint32_t file_ = 0, link_ = 0;
};

TEST_F(ImageCheckTest, AcceptsASoundOne) { EXPECT_EQ(Check(), ""); }

TEST_F(ImageCheckTest, RefusesBadHeaders) {
  const ebb_fs_header good = *builder_.header();
  const auto refused = [&](auto change) {
    *builder_.header() = good;
    change(*builder_.header());
    return !Check().empty();
  };
  EXPECT_TRUE(refused([](ebb_fs_header& h) { h.magic[0] = 'X'; }));
  EXPECT_TRUE(refused([](ebb_fs_header& h) { h.version = 2; }));
  EXPECT_TRUE(refused([](ebb_fs_header& h) { h.entry_count = 0; }));
  EXPECT_TRUE(refused([](ebb_fs_header& h) { h.entry_count = UINT32_MAX; }));
  EXPECT_TRUE(refused([](ebb_fs_header& h) { h.entries_offset = UINT64_MAX - 7; }));
  EXPECT_TRUE(refused([](ebb_fs_header& h) { h.entries_offset += 4; }));
  EXPECT_TRUE(refused([](ebb_fs_header& h) { h.names_offset = 2 << 20; }));
  EXPECT_TRUE(refused([](ebb_fs_header& h) { h.names_size = UINT64_MAX; }));
  EXPECT_TRUE(refused([](ebb_fs_header& h) { h.site_count = UINT64_MAX / 8; }));
  EXPECT_TRUE(refused([](ebb_fs_header& h) { h.sites_offset = 1; }));
  EXPECT_FALSE(refused([](ebb_fs_header&) {}));
}

TEST_F(ImageCheckTest, RefusesBadEntries) {
  const auto refused = [&](uint32_t index, auto change) {
    const ebb_fs_entry good = *builder_.entry(index);
    change(*builder_.entry(index));
    const bool result = !Check().empty();
    *builder_.entry(index) = good;
    return result;
  };
  EXPECT_TRUE(refused(0, [](ebb_fs_entry& e) { e.mode = kSIfReg; }));
  EXPECT_TRUE(refused(0, [](ebb_fs_entry& e) { e.parent = 1; }));
  EXPECT_TRUE(refused(file_, [](ebb_fs_entry& e) { e.parent = 2; }));
  EXPECT_TRUE(refused(link_, [&](ebb_fs_entry& e) { e.parent = file_; }));
  EXPECT_TRUE(refused(file_, [](ebb_fs_entry& e) { e.mode = kSIfChr | 0644; }));
  EXPECT_TRUE(refused(file_, [](ebb_fs_entry& e) { e.name_offset = UINT32_MAX; }));
  EXPECT_TRUE(refused(file_, [](ebb_fs_entry& e) { e.name_size = 0; }));
  EXPECT_TRUE(refused(file_, [](ebb_fs_entry& e) { e.name_size = 300; }));
  EXPECT_TRUE(refused(file_, [](ebb_fs_entry& e) { e.data_offset = 1 << 20; }));
  EXPECT_TRUE(refused(file_, [](ebb_fs_entry& e) { e.data_offset += 1; }));
  EXPECT_TRUE(refused(file_, [](ebb_fs_entry& e) { e.size = UINT64_MAX; }));
  EXPECT_TRUE(refused(file_, [](ebb_fs_entry& e) { e.first_site = UINT32_MAX; }));
  EXPECT_TRUE(refused(file_, [](ebb_fs_entry& e) { e.size = 6; })) << "a site beyond the end";
  EXPECT_TRUE(refused(link_, [](ebb_fs_entry& e) { e.size = 0; }));
  EXPECT_TRUE(refused(link_, [&](ebb_fs_entry& e) { e.name_offset = builder_.entry(file_)->name_offset; }))
      << "a name twice";
  EXPECT_EQ(Check(), "");
}

TEST_F(ImageCheckTest, RefusesNamesThatMeanSomethingElse) {
  for (const std::string_view name : {".", "..", "x/y"}) {
    ImageBuilder builder;
    builder.Directory("/d");
    // The builder takes what follows the last slash as the name.
    const uint32_t index = builder.File("/d/" + std::string(name.size(), 'z'), "");
    builder.Build();
    char* names = reinterpret_cast<char*>(builder.header()) + builder.header()->names_offset;
    name.copy(names + builder.entry(index)->name_offset, name.size());
    ImageTree tree;
    EXPECT_NE(tree.Load(builder.header(), 1 << 20), nullptr) << name;
  }
}

}  // namespace
}  // namespace ebb::linux_abi
