// The devices of /dev.
#include "linux/fs/test/world.h"

namespace ebb::linux_abi {
namespace {

using namespace ebb::test;

class DeviceTest : public FsTest {
 protected:
  static std::string Read(std::string_view path, size_t size) {
    std::string bytes(size, '#');
    const int64_t got = SysRead(static_cast<int>(Open(path, kORdWr)), P(bytes.data()), size);
    EXPECT_GE(got, 0);
    bytes.resize(static_cast<size_t>(got));
    return bytes;
  }
  static int64_t Write(std::string_view path, std::string_view text) { return WriteText(Open(path, kORdWr), text); }
};

TEST_F(DeviceTest, ReadAsTheyShould) {
  EXPECT_EQ(Read("/dev/null", 10), "");
  EXPECT_EQ(Read("/dev/zero", 5000), std::string(5000, '\0'));
  EXPECT_EQ(Read("/dev/full", 3), std::string(3, '\0'));
  EXPECT_NE(Read("/dev/urandom", 16), Read("/dev/urandom", 16));
  EXPECT_NE(Read("/dev/random", 16), std::string(16, '#'));
}

TEST_F(DeviceTest, TakeWhatIsWritten) {
  EXPECT_EQ(Write("/dev/null", "gone"), 4);
  EXPECT_EQ(Write("/dev/zero", "gone"), 4);
  EXPECT_EQ(Write("/dev/urandom", "seed"), 4);
  EXPECT_EQ(Write("/dev/full", "no"), Error(Errno::kNoSpc));
  // What programs do with a file they do not want.
  EXPECT_GE(Open("/dev/null", kOWrOnly | kOCreat | kOTrunc), 0);
  EXPECT_EQ(Open("/dev/null", kODirectory), Error(Errno::kNotDir));
}

TEST_F(DeviceTest, AreCharacterDevices) {
  EXPECT_EQ(Stat("/dev/null").mode, kSIfChr | 0666u);
  EXPECT_EQ(Stat("/dev/null").rdev, 0x103u);
  EXPECT_EQ(Stat("/dev/urandom").rdev, 0x109u);
  EXPECT_EQ(SysLseek(static_cast<int>(Open("/dev/zero")), 5, 0), 0);
}

TEST_F(DeviceTest, StandardStreamsHaveNames) {
  EXPECT_EQ(ReadLink("/dev/fd"), "/proc/self/fd");
  char byte;
  EXPECT_EQ(SysRead(static_cast<int>(Open("/dev/stderr", kORdWr)), P(&byte), 1), Error(Errno::kBadF))
      << "it is the same open file";
  EXPECT_EQ(WriteText(Open("/dev/stdout", kOWrOnly), "text"), 4);
  EXPECT_EQ(world().console[EBB_LOG_STDOUT], "text");
}

}  // namespace
}  // namespace ebb::linux_abi
