// The interface as a whole: every function that Node's binary has, the sizes Node was compiled with, memory from the
// program's allocator, names of errors, texts.
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "loop_fixture.h"

namespace ebb::uv::test {
namespace {

// A file in memory.
class Mapping {
 public:
  explicit Mapping(const char* path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd == -1 || fstat(fd, &status) != 0) return;
    size_ = static_cast<size_t>(status.st_size);
    memory_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
  }
  ~Mapping() {
    if (memory_ != MAP_FAILED) munmap(memory_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  bool valid() const { return memory_ != MAP_FAILED; }
  template <class T>
  const T* At(uint64_t offset) const {
    return reinterpret_cast<const T*>(static_cast<const char*>(memory_) + offset);
  }

 private:
  void* memory_ = MAP_FAILED;
  size_t size_ = 0;
};

// The uv_ functions in a program's dynamic symbol table.
std::vector<std::string> ExportedFunctions(const char* path) {
  std::vector<std::string> names;
  const Mapping file(path);
  if (!file.valid()) return names;
  const auto* header = file.At<Elf64_Ehdr>(0);
  const auto* sections = file.At<Elf64_Shdr>(header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_DYNSYM) continue;
    const auto* symbols = file.At<Elf64_Sym>(sections[i].sh_offset);
    const char* text = file.At<char>(sections[sections[i].sh_link].sh_offset);
    for (size_t s = 0; s < sections[i].sh_size / sizeof(Elf64_Sym); ++s) {
      const char* name = text + symbols[s].st_name;
      if (ELF64_ST_TYPE(symbols[s].st_info) == STT_FUNC && symbols[s].st_shndx != SHN_UNDEF &&
          std::strncmp(name, "uv_", 3) == 0)
        names.emplace_back(name);
    }
  }
  return names;
}

TEST(Interface, HasEveryFunctionOfNodesBinary) {
  const std::vector<std::string> names = ExportedFunctions(NODE_BINARY);
  EXPECT_GE(names.size(), 316u);
  for (const std::string& name : names) {
    void* function = dlsym(RTLD_DEFAULT, name.c_str());
    ASSERT_NE(function, nullptr) << name;
    Dl_info info;
    ASSERT_NE(dladdr(function, &info), 0);
    EXPECT_NE(std::strstr(info.dli_fname, "libuv.so.1"), nullptr) << name << " is in " << info.dli_fname;
  }
}

TEST(Interface, SizesAreThoseThatProgramsWereCompiledWith) {
  EXPECT_EQ(uv_loop_size(), 848u);
  EXPECT_EQ(uv_handle_size(UV_TCP), 248u);
  EXPECT_EQ(uv_req_size(UV_FS), 440u);
  EXPECT_EQ(uv_handle_size(UV_UNKNOWN_HANDLE), static_cast<size_t>(-1));
  EXPECT_STREQ(uv_handle_type_name(UV_NAMED_PIPE), "pipe");
  EXPECT_STREQ(uv_req_type_name(UV_UDP_SEND), "udp_send");
  EXPECT_EQ(uv_version(), static_cast<unsigned>(UV_VERSION_HEX));
}

TEST(Interface, ErrorsHaveNamesAndTexts) {
  EXPECT_STREQ(uv_err_name(UV_ENOENT), "ENOENT");
  EXPECT_STREQ(uv_strerror(UV_EOF), "end of file");
  EXPECT_EQ(uv_translate_sys_error(EPERM), UV_EPERM);
  char text[32];
  EXPECT_STREQ(uv_err_name_r(-4242, text, sizeof(text)), "Unknown system error -4242");
  EXPECT_STREQ(uv_err_name_r(UV_EADDRINUSE, text, 5), "EADD");
}

// Counts what is allocated and not freed. Replaced for the rest of this process, so a process of its own runs it.
std::atomic<long> outstanding{0};
std::atomic<long> allocations{0};
void* CountedMalloc(size_t size) {
  ++outstanding;
  ++allocations;
  return std::malloc(size);
}
void* CountedCalloc(size_t count, size_t size) {
  ++outstanding;
  ++allocations;
  return std::calloc(count, size);
}
void* CountedRealloc(void* memory, size_t size) {
  if (memory == nullptr) ++outstanding;
  ++allocations;
  return std::realloc(memory, size);
}
void CountedFree(void* memory) {
  if (memory != nullptr) --outstanding;
  std::free(memory);
}

int AllocationsAreCounted() {
  if (uv_replace_allocator(CountedMalloc, nullptr, CountedCalloc, CountedFree) != UV_EINVAL) return 1;
  if (uv_replace_allocator(CountedMalloc, CountedRealloc, CountedCalloc, CountedFree) != 0) return 2;
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0 || outstanding == 0) return 3;
  uv_timer_t timers[100];
  for (uv_timer_t& timer : timers) uv_timer_init(&loop, &timer);
  // From here on, timers must not allocate.
  const long before = allocations;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 100; ++i) uv_timer_start(&timers[i], [](uv_timer_t*) {}, static_cast<uint64_t>(i * 7 % 13), 0);
  }
  if (allocations != before) return 4;
  uv_fs_t request;
  uv_fs_realpath(nullptr, &request, "/proc/self", nullptr);
  uv_fs_req_cleanup(&request);
  uv_fs_scandir(&loop, &request, "/proc/self/task", 0, [](uv_fs_t* r) { uv_fs_req_cleanup(r); });
  uv_cpu_info_t* cpus;
  int count;
  uv_cpu_info(&cpus, &count);
  uv_free_cpu_info(cpus, count);
  for (uv_timer_t& timer : timers) uv_close(Handle(&timer), nullptr);
  uv_run(&loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&loop) != 0) return 5;
  uv_library_shutdown();
  return outstanding == 0 ? 0 : 6;
}

TEST(InterfaceDeathTest, MemoryComesFromTheProgramsAllocatorAndGoesBack) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(_exit(AllocationsAreCounted()), ::testing::ExitedWithCode(0), "");
}

TEST(Interface, TextsOfUnpairedSurrogatesSurvive) {
  const uint16_t text[] = {'a', 0xE9, 0x20AC, 0xD83D, 0xDE00, 0xD800, 'z', 0};
  char* wtf8 = nullptr;
  size_t length = 0;
  ASSERT_EQ(uv_utf16_to_wtf8(text, -1, &wtf8, &length), 0);
  EXPECT_EQ(length, uv_utf16_length_as_wtf8(text, -1));
  EXPECT_STREQ(wtf8, "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xED\xA0\x80z");
  ASSERT_EQ(uv_wtf8_length_as_utf16(wtf8), 8);
  uint16_t back[8];
  uv_wtf8_to_utf16(wtf8, back, 8);
  EXPECT_EQ(std::memcmp(text, back, sizeof(text)), 0);
  std::free(wtf8);
  EXPECT_EQ(uv_wtf8_length_as_utf16("\xFF"), -1);
}

TEST(Interface, BuffersThatAreTooSmallLearnTheSize) {
  char text[4096];
  size_t size = 1;
  ASSERT_EQ(uv_cwd(text, &size), UV_ENOBUFS);
  ASSERT_EQ(uv_cwd(text, &size), 0);
  EXPECT_EQ(size, std::strlen(text));
  ASSERT_EQ(uv_os_setenv("UV_EBB_TEST", "12345"), 0);
  size = 5;
  EXPECT_EQ(uv_os_getenv("UV_EBB_TEST", text, &size), UV_ENOBUFS);
  EXPECT_EQ(size, 6u);
  EXPECT_EQ(uv_os_getenv("UV_EBB_TEST", text, &size), 0);
  EXPECT_EQ(uv_os_unsetenv("UV_EBB_TEST"), 0);
  EXPECT_EQ(uv_os_getenv("UV_EBB_TEST", text, &size), UV_ENOENT);
}

TEST_F(LoopTest, AChildsOutputAndExitCode) {
  uv_pipe_t out;
  uv_process_t process;
  std::string text;
  uv_pipe_init(&loop_, &out, 0);
  out.data = &text;
  uv_stdio_container_t stdio[2] = {};
  stdio[0].flags = UV_IGNORE;
  stdio[1].flags = static_cast<uv_stdio_flags>(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
  stdio[1].data.stream = Stream(&out);
  const char* arguments[] = {"sh", "-c", "echo $WORD; exit 7", nullptr};
  const char* environment[] = {"WORD=hello", "PATH=/usr/bin:/bin", nullptr};
  uv_process_options_t options = {};
  options.file = "sh";
  options.args = const_cast<char**>(arguments);
  options.env = const_cast<char**>(environment);
  options.stdio = stdio;
  options.stdio_count = 2;
  int64_t code = -1;
  process.data = &code;
  options.exit_cb = [](uv_process_t* h, int64_t status, int) {
    Data<int64_t>(h) = status;
    uv_close(Handle(h), nullptr);
  };
  ASSERT_EQ(uv_spawn(&loop_, &process, &options), 0);
  uv_read_start(
      Stream(&out),
      [](uv_handle_t*, size_t, uv_buf_t* b) {
        static char memory[256];
        *b = uv_buf_init(memory, sizeof(memory));
      },
      [](uv_stream_t* s, ssize_t count, const uv_buf_t* b) {
        if (count > 0) Data<std::string>(s).append(b->base, static_cast<size_t>(count));
        if (count < 0) uv_close(Handle(s), nullptr);
      });
  Run();
  EXPECT_EQ(text, "hello\n");
  EXPECT_EQ(code, 7);
  CloseAll();
}

TEST_F(LoopTest, AProgramThatIsNotThereFailsAtOnce) {
  uv_process_t process;
  const char* arguments[] = {"/nonexistent/program", nullptr};
  uv_process_options_t options = {};
  options.file = arguments[0];
  options.args = const_cast<char**>(arguments);
  EXPECT_EQ(uv_spawn(&loop_, &process, &options), UV_ENOENT);
  EXPECT_EQ(uv_is_active(Handle(&process)), 0);
  CloseAll();
}

}  // namespace
}  // namespace ebb::uv::test
