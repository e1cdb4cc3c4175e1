// The prelude's assembler, and libseccomp behind it.
#include "tender/seccomp/program.h"

#include <linux/seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>

#include "tender/unique_fd.h"

namespace ebb::tender {
namespace {

// A little assembler: jumps name labels, resolved at the end.
class Assembler {
 public:
  void Load(uint32_t offset) { Emit(BPF_LD | BPF_W | BPF_ABS, offset); }
  void LoadImmediate(uint32_t value) { Emit(BPF_LD | BPF_IMM, value); }
  void LoadScratch(uint32_t slot) { Emit(BPF_LD | BPF_MEM, slot); }
  void Store(uint32_t slot) { Emit(BPF_ST, slot); }
  void ToX() { Emit(BPF_MISC | BPF_TAX, 0); }
  void And(uint32_t value) { Emit(BPF_ALU | BPF_AND | BPF_K, value); }
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
    if (distance > 255) throw PolicyError("jump too far");
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
constexpr uint32_t kArg2 = offsetof(seccomp_data, args[2]);
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
  if (!policy.code.empty()) {
    for (const Range& range : policy.code) {
      const std::string name = "code" + std::to_string(block++);
      InRange(out, kIp, range, name, "code ok", name + "next");
      out.JumpIf(BPF_JGE, 0, "code ok");
      out.Label(name + "next");
    }
    out.Return(RawAction(policy.default_action));
    out.Label("code ok");
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
  for (const auto& [syscall, ranges] : policy.unwritable) {
    for (const Range& range : ranges) {
      const std::string name = "unwritable" + std::to_string(block++);
      out.Load(kNr);
      out.JumpUnless(BPF_JEQ, static_cast<uint32_t>(syscall), name + "end");
      InRange(out, kArg0, range, name, name + "in", name + "end");
      out.Label(name + "in");
      out.Load(kArg2);
      out.And(PROT_WRITE);
      out.JumpIf(BPF_JEQ, 0, name + "end");
      out.Return(RawAction(policy.default_action));
      out.Label(name + "end");
    }
  }
  return out.Finish();
}

std::string ReadAll(int fd) {
  std::string text(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  if (pread(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) throw PolicyError("reading back");
  return text;
}

// libseccomp's part: instructions and listing.
Program FromLibseccomp(const Policy& policy) {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(policy.default_action), seccomp_release);
  if (filter == nullptr) throw PolicyError("seccomp_init");
  if (seccomp_arch_exist(filter.get(), SCMP_ARCH_X86_64) != 0) throw PolicyError("policies are compiled on x86-64");
  if (seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0)
    throw PolicyError("bad arch action");
  for (const auto& allow : policy.allowed) {
    const int error = seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, allow.syscall,
                                             static_cast<unsigned>(allow.conditions.size()), allow.conditions.data());
    if (error != 0) throw PolicyError("rule for syscall " + std::to_string(allow.syscall));
  }
  const UniqueFd bpf(memfd_create("bpf", 0)), pfc(memfd_create("pfc", 0));
  if (seccomp_export_bpf(filter.get(), bpf.get()) != 0 || seccomp_export_pfc(filter.get(), pfc.get()) != 0)
    throw PolicyError("export");
  const std::string bytes = ReadAll(bpf.get());
  Program program{std::vector<sock_filter>(bytes.size() / sizeof(sock_filter)), ReadAll(pfc.get())};
  std::memcpy(program.instructions.data(), bytes.data(), program.instructions.size() * sizeof(sock_filter));
  return program;
}

}  // namespace

Program CompilePolicy(const Policy& policy) {
  const std::vector<sock_filter> prelude = Prelude(policy);
  Program program = FromLibseccomp(policy);
  program.instructions.insert(program.instructions.begin(), prelude.begin(), prelude.end());
  if (program.instructions.size() > BPF_MAXINSNS) throw PolicyError("program too long");
  return program;
}

}  // namespace ebb::tender
