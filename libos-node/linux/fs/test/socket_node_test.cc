// The nodes that unix sockets are bound to: made, found, in the way of others.
#include "linux/fs/test/world.h"
#include "linux/net/unix_path.h"

namespace ebb::test {
namespace {

using namespace linux_abi;

struct SocketNodeTest : FsTest {};

TEST_F(SocketNodeTest, IsANodeThatOutlivesTheSocket) {
  EXPECT_EQ(SysChdir(P("/tmp")), 0);
  SysUmask(027);
  const auto made = MakeUnixPath("app.sock");
  ASSERT_TRUE(made);
  EXPECT_EQ(Stat("/tmp/app.sock").mode, kSIfSock | 0750u);
  EXPECT_EQ(Open("app.sock"), Error(Errno::kNxio));
  EXPECT_EQ(SysSymlink(P("app.sock"), P("link")), 0);
  const auto found = FindUnixPath("/tmp/link");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->get(), made->get());
  EXPECT_EQ((*found)->socket, nullptr);
  EXPECT_EQ(SysRename(P("app.sock"), P("moved")), 0);
  EXPECT_EQ(FindUnixPath("app.sock").error(), Errno::kNoEnt);
  EXPECT_EQ(FindUnixPath("moved")->get(), made->get());
  EXPECT_EQ(SysUnlink(P("moved")), 0);
  EXPECT_EQ(FindUnixPath("moved").error(), Errno::kNoEnt);
}

TEST_F(SocketNodeTest, PathsAreTakenOrNoSockets) {
  EXPECT_EQ(SysChdir(P("/tmp")), 0);
  WriteFile("file", "x");
  EXPECT_EQ(MakeUnixPath("file").error(), Errno::kAddrInUse);
  EXPECT_EQ(MakeUnixPath("missing/socket").error(), Errno::kNoEnt);
  EXPECT_EQ(FindUnixPath("file").error(), Errno::kConnRefused);
  EXPECT_EQ(FindUnixPath("/dev/null").error(), Errno::kConnRefused);
  ASSERT_TRUE(MakeUnixPath("socket"));
  EXPECT_EQ(MakeUnixPath("socket").error(), Errno::kAddrInUse);
}

}  // namespace
}  // namespace ebb::test
