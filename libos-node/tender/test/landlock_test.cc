// What a process can do to the file system after RestrictFiles.
#include "tender/landlock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "image_builder.h"

namespace ebb::tender {
namespace {

// Runs `body` in a process of its own; what it returns, below 256.
template <typename Body>
int InChild(Body body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Landlock, LeavesOnlyTheRemovalOfTheSocket) {
  const std::string own = TemporaryPath("own"), other = TemporaryPath("other");
  for (const std::string& folder : {own, other}) {
    std::filesystem::create_directory(folder);
    std::ofstream(folder + "/file") << "content";
  }
  constexpr int kNone = 100;
  const int result = InChild([&] {
    auto restricted = RestrictFiles(own + "/file");
    if (!restricted) return 1;
    if (!*restricted) return kNone;
    if (open((own + "/file").c_str(), O_RDONLY) >= 0 || errno != EACCES) return 2;
    if (open((own + "/new").c_str(), O_WRONLY | O_CREAT, 0600) >= 0) return 3;
    if (open("/etc/passwd", O_RDONLY) >= 0) return 4;
    if (unlink((other + "/file").c_str()) == 0 || errno != EACCES) return 5;
    if (unlink((own + "/../other/file").c_str()) == 0) return 6;
    if (rename((own + "/file").c_str(), (own + "/moved").c_str()) == 0) return 7;
    if (rmdir(own.c_str()) == 0 || mkdir((own + "/folder").c_str(), 0700) == 0) return 8;
    struct stat found{};
    if (lstat((own + "/file").c_str(), &found) != 0) return 9;
    if (unlink((own + "/file").c_str()) != 0) return 10;
    return 0;
  });
  if (result == kNone) GTEST_SKIP() << "Landlock: this kernel has none";
  EXPECT_EQ(result, 0);
  EXPECT_TRUE(std::filesystem::exists(other + "/file"));
  EXPECT_FALSE(std::filesystem::exists(own + "/file"));
}

TEST(Landlock, AFolderThatIsNotThereIsAnError) {
  EXPECT_EQ(InChild([] {
              auto restricted = RestrictFiles("/nonexistent/socket");
              return !restricted ? restricted.error().code == ErrorCode::kSandbox ? 0 : 1 : *restricted ? 2 : 0;
            }),
            0);
}

}  // namespace
}  // namespace ebb::tender
