// World: what the file layer needs of the kernel, under the control of a test. Time stands still unless somebody
// sleeps; a sleep runs what the test has planned for other threads, then goes on to the next deadline. Memory of the
// test is the program's memory, but for what it declares unmapped.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.h"
#include "linux/abi.h"
#include "linux/fs/syscalls.h"
#include "linux/fs/test/image_builder.h"

namespace ebb::test {

struct World {
  uint64_t now_ns = 5'000'000'000;
  uint64_t realtime_offset_ns = 1'800'000'000'000'000'000;
  std::deque<std::function<void()>> meanwhile;  // what other threads do, one after each time the caller sleeps
  bool signal_pending = false;
  std::vector<int> signals_sent;
  uint64_t mask = 0, mask_during_wait = 0;
  int mask_ends = 0;
  uint64_t unmapped_start = 0, unmapped_end = 0;
  size_t pages = 0;  // allocated
  size_t page_limit = SIZE_MAX;
  uint64_t memory_limit = 64 << 20, memory_committed = 10 << 20;
  std::map<std::string, std::string, std::less<>> options;
  std::map<uint32_t, std::string> console;
  int console_writes = 0;
  int tender_polls = 0, event_runs = 0;
  std::function<void()> on_tender_poll;
  bool others_runnable = false;
};

World& world();

// A small image, the tree made of it, and standard descriptors; everything is torn down, and must be, at the end.
class FsTest : public testing::Test {
 public:
  FsTest();
  ~FsTest() override;

 protected:
  // Starts the file system from this image instead.
  void Start(ImageBuilder& image);

  ImageBuilder image_;
};

// Pointers as the program passes them.
inline uint64_t P(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }
inline uint64_t P(void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

// Conveniences over system calls; each fails the test when the call does, where it has no error to return.
int64_t Open(std::string_view path, uint32_t flags = 0, uint32_t mode = 0644);
std::string ReadAll(int64_t fd);
std::string ReadFile(std::string_view path);
int64_t WriteText(int64_t fd, std::string_view text);
void WriteFile(std::string_view path, std::string_view text);
linux_abi::LinuxStat Stat(std::string_view path);
int64_t StatError(std::string_view path);
std::vector<std::string> List(std::string_view path);
std::string ReadLink(std::string_view path);

constexpr int kCwd = -100;
inline int64_t Error(Errno error) { return Negative(error); }

}  // namespace ebb::test
