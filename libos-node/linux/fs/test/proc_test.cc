// /proc, as Node, libuv and glibc read it.
#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

class ProcTest : public FsTest {};

TEST_F(ProcTest, TheProcessKnowsItself) {
  EXPECT_EQ(ReadLink("/proc/self"), "7");
  EXPECT_EQ(ReadLink("/proc/self/exe"), "/bin/node");
  EXPECT_EQ(ReadFile("/proc/self/exe"), std::string(10000, 'n'));
  EXPECT_EQ(ReadFile("/proc/7/cmdline"), std::string("node\0--test\0", 12));
  EXPECT_EQ(ReadFile("/proc/self/environ"), std::string("HOME=/\0", 7));
  EXPECT_EQ(ReadFile("/proc/self/comm"), "node\n");
  EXPECT_EQ(ReadFile("/proc/self/maps"), "00400000-00500000 r-xp 00000000 00:00 0                    /bin/node\n");
  ASSERT_EQ(SysChdir(P("/tmp")), 0);
  EXPECT_EQ(ReadLink("/proc/self/cwd"), "/tmp");
  EXPECT_EQ(Open("/proc/8"), Error(Errno::kNoEnt));
  EXPECT_EQ(Open("/proc/07"), Error(Errno::kNoEnt));
}

TEST_F(ProcTest, MemoryIsThatOfTheMachine) {
  const std::string info = ReadFile("/proc/meminfo");
  EXPECT_NE(info.find("MemTotal:          65536 kB\n"), std::string::npos) << info;
  EXPECT_NE(info.find("MemAvailable:      55296 kB\n"), std::string::npos) << info;
  EXPECT_EQ(ReadFile("/proc/self/statm").substr(0, 10), "2560 2560 ");
  // Field 24 of stat, counted behind the name as libuv does: the resident pages.
  const std::string stat = ReadFile("/proc/self/stat");
  std::string rest = stat.substr(stat.rfind(')') + 2);
  std::vector<std::string> fields;
  for (size_t space; (space = rest.find_first_of(" \n")) != std::string::npos; rest.erase(0, space + 1))
    fields.push_back(rest.substr(0, space));
  ASSERT_EQ(fields.size(), 50u) << stat;
  EXPECT_EQ(fields[0], "R");
  EXPECT_EQ(fields[21], "2560");
}

TEST_F(ProcTest, ProcessorsAreCounted) {
  EXPECT_NE(ReadFile("/proc/cpuinfo").find("processor\t: 0\nmodel name\t: "), std::string::npos);
  EXPECT_NE(ReadFile("/proc/stat").find("\ncpu0 "), std::string::npos);
  EXPECT_EQ(ReadFile("/proc/stat").find("cpu1 "), std::string::npos);
  EXPECT_EQ(ReadFile("/proc/uptime"), "4.00 0.00\n");
  EXPECT_EQ(ReadFile("/proc/sys/vm/overcommit_memory"), "2\n");
}

TEST_F(ProcTest, DescriptorsAreLinks) {
  const int file = static_cast<int>(Open("/etc/hosts"));
  int pipe[2];
  ASSERT_EQ(SysPipe(P(pipe)), 0);
  const std::string directory = "/proc/self/fd/";
  EXPECT_EQ(ReadLink(directory + std::to_string(file)), "/etc/hosts");
  EXPECT_EQ(ReadLink(directory + "0"), "/dev/null");
  EXPECT_TRUE(ReadLink(directory + std::to_string(pipe[0])).starts_with("pipe:["));
  EXPECT_EQ(ReadFile(directory + std::to_string(file)), "127.0.0.1 localhost\n");
  EXPECT_EQ(ReadLink("/proc/thread-self"), "7/task/7");
  EXPECT_EQ(Open(directory + std::to_string(pipe[0]), kOPath), Error(Errno::kNxio));
  EXPECT_GE(Open(directory + std::to_string(pipe[0])), 0);
  EXPECT_EQ(StatError(directory + "99"), Error(Errno::kNoEnt));
  const auto names = List(directory);
  EXPECT_EQ(names, (std::vector<std::string>{".", "..", "0", "1", "2", "3", "4", "5", "6", "7"})) << "7 lists";
  EXPECT_EQ(SysRename(P("/etc/hosts"), P("/tmp/moved")), 0);
  EXPECT_EQ(ReadLink(directory + std::to_string(file)), "/tmp/moved");
  EXPECT_EQ(SysUnlink(P("/tmp/moved")), 0);
  EXPECT_TRUE(ReadLink(directory + std::to_string(file)).ends_with(" (deleted)"));
  EXPECT_EQ(ReadFile(directory + std::to_string(file)), "127.0.0.1 localhost\n") << "still there";
  EXPECT_EQ(StatError(directory + std::to_string(file) + "/x"), Error(Errno::kNotDir));
}

TEST_F(ProcTest, CannotBeChanged) {
  EXPECT_EQ(Open("/proc/new", kOCreat | kOWrOnly), Error(Errno::kPerm));
  EXPECT_EQ(Open("/proc/meminfo", kOWrOnly), Error(Errno::kAcces));
  EXPECT_EQ(SysMkdir(P("/proc/self/new"), 0755), Error(Errno::kPerm));
  EXPECT_EQ(SysUnlink(P("/proc/meminfo")), Error(Errno::kPerm));
  EXPECT_EQ(SysChmod(P("/proc/meminfo"), 0777), Error(Errno::kPerm));
  EXPECT_EQ(SysRename(P("/proc/meminfo"), P("/tmp/x")), Error(Errno::kXdev));
  EXPECT_EQ(SysRename(P("/proc/meminfo"), P("/proc/x")), Error(Errno::kPerm));
  EXPECT_EQ(SysLink(P("/proc/meminfo"), P("/tmp/x")), Error(Errno::kXdev));
  EXPECT_EQ(SysRmdir(P("/proc")), Error(Errno::kBusy));
  EXPECT_EQ(SysRename(P("/proc"), P("/x")), Error(Errno::kBusy));
  EXPECT_EQ(SysTruncate(P("/proc/meminfo"), 0), Error(Errno::kInval));
}

TEST_F(ProcTest, DirectoriesAreListedAndWalked) {
  const auto names = List("/proc");
  for (const char* name : {"7", "self", "meminfo", "sys"})
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  ASSERT_EQ(SysChdir(P("/proc/self/../sys/vm/./../kernel")), 0);
  char buffer[64];
  EXPECT_GT(SysGetcwd(P(buffer), sizeof(buffer)), 0);
  EXPECT_STREQ(buffer, "/proc/sys/kernel");
  EXPECT_EQ(ReadFile("../../../etc/hosts"), "127.0.0.1 localhost\n");
  const std::string uuid = ReadFile("/proc/sys/kernel/random/uuid");
  EXPECT_EQ(uuid.size(), 37u);
  EXPECT_EQ(uuid[14], '4');
}

TEST_F(ProcTest, TextsAreReadAtAnyOffset) {
  const int fd = static_cast<int>(Open("/proc/self/comm"));
  char byte = '#';
  EXPECT_EQ(SysPread64(fd, P(&byte), 1, 2), 1);
  EXPECT_EQ(byte, 'd');
  EXPECT_EQ(SysLseek(fd, 4, 0), 4);
  EXPECT_EQ(SysRead(fd, P(&byte), 1), 1);
  EXPECT_EQ(SysRead(fd, P(&byte), 1), 0);
  EXPECT_EQ(SysPread64(fd, P(&byte), 1, 1 << 30), 0);
}

}  // namespace
}  // namespace ebb::linux_abi
