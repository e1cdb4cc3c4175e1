// Files: synchronous and on workers.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>

#include "loop_fixture.h"

namespace ebb::uv::test {
namespace {

class FsTest : public LoopTest {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    uv_fs_t request;
    ASSERT_EQ(uv_fs_mkdtemp(nullptr, &request, "/tmp/uv-ebb-XXXXXX", nullptr), 0);
    folder_ = request.path;
    uv_fs_req_cleanup(&request);
  }
  void TearDown() override {
    LoopTest::TearDown();
    uv_fs_t scan, request;
    uv_dirent_t entry;
    uv_fs_scandir(nullptr, &scan, folder_.c_str(), 0, nullptr);
    while (uv_fs_scandir_next(&scan, &entry) == 0) unlink(Path(entry.name).c_str());
    uv_fs_req_cleanup(&scan);
    EXPECT_EQ(uv_fs_rmdir(nullptr, &request, folder_.c_str(), nullptr), 0);
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) {
    uv_fs_t request;
    const int fd = uv_fs_open(nullptr, &request, Path(name).c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0640, nullptr);
    ASSERT_GE(fd, 0);
    const uv_buf_t buffer = uv_buf_init(const_cast<char*>(text.data()), static_cast<unsigned>(text.size()));
    EXPECT_EQ(uv_fs_write(nullptr, &request, fd, &buffer, 1, -1, nullptr), static_cast<int>(text.size()));
    EXPECT_EQ(uv_fs_close(nullptr, &request, fd, nullptr), 0);
  }
  std::string Read(const std::string& name) {
    uv_fs_t request;
    const int fd = uv_fs_open(nullptr, &request, Path(name).c_str(), O_RDONLY, 0, nullptr);
    std::string text(1u << 20, '\0');
    // In two parts, as readv has them.
    const uv_buf_t parts[] = {uv_buf_init(text.data(), 3), uv_buf_init(text.data() + 3, (1u << 20) - 3)};
    const int count = uv_fs_read(nullptr, &request, fd, parts, 2, 0, nullptr);
    uv_fs_req_cleanup(&request);
    uv_fs_close(nullptr, &request, fd, nullptr);
    return count < 0 ? uv_err_name(count) : text.substr(0, static_cast<size_t>(count));
  }
  std::string folder_;
};

TEST_F(FsTest, ScandirIsSortedAndTyped) {
  for (const char* name : {"b", "c", "a"}) Write(name, name);
  ASSERT_EQ(symlink("a", Path("link").c_str()), 0);
  uv_fs_t request;
  ASSERT_EQ(uv_fs_scandir(nullptr, &request, folder_.c_str(), 0, nullptr), 4);
  std::string found;
  uv_dirent_t entry;
  while (uv_fs_scandir_next(&request, &entry) == 0) {
    found += entry.name;
    found += entry.type == UV_DIRENT_FILE ? 'F' : entry.type == UV_DIRENT_LINK ? 'L' : '?';
  }
  EXPECT_EQ(found, "aFbFcFlinkL");
  EXPECT_EQ(uv_fs_scandir_next(&request, &entry), UV_EOF);
  uv_fs_req_cleanup(&request);
  CloseAll();
}

TEST_F(FsTest, ReaddirGivesPortions) {
  for (const char* name : {"1", "2", "3"}) Write(name, "");
  uv_fs_t request;
  ASSERT_EQ(uv_fs_opendir(nullptr, &request, folder_.c_str(), nullptr), 0);
  auto* dir = static_cast<uv_dir_t*>(request.ptr);
  uv_fs_req_cleanup(&request);
  uv_dirent_t entries[2];
  EXPECT_EQ(uv_fs_readdir(nullptr, &request, dir, nullptr), UV_EINVAL);
  dir->dirents = entries;
  dir->nentries = 2;
  std::vector<int> counts;
  do {
    counts.push_back(uv_fs_readdir(nullptr, &request, dir, nullptr));
    uv_fs_req_cleanup(&request);
  } while (counts.back() > 0);
  EXPECT_EQ(counts, (std::vector<int>{2, 1, 0}));
  EXPECT_EQ(uv_fs_closedir(nullptr, &request, dir, nullptr), 0);
  CloseAll();
}

TEST_F(FsTest, CopyfileCopiesContentsAndModeAndSparesItself) {
  const std::string text(300000, 'q');
  Write("from", text);
  uv_fs_t request;
  ASSERT_EQ(uv_fs_copyfile(nullptr, &request, Path("from").c_str(), Path("to").c_str(), 0, nullptr), 0);
  EXPECT_EQ(Read("to"), text);
  ASSERT_EQ(uv_fs_stat(nullptr, &request, Path("to").c_str(), nullptr), 0);
  EXPECT_EQ(request.statbuf.st_mode & 0777, 0640u);
  EXPECT_EQ(uv_fs_copyfile(nullptr, &request, Path("from").c_str(), Path("to").c_str(), UV_FS_COPYFILE_EXCL, nullptr),
            UV_EEXIST);
  EXPECT_EQ(uv_fs_copyfile(nullptr, &request, Path("from").c_str(), Path("from").c_str(), 0, nullptr), 0);
  EXPECT_EQ(Read("from"), text);
  EXPECT_EQ(uv_fs_copyfile(nullptr, &request, Path("no").c_str(), Path("new").c_str(), 0, nullptr), UV_ENOENT);
  EXPECT_EQ(uv_fs_access(nullptr, &request, Path("new").c_str(), F_OK, nullptr), UV_ENOENT);
  EXPECT_EQ(uv_fs_copyfile(nullptr, &request, Path("from").c_str(), Path("to").c_str(), 0x80, nullptr), UV_EINVAL);
  CloseAll();
}

TEST_F(FsTest, CopyfileCopiesTheOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may give files away";
  Write("from", "x");
  ASSERT_EQ(chown(Path("from").c_str(), 1234, 5678), 0);
  uv_fs_t request;
  ASSERT_EQ(uv_fs_copyfile(nullptr, &request, Path("from").c_str(), Path("to").c_str(), 0, nullptr), 0);
  ASSERT_EQ(uv_fs_stat(nullptr, &request, Path("to").c_str(), nullptr), 0);
  EXPECT_EQ(request.statbuf.st_uid, 1234u);
  EXPECT_EQ(request.statbuf.st_gid, 5678u);
}

TEST_F(FsTest, TimesMayBeNowOrOmitted) {
  Write("file", "");
  uv_fs_t request;
  ASSERT_EQ(uv_fs_utime(nullptr, &request, Path("file").c_str(), 1000.25, -1.5, nullptr), 0);
  ASSERT_EQ(uv_fs_stat(nullptr, &request, Path("file").c_str(), nullptr), 0);
  EXPECT_EQ(request.statbuf.st_atim.tv_sec, 1000);
  EXPECT_EQ(request.statbuf.st_atim.tv_nsec, 250000000);
  EXPECT_EQ(request.statbuf.st_mtim.tv_sec, -2);
  EXPECT_EQ(request.statbuf.st_mtim.tv_nsec, 500000000);
  ASSERT_EQ(uv_fs_utime(nullptr, &request, Path("file").c_str(), UV_FS_UTIME_NOW, UV_FS_UTIME_OMIT, nullptr), 0);
  ASSERT_EQ(uv_fs_stat(nullptr, &request, Path("file").c_str(), nullptr), 0);
  EXPECT_GT(request.statbuf.st_atim.tv_sec, 1500000000);
  EXPECT_EQ(request.statbuf.st_mtim.tv_sec, -2);
  CloseAll();
}

TEST_F(FsTest, AWorkersRequestOwnsItsPath) {
  Write("file", "12345");
  uv_fs_t request;
  uint64_t size = 0;
  request.data = &size;
  {
    std::string path = Path("file");
    ASSERT_EQ(uv_fs_stat(&loop_, &request, path.c_str(),
                         [](uv_fs_t* r) {
                           EXPECT_EQ(r->result, 0);
                           EXPECT_EQ(r->ptr, &r->statbuf);
                           Data<uint64_t>(r) = r->statbuf.st_size;
                           uv_fs_req_cleanup(r);
                         }),
              0);
    path.assign(path.size(), 'x');
  }
  EXPECT_EQ(size, 0u);
  Run();
  EXPECT_EQ(size, 5u);
  CloseAll();
}

TEST_F(FsTest, WritesOfManyBuffersAreWhole) {
  constexpr int kParts = 3000;  // more than one writev takes
  std::vector<uv_buf_t> parts(kParts, Buffer("ab"));
  uv_fs_t request;
  const int fd = uv_fs_open(nullptr, &request, Path("file").c_str(), O_CREAT | O_RDWR, 0600, nullptr);
  EXPECT_EQ(uv_fs_write(nullptr, &request, fd, parts.data(), kParts, 0, nullptr), 2 * kParts);
  uv_fs_req_cleanup(&request);
  EXPECT_EQ(uv_fs_read(nullptr, &request, fd, nullptr, 0, 0, nullptr), UV_EINVAL);
  uv_fs_close(nullptr, &request, fd, nullptr);
  EXPECT_EQ(Read("file").size(), 2u * kParts);
  CloseAll();
}

TEST_F(FsTest, FsPollReportsChangesOnly) {
  Write("file", "1");
  struct State {
    uv_timer_t timer;
    std::string path;
    uint64_t size = 1;
    std::vector<uint64_t> seen;
  } state{};
  state.path = Path("file");
  uv_fs_poll_t poll;
  uv_fs_poll_init(&loop_, &poll);
  poll.data = &state;
  ASSERT_EQ(uv_fs_poll_start(
                &poll,
                [](uv_fs_poll_t* h, int status, const uv_stat_t* before, const uv_stat_t* now) {
                  EXPECT_EQ(status, 0);
                  auto& self = Data<State>(h);
                  self.seen = {before->st_size, now->st_size};
                  uv_close(Handle(h), nullptr);
                  uv_close(Handle(&self.timer), nullptr);
                },
                state.path.c_str(), 10),
            0);
  // Again and again: the first look at the file may come late.
  uv_timer_init(&loop_, &state.timer);
  state.timer.data = &state;
  uv_timer_start(
      &state.timer,
      [](uv_timer_t* h) {
        auto& self = Data<State>(h);
        self.size += 76;
        EXPECT_EQ(truncate(self.path.c_str(), static_cast<off_t>(self.size)), 0);
      },
      50, 50);
  Run();
  ASSERT_EQ(state.seen.size(), 2u);
  EXPECT_LT(state.seen[0], state.seen[1]);
  EXPECT_EQ(state.seen[0] % 76, 1u);
  EXPECT_EQ(state.seen[1] % 76, 1u);
  CloseAll();
}

TEST_F(FsTest, FsEventNamesTheFileOfAWatchedFolder) {
  uv_fs_event_t event;
  std::string seen;
  uv_fs_event_init(&loop_, &event);
  event.data = &seen;
  ASSERT_EQ(uv_fs_event_start(
                &event,
                [](uv_fs_event_t* h, const char* name, int events, int status) {
                  EXPECT_EQ(status, 0);
                  EXPECT_EQ(events, UV_RENAME);
                  Data<std::string>(h) = name;
                  uv_close(Handle(h), nullptr);
                },
                folder_.c_str(), 0),
            0);
  char path[256];
  size_t size = sizeof(path);
  EXPECT_EQ(uv_fs_event_getpath(&event, path, &size), 0);
  EXPECT_EQ(path, folder_);
  Write("new", "");
  Run();
  EXPECT_EQ(seen, "new");
  CloseAll();
}

}  // namespace
}  // namespace ebb::uv::test
