// The signal handler, and the text that it writes.
#include "tender/crash_dump.h"

#include <elf.h>
#include <link.h>
#include <signal.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string_view>

extern "C" {
extern void* __libc_stack_end;
extern const char __ehdr_start[];
extern const char etext[];
}

namespace ebb::tender {
namespace {

constexpr std::array kSignals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
constexpr int kMaxFrames = 32;
constexpr size_t kMaxBuildId = 20;

// Enough for the handler; the interrupted stack may be full.
alignas(16) std::byte g_stack[32768];
char g_build_id[2 * kMaxBuildId + 1];
volatile sig_atomic_t g_dumping = 0;
volatile sig_atomic_t g_terminated = 0;

// Text of bounded size without allocation.
class Line {
 public:
  Line& Text(std::string_view text) {
    const size_t room = sizeof text_ - size_;
    const size_t count = text.size() < room ? text.size() : room;
    std::memcpy(text_ + size_, text.data(), count);
    size_ += count;
    return *this;
  }
  Line& Decimal(uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    return Text({digits + at, sizeof digits - at});
  }
  Line& Hex(uint64_t value) {
    char digits[16];
    size_t at = sizeof digits;
    do digits[--at] = "0123456789abcdef"[value & 15];
    while ((value >>= 4) != 0);
    return Text("0x").Text({digits + at, sizeof digits - at});
  }
  // `"name":` with a comma before it, but for the first of an object.
  Line& Name(std::string_view name) {
    if (text_[size_ - 1] != '{') Text(",");
    return Text("\"").Text(name).Text("\":");
  }
  Line& HexField(std::string_view name, uint64_t value) { return Name(name).Text("\"").Hex(value).Text("\""); }

  void Write() {
    for (size_t at = 0; at < size_;) {
      const ssize_t written = write(STDERR_FILENO, text_ + at, size_ - at);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      at += static_cast<size_t>(written);
    }
  }

 private:
  char text_[3072];
  size_t size_ = 0;
};

std::string_view SignalName(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGILL:
      return "SIGILL";
    case SIGFPE:
      return "SIGFPE";
    case SIGTRAP:
      return "SIGTRAP";
    default:
      return "SIGABRT";
  }
}

std::string_view PhaseName(Phase phase) {
  return phase == Phase::kStart ? "start" : phase == Phase::kRun ? "run" : "end";
}

uint64_t Base() { return reinterpret_cast<uint64_t>(__ehdr_start); }
bool IsOwnCode(uint64_t address) { return address > Base() + 8 && address < reinterpret_cast<uint64_t>(etext); }

// Whether a call instruction ends at the address.
bool FollowsCall(uint64_t address) {
  const auto* code = reinterpret_cast<const uint8_t*>(address);
  if (code[-5] == 0xe8) return true;
  for (const int size : {2, 3, 4, 6, 7}) {
    if (code[-size] == 0xff && (code[-size + 1] & 0x38) == 0x10) return true;
  }
  return false;
}

// Addresses of our own code as addr2line wants them: relative to where the program was loaded.
void Address(Line& line, uint64_t address) {
  const bool own = IsOwnCode(address);
  line.Text(own ? "\"+" : "\"").Hex(own ? address - Base() : address).Text("\"");
}

// Where it was, and the return addresses into our own code that lie on the stack: neither libraries nor we keep frame
// pointers. Some may be left from earlier calls. `fault` is the address that could not be accessed, or 0.
void Backtrace(Line& line, const greg_t* registers, uint64_t fault) {
  constexpr uint64_t kLargestStack = 64 << 20, kScanned = 32768, kPushed = 8;
  const auto stack_end = reinterpret_cast<uint64_t>(__libc_stack_end);
  uint64_t rsp = (static_cast<uint64_t>(registers[REG_RSP]) + 7) & ~7ull;
  // A stack that is full exists only above the page that was missing.
  if (fault + kPushed >= rsp && fault < stack_end) rsp = std::max<uint64_t>(rsp, (fault | (EBB_PAGE_SIZE - 1)) + 1);
  line.Name("backtrace").Text("[");
  Address(line, static_cast<uint64_t>(registers[REG_RIP]));
  if (rsp < stack_end && stack_end - rsp < kLargestStack) {
    int frames = 1;
    for (uint64_t at = rsp; at < stack_end && at - rsp < kScanned && frames < kMaxFrames; at += 8) {
      const uint64_t word = *reinterpret_cast<const uint64_t*>(at);
      if (!IsOwnCode(word) || !FollowsCall(word)) continue;
      line.Text(",");
      Address(line, word);
      ++frames;
    }
  }
  line.Text("]");
}

void Registers(Line& line, const greg_t* registers) {
  constexpr std::pair<std::string_view, int> kNames[] = {
      {"rip", REG_RIP}, {"rsp", REG_RSP}, {"rbp", REG_RBP}, {"rax", REG_RAX}, {"rbx", REG_RBX}, {"rcx", REG_RCX},
      {"rdx", REG_RDX}, {"rsi", REG_RSI}, {"rdi", REG_RDI}, {"r8", REG_R8},   {"r9", REG_R9},   {"r10", REG_R10},
      {"r11", REG_R11}, {"r12", REG_R12}, {"r13", REG_R13}, {"r14", REG_R14}, {"r15", REG_R15}, {"rflags", REG_EFL}};
  line.Name("registers").Text("{");
  for (const auto& [name, index] : kNames) line.HexField(name, static_cast<uint64_t>(registers[index]));
  line.Text("}");
}

void Rings(Line& line, const ebb_core_shared& core) {
  // Volatile: the guest goes on writing them.
  const auto field = [&](std::string_view name, const uint32_t& value) {
    line.Name(name).Decimal(*const_cast<const volatile uint32_t*>(&value));
  };
  line.Name("rings").Text("{");
  field("sqHead", core.sq_head);
  field("sqTail", core.sq_tail);
  field("cqHead", core.cq_head);
  field("cqTail", core.cq_tail);
  field("waiting", core.waiting);
  line.Text("}");
}

void OnCrash(int signal, siginfo_t* info, void* context) {
  // A fault in here ends the process, for the handler of this signal is reset; one of another signal comes here.
  if (g_dumping != 0) _exit(128 + signal);
  g_dumping = 1;
  const bool terminated = g_terminated != 0;
  const bool sent = !terminated && info->si_code <= 0;
  const int reported = terminated ? SIGABRT : signal;
  const greg_t* registers = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
  const CrashFacts& facts = crash_facts();
  static Line line;
  line.Text("ebbtender crash {").Name("signal").Text("\"").Text(SignalName(reported)).Text("\"");
  if (sent) line.Name("senderPid").Decimal(static_cast<uint64_t>(info->si_pid)).Name("senderUid").Decimal(info->si_uid);
  if (!sent && !terminated) line.HexField("address", reinterpret_cast<uint64_t>(info->si_addr));
  line.Name("pid").Decimal(static_cast<uint64_t>(getpid()));
  line.Name("build").Text("\"").Text(g_build_id).Text("\"");
  line.Name("tender").Text("\"").Text(facts.tender).Text("\"");
  line.Name("phase").Text("\"").Text(PhaseName(facts.phase)).Text("\"");
  if (facts.exits != nullptr) line.Name("exits").Decimal(*const_cast<const volatile uint64_t*>(facts.exits));
  Backtrace(line, registers, sent || terminated ? 0 : reinterpret_cast<uint64_t>(info->si_addr));
  Registers(line, registers);
  if (facts.core != nullptr) Rings(line, *facts.core);
  line.Text("}\n").Write();
  // Not by the signal itself: the filter lets the tender neither return from here nor send one, to itself or others.
  _exit(128 + reported);
}

int FindBuildId(dl_phdr_info* info, size_t, void*) {
  // The first object is the program.
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) & header = info->dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* at = reinterpret_cast<const std::byte*>(info->dlpi_addr + header.p_vaddr);
    const std::byte* end = at + header.p_memsz;
    while (static_cast<size_t>(end - at) >= sizeof(ElfW(Nhdr))) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const size_t name_size = (note.n_namesz + 3u) & ~3u, value_size = (note.n_descsz + 3u) & ~3u;
      const std::byte* value = at + sizeof note + name_size;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz <= kMaxBuildId) {
        for (size_t k = 0; k < note.n_descsz; ++k) {
          g_build_id[2 * k] = "0123456789abcdef"[static_cast<unsigned>(value[k]) >> 4];
          g_build_id[2 * k + 1] = "0123456789abcdef"[static_cast<unsigned>(value[k]) & 15];
        }
        return 1;
      }
      at = value + value_size;
    }
  }
  return 1;
}

// abort() begins with system calls that the filter answers with death: the dump would be lost.
[[noreturn]] void OnTerminate() {
  g_terminated = 1;
  __builtin_trap();
}

}  // namespace

CrashFacts& crash_facts() {
  static constinit CrashFacts facts;
  return facts;
}

Result<void> InstallCrashDump() {
  // 1, not 0: with 0 a program that core_pattern names still gets everything.
  const rlimit no_core{1, 1};
  setrlimit(RLIMIT_CORE, &no_core);
  dl_iterate_phdr(FindBuildId, nullptr);
  std::set_terminate(OnTerminate);
  stack_t stack{};
  stack.ss_sp = g_stack;
  stack.ss_size = sizeof g_stack;
  if (sigaltstack(&stack, nullptr) != 0) return ErrnoError(ErrorCode::kSystem, "sigaltstack", errno);
  struct sigaction action{};
  action.sa_sigaction = OnCrash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  sigfillset(&action.sa_mask);
  for (const int signal : kSignals) {
    // A fault inside the handler must not find its own signal blocked by another's handler.
    sigdelset(&action.sa_mask, signal);
  }
  for (const int signal : kSignals) {
    if (sigaction(signal, &action, nullptr) != 0) return ErrnoError(ErrorCode::kSystem, "sigaction", errno);
  }
  return {};
}

}  // namespace ebb::tender
