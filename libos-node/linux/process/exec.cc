// Starts the program: its segments lie where the tender put them; the interpreter (ld.so) is loaded from the image's
// file system; the initial stack follows the System V ABI.
#include <algorithm>

#include "abi/ebb_abi.h"
#include "kernel/memory_info.h"
#include "kernel/options.h"
#include "kernel/panic.h"
#include "kernel/random.h"
#include "kernel/thread.h"
#include "linux/elf.h"
#include "linux/fs/open.h"
#include "linux/mm/address_space.h"
#include "linux/mm/modules.h"
#include "linux/process/elf_loader.h"
#include "linux/process/process.h"
#include "linux/process/signal_frame.h"
#include "linux/vdso/vdso.h"

namespace ebb::linux_abi {
namespace {

constexpr uint64_t kPage = EBB_PAGE_SIZE;
constexpr uint64_t kStackSize = 2ull << 20;
// Below the stack: wider than a page, so that a function with a large frame does not step over it.
constexpr uint64_t kStackGuard = 1ull << 20;

[[noreturn]] void Fail(const char* what) { Panic(what); }

// The first page of the program, where its headers are.
std::span<const std::byte> ProgramHead() { return {reinterpret_cast<const std::byte*>(EBB_EXE_BASE), kPage}; }

LoadedObject Interpreter(std::string_view path) {
  auto file = OpenPath(path, kORdOnly, 0);
  if (!file) Fail("the image lacks the program's interpreter");
  const auto loaded = LoadInterpreter(**file);
  if (!loaded)
    Fail(loaded.error() == Errno::kNoMem ? "no memory for the interpreter" : "the interpreter cannot be loaded");
  NoteModule(**file, loaded->base, loaded->size);
  return *loaded;
}

// Fills the initial stack from its top downwards.
class StackBuilder {
 public:
  explicit StackBuilder(uint64_t top) : at_(top) {}
  uint64_t PushBytes(const void* bytes, uint64_t size) {
    at_ -= size;
    __builtin_memcpy(reinterpret_cast<void*>(at_), bytes, size);
    return at_;
  }
  void Align(uint64_t to) { at_ &= ~(to - 1); }
  void PushWord(uint64_t word) { PushBytes(&word, sizeof(word)); }
  uint64_t at() const { return at_; }

 private:
  uint64_t at_;
};

// Pointers to the strings of a block of NUL-terminated strings.
std::vector<uint64_t> PushStrings(StackBuilder& stack, uint64_t block, uint64_t size) {
  std::vector<uint64_t> pointers;
  const uint64_t copy = stack.PushBytes(reinterpret_cast<const void*>(block), size);
  for (uint64_t at = 0; at < size;) {
    pointers.push_back(copy + at);
    at += __builtin_strlen(reinterpret_cast<const char*>(copy + at)) + 1;
  }
  return pointers;
}

uint64_t PushString(StackBuilder& stack, std::string_view text) {
  const char terminator = '\0';
  stack.PushBytes(&terminator, 1);
  return stack.PushBytes(text.data(), text.size());
}

// An option of V8 with a number of MiB.
uint64_t PushOption(StackBuilder& stack, std::string_view name, uint64_t mebibytes) {
  char text[64] = {};
  __builtin_memcpy(text, name.data(), name.size());
  char* end = text + name.size();
  char digits[20];
  size_t count = 0;
  for (uint64_t rest = mebibytes; rest != 0 || count == 0; rest /= 10)
    digits[count++] = static_cast<char>('0' + rest % 10);
  while (count > 0) *end++ = digits[--count];
  return PushString(stack, std::string_view(text, static_cast<size_t>(end - text)));
}

// Lets V8's heap grow up to the VM's limit, so that it is the limit that strikes: by itself V8 would stop at half of it
// and die of something that does not look like memory.
uint64_t PushHeapLimit(StackBuilder& stack) { return PushOption(stack, "--max-old-space-size=", MemoryLimit() >> 20); }

// Half of V8's young generation, at most: docs/decisions/0005-young-generation.md.
uint64_t PushSemiSpaceLimit(StackBuilder& stack) {
  constexpr uint64_t kShare = 16, kLeast = 1, kMost = 64;
  return PushOption(stack, "--max-semi-space-size=", std::clamp((MemoryLimit() >> 20) / kShare, kLeast, kMost));
}

// Whether the environment (pointers to NAME=VALUE) has the assignment's name already.
bool IsSet(const std::vector<uint64_t>& environment, std::string_view assignment) {
  const std::string_view name = assignment.substr(0, assignment.find('=') + 1);
  for (const uint64_t at : environment) {
    if (std::string_view(reinterpret_cast<const char*>(at)).starts_with(name)) return true;
  }
  return false;
}

}  // namespace

void Execute(std::string_view interpreter) {
  if (!AddProgram(ProgramHead())) Fail("the program is not an ELF executable that can be run");
  const auto& elf = *reinterpret_cast<const ElfHeader*>(EBB_EXE_BASE);
  const LoadedObject loaded = Interpreter(interpreter);
  const uint64_t vdso = MapVdso();

  const auto stack =
      address_space().Map(0, kStackSize + kStackGuard, 0, kMapPrivate | kMapAnonymous, nullptr, 0, kNameStack);
  if (!stack || !address_space().Map(*stack + kStackGuard, kStackSize, kProtRead | kProtWrite,
                                     kMapPrivate | kMapAnonymous | kMapFixed, nullptr, 0, kNameStack)) {
    Fail("no memory for the stack");
  }
  const ebb_boot_info& boot = boot_info();
  StackBuilder builder(*stack + kStackGuard + kStackSize - 64);
  const std::string_view program = Option("program");
  const uint64_t filename = PushString(builder, program);
  const char platform_text[] = "x86_64";
  const uint64_t platform = builder.PushBytes(platform_text, sizeof(platform_text));
  std::byte seed[16];
  random().Fill(std::span(seed));
  const uint64_t random_bytes = builder.PushBytes(seed, sizeof(seed));
  std::vector<uint64_t> environment = PushStrings(builder, boot.environment, boot.environment_size);
  ForEachOption("env", [&](std::string_view assignment) {
    if (!IsSet(environment, assignment)) environment.push_back(PushString(builder, assignment));
  });
  std::vector<uint64_t> arguments = PushStrings(builder, boot.arguments, boot.arguments_size);
  if (arguments.empty()) {
    arguments.push_back(PushString(builder, program));
    arguments.push_back(PushHeapLimit(builder));
    arguments.push_back(PushSemiSpaceLimit(builder));
    ForEachOption("arg", [&](std::string_view argument) { arguments.push_back(PushString(builder, argument)); });
  }
  builder.Align(16);

  uint32_t eax = 1, ebx, ecx = 0, edx;
  asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
  constexpr uint64_t kFsgsbaseUsable = 2;
  const uint64_t auxiliary[][2] = {
      {33, vdso},
      {51, SmallestSignalStack()},
      {16, edx},
      {6, kPage},
      {17, 100},
      {3, EBB_EXE_BASE + elf.phoff},
      {4, elf.phentsize},
      {5, elf.phnum},
      {7, loaded.base},
      {8, 0},
      {9, elf.entry},
      {11, 0},
      {12, 0},
      {13, 0},
      {14, 0},
      {23, 0},
      {25, random_bytes},
      {26, kFsgsbaseUsable},
      {31, filename},
      {15, platform},
      {0, 0},
  };
  const size_t words = 1 + arguments.size() + 1 + environment.size() + 1 + 2 * std::size(auxiliary);
  if (words % 2 != 0) builder.PushWord(0);
  for (size_t i = std::size(auxiliary); i-- > 0;) {
    builder.PushWord(auxiliary[i][1]);
    builder.PushWord(auxiliary[i][0]);
  }
  builder.PushWord(0);
  for (size_t i = environment.size(); i-- > 0;) builder.PushWord(environment[i]);
  builder.PushWord(0);
  for (size_t i = arguments.size(); i-- > 0;) builder.PushWord(arguments[i]);
  builder.PushWord(arguments.size());

  Thread* thread = process().CreateThread();
  if (thread == nullptr) Fail("no memory for the first thread");
  __builtin_memcpy(thread->name, "node", 5);
  UserFrame& frame = thread->frame();
  frame.rip = loaded.entry;
  frame.rsp = builder.at();
  frame.rflags = 0x202;
  frame.orig_rax = kNoSyscall;
  thread->Start();
}

}  // namespace ebb::linux_abi
