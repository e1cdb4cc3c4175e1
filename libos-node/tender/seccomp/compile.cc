// Compiles a policy file (see README.md) to a BPF program, as C++ source with the program and its listing. Runs at
// build time only.
//
// Two parts: a prelude that is assembled here, for what libseccomp cannot express, and libseccomp's program behind it.
// The prelude either returns the default action or falls through, so it can only take rights away.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "seccomp compile: %s\n", message.c_str());
  std::exit(1);
}

struct Range {
  uint64_t base, end;
};

struct Policy {
  uint32_t default_action = 0;  // SCMP_ACT_*
  std::vector<Range> code;
  std::vector<std::pair<int, std::vector<Range>>> within;
  struct Allow {
    int syscall;
    std::vector<scmp_arg_cmp> conditions;
  };
  std::vector<Allow> allowed;
};

uint64_t ParseNumber(const std::string& text) {
  char* end = nullptr;
  const uint64_t value = std::strtoull(text.c_str(), &end, 0);
  if (text.empty() || *end != '\0') Fail("not a number: " + text);
  return value;
}

int ParseSyscall(const std::string& name) {
  const int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name.c_str());
  if (number < 0) Fail("unknown syscall " + name);
  return number;
}

std::vector<Range> ParseRanges(const std::vector<std::string>& words, size_t first) {
  std::vector<Range> ranges;
  for (size_t i = first; i + 1 < words.size(); i += 2) {
    ranges.push_back({ParseNumber(words[i]), ParseNumber(words[i + 1])});
    if (ranges.back().base >= ranges.back().end) Fail("empty range");
  }
  if (ranges.empty() || (words.size() - first) % 2 != 0) Fail("ranges come in pairs");
  return ranges;
}

scmp_arg_cmp ParseCondition(const std::string& argument, const std::string& op, const std::string& value_text) {
  if (argument.size() != 4 || argument.compare(0, 3, "arg") != 0 || argument[3] < '0' || argument[3] > '5')
    Fail("bad argument " + argument);
  const auto index = static_cast<unsigned>(argument[3] - '0');
  const uint64_t value = ParseNumber(value_text);
  if (op == "==") return scmp_arg_cmp{index, SCMP_CMP_EQ, value, 0};
  if (op == "<=") return scmp_arg_cmp{index, SCMP_CMP_LE, value, 0};
  if (op == "in") return scmp_arg_cmp{index, SCMP_CMP_MASKED_EQ, ~value, 0};
  if (op == "low32") return scmp_arg_cmp{index, SCMP_CMP_MASKED_EQ, 0xffffffffull, value};
  Fail("bad operator " + op);
}

Policy Parse(const char* path) {
  std::ifstream file(path);
  if (!file) Fail(std::string("cannot read ") + path);
  Policy policy;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream stream(line.substr(0, line.find('#')));
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (words.empty()) continue;
    if (words.size() < 2) Fail("short line: " + line);
    if (words[0] == "default") {
      policy.default_action = words[1] == "trap" ? SCMP_ACT_TRAP : words[1] == "kill" ? SCMP_ACT_KILL_PROCESS : 0;
    } else if (words[0] == "code") {
      policy.code = ParseRanges(words, 1);
    } else if (words[0] == "within") {
      policy.within.emplace_back(ParseSyscall(words[1]), ParseRanges(words, 2));
    } else if (words[0] == "allow") {
      Policy::Allow allow{ParseSyscall(words[1]), {}};
      if ((words.size() - 2) % 3 != 0) Fail("bad conditions: " + line);
      for (size_t i = 2; i < words.size(); i += 3)
        allow.conditions.push_back(ParseCondition(words[i], words[i + 1], words[i + 2]));
      policy.allowed.push_back(std::move(allow));
    } else {
      Fail("unknown directive: " + line);
    }
  }
  if (policy.default_action == 0) Fail("no default");
  return policy;
}

// A little assembler: jumps name labels, resolved at the end.
class Assembler {
 public:
  void Load(uint32_t offset) { Emit(BPF_LD | BPF_W | BPF_ABS, offset); }
  void LoadImmediate(uint32_t value) { Emit(BPF_LD | BPF_IMM, value); }
  void LoadScratch(uint32_t slot) { Emit(BPF_LD | BPF_MEM, slot); }
  void Store(uint32_t slot) { Emit(BPF_ST, slot); }
  void ToX() { Emit(BPF_MISC | BPF_TAX, 0); }
  void AddX() { Emit(BPF_ALU | BPF_ADD | BPF_X, 0); }
  void Return(uint32_t action) { Emit(BPF_RET | BPF_K, action); }
  // Jumps when `A op value` holds (or not), falls through otherwise.
  void JumpIf(uint16_t op, uint32_t value, const std::string& label) {
    Jump(static_cast<uint16_t>(BPF_JMP | op | BPF_K), value, label, "");
  }
  void JumpUnless(uint16_t op, uint32_t value, const std::string& label) {
    Jump(static_cast<uint16_t>(BPF_JMP | op | BPF_K), value, "", label);
  }
  void JumpIfAtLeastX(const std::string& label) { Jump(BPF_JMP | BPF_JGE | BPF_X, 0, label, ""); }
  void Label(const std::string& label) { labels_[label] = code_.size(); }

  std::vector<sock_filter> Finish() {
    for (const auto& [at, targets] : jumps_) {
      code_[at].jt = Distance(at, targets.first);
      code_[at].jf = Distance(at, targets.second);
    }
    return code_;
  }

 private:
  void Emit(uint16_t code, uint32_t k) { code_.push_back({code, 0, 0, k}); }
  void Jump(uint16_t code, uint32_t value, const std::string& yes, const std::string& no) {
    jumps_[code_.size()] = {yes, no};
    Emit(code, value);
  }
  uint8_t Distance(size_t at, const std::string& label) const {
    if (label.empty()) return 0;
    const size_t distance = labels_.at(label) - at - 1;
    if (distance > 255) Fail("jump too far");
    return static_cast<uint8_t>(distance);
  }

  std::vector<sock_filter> code_;
  std::map<std::string, size_t> labels_;
  std::map<size_t, std::pair<std::string, std::string>> jumps_;
};

constexpr uint32_t kNr = offsetof(seccomp_data, nr);
constexpr uint32_t kIp = offsetof(seccomp_data, instruction_pointer);
constexpr uint32_t kArg0 = offsetof(seccomp_data, args[0]);
constexpr uint32_t kArg1 = offsetof(seccomp_data, args[1]);
constexpr uint32_t High(uint32_t field) { return field + 4; }
uint32_t Hi(uint64_t value) { return static_cast<uint32_t>(value >> 32); }
uint32_t Lo(uint64_t value) { return static_cast<uint32_t>(value); }

// Continues at `accept` when field >= base && field < end, else at `refuse`.
void InRange(Assembler& out, uint32_t field, const Range& range, const std::string& name, const std::string& accept,
             const std::string& refuse) {
  const uint64_t last = range.end - 1;
  out.Load(High(field));
  out.JumpIf(BPF_JGT, Hi(last), refuse);
  out.JumpUnless(BPF_JGE, Hi(range.base), refuse);
  out.JumpIf(BPF_JGT, Hi(range.base), name + "above");
  out.Load(field);
  out.JumpUnless(BPF_JGE, Lo(range.base), refuse);
  out.Label(name + "above");
  out.Load(High(field));
  out.JumpUnless(BPF_JEQ, Hi(last), accept);
  out.Load(field);
  out.JumpIf(BPF_JGT, Lo(last), refuse);
  // falls to accept, which the caller places next
}

// Continues at `accept` when [arg0, arg0 + arg1) lies in the range, else at `refuse`.
void Within(Assembler& out, const Range& range, const std::string& name, const std::string& accept,
            const std::string& refuse) {
  InRange(out, kArg0, range, name, name + "sum", refuse);
  out.Label(name + "sum");
  // arg1 no longer than the range: with that the 64-bit sum below cannot wrap
  const uint64_t longest = range.end - range.base;
  out.Load(High(kArg1));
  out.JumpIf(BPF_JGT, Hi(longest), refuse);
  out.Load(kArg1);
  out.ToX();
  out.Load(kArg0);
  out.AddX();
  out.Store(0);
  out.JumpIfAtLeastX(name + "nocarry");
  out.LoadImmediate(1);
  out.JumpIf(BPF_JEQ, 1, name + "carry");
  out.Label(name + "nocarry");
  out.LoadImmediate(0);
  out.Label(name + "carry");
  out.ToX();
  out.Load(High(kArg0));
  out.AddX();
  out.ToX();
  out.Load(High(kArg1));
  out.AddX();
  out.JumpIf(BPF_JGT, Hi(range.end), refuse);
  out.JumpUnless(BPF_JEQ, Hi(range.end), accept);
  out.LoadScratch(0);
  out.JumpIf(BPF_JGT, Lo(range.end), refuse);
}

uint32_t RawAction(uint32_t action) { return action == SCMP_ACT_TRAP ? SECCOMP_RET_TRAP : SECCOMP_RET_KILL_PROCESS; }

std::vector<sock_filter> Prelude(const Policy& policy) {
  Assembler out;
  if (policy.code.empty() && policy.within.empty()) return {};
  // The argument offsets below mean something only for x86-64 numbers.
  out.Load(offsetof(seccomp_data, arch));
  out.JumpIf(BPF_JEQ, 0xc000003e, "arch");
  out.Return(SECCOMP_RET_KILL_PROCESS);
  out.Label("arch");
  int block = 0;
  for (const Range& range : policy.code) {
    const std::string name = "code" + std::to_string(block++);
    InRange(out, kIp, range, name, name + "ok", name + "no");
    out.JumpIf(BPF_JGE, 0, name + "ok");
    out.Label(name + "no");
    out.Return(RawAction(policy.default_action));
    out.Label(name + "ok");
  }
  for (const auto& [syscall, ranges] : policy.within) {
    const std::string name = "within" + std::to_string(block++);
    out.Load(kNr);
    out.JumpUnless(BPF_JEQ, static_cast<uint32_t>(syscall), name + "end");
    for (size_t i = 0; i < ranges.size(); ++i) {
      const std::string part = name + "r" + std::to_string(i);
      Within(out, ranges[i], part, name + "end", part + "next");
      out.JumpIf(BPF_JGE, 0, name + "end");
      out.Label(part + "next");
    }
    out.Return(RawAction(policy.default_action));
    out.Label(name + "end");
  }
  return out.Finish();
}

struct Compiled {
  std::vector<sock_filter> program;
  std::string listing;
};

std::string ReadAll(int fd) {
  std::string text(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  if (pread(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) Fail("reading back");
  return text;
}

Compiled Compile(const Policy& policy) {
  scmp_filter_ctx filter = seccomp_init(policy.default_action);
  if (filter == nullptr) Fail("seccomp_init");
  if (seccomp_arch_exist(filter, SCMP_ARCH_X86_64) != 0) Fail("policies are compiled on x86-64");
  if (seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0) Fail("bad arch action");
  for (const auto& allow : policy.allowed) {
    const int error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, allow.syscall,
                                             static_cast<unsigned>(allow.conditions.size()), allow.conditions.data());
    if (error != 0) Fail("rule for syscall " + std::to_string(allow.syscall));
  }
  const int bpf = memfd_create("bpf", 0), pfc = memfd_create("pfc", 0);
  if (seccomp_export_bpf(filter, bpf) != 0 || seccomp_export_pfc(filter, pfc) != 0) Fail("export");
  Compiled result{Prelude(policy), ReadAll(pfc)};
  const std::string bytes = ReadAll(bpf);
  const auto* rest = reinterpret_cast<const sock_filter*>(bytes.data());
  result.program.insert(result.program.end(), rest, rest + bytes.size() / sizeof(sock_filter));
  seccomp_release(filter);
  if (result.program.size() > BPF_MAXINSNS) Fail("program too long");
  return result;
}

std::set<int> SyscallsOf(const Policy& policy) {
  std::set<int> numbers;
  for (const auto& allow : policy.allowed) numbers.insert(allow.syscall);
  return numbers;
}

}  // namespace

// compile POLICY NAME OUTPUT: defines ebb::tender::k<NAME>Filter, k<NAME>FilterSize and k<NAME>Policy.
int main(int argc, char** argv) {
  if (argc != 4) Fail("usage: compile POLICY NAME OUTPUT");
  const Policy policy = Parse(argv[1]);
  const Compiled compiled = Compile(policy);
  std::ifstream source(argv[1]);
  std::ofstream out(argv[3]);
  const std::string name = std::string("k") + argv[2];
  out << "// Compiled from a policy file; see tender/seccomp/README.md.\n#include "
         "\"tender/seccomp/filters.h\"\n\nnamespace ebb::tender {\n\n"
      << "namespace {\nconst sock_filter kProgram[] = {\n";
  for (const auto& i : compiled.program)
    out << "    {" << i.code << ", " << +i.jt << ", " << +i.jf << ", " << i.k << "u},\n";
  out << "};\nconst Filter::Name kNames[] = {\n";
  for (const int number : SyscallsOf(policy)) {
    char* known = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);
    out << "    {" << number << ", \"" << known << "\"},\n";
    std::free(known);
  }
  out << "};\n}  // namespace\n\n";
  out << "const Filter " << name << "Filter = {\"" << argv[2] << "\", kProgram, kNames, R\"~(" << source.rdbuf()
      << ")~\", R\"~(" << compiled.listing << ")~\"};\n\n}  // namespace ebb::tender\n";
  return out.good() ? 0 : 1;
}
