// Policy files: any text is compiled or refused, and a compiled program allows exactly what the policy says. The rules
// are evaluated here from the parsed policy, the program by an interpreter, for calls around every number that the
// policy names. Input: how to vary the calls, then the text.
#include <linux/audit.h>

#include <algorithm>
#include <sstream>

#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "tender/seccomp/policy.h"
#include "tender/seccomp/program.h"
#include "tender/seccomp/rules.h"
#include "tender/test/filter_interpreter.h"

namespace {

using namespace ebb::tender;

bool In(const std::vector<Range>& ranges, uint64_t address, uint64_t size) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return address >= range.base && address < range.end && size <= range.end - address;
  });
}

bool Holds(const scmp_arg_cmp& condition, uint64_t value) {
  switch (condition.op) {
    case SCMP_CMP_EQ:
      return value == condition.datum_a;
    case SCMP_CMP_LE:
      return value <= condition.datum_a;
    default:
      return (value & condition.datum_a) == condition.datum_b;
  }
}

bool Allows(const Policy& policy, const seccomp_data& call) {
  if (call.arch != AUDIT_ARCH_X86_64) return false;
  if (!policy.code.empty() && !In(policy.code, call.instruction_pointer, 0)) return false;
  for (const auto& [syscall, ranges] : policy.within) {
    if (syscall == call.nr && !In(ranges, call.args[0], call.args[1])) return false;
  }
  return std::any_of(policy.allowed.begin(), policy.allowed.end(), [&](const Policy::Allow& allow) {
    return allow.syscall == call.nr &&
           std::all_of(allow.conditions.begin(), allow.conditions.end(),
                       [&](const scmp_arg_cmp& condition) { return Holds(condition, call.args[condition.arg]); });
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ebb::fuzz::Input input(data, size);
  uint64_t state = input.Take<uint16_t>();
  std::istringstream text(input.Text(size));
  Policy policy;
  Program program;
  try {
    policy = ParsePolicy(text);
    // Compiling is the slow part: what many lines do, a few do, too.
    if (policy.allowed.size() > 6 || policy.within.size() + policy.code.size() > 6) return 0;
    program = CompilePolicy(policy);
  } catch (const PolicyError&) {
    return 0;
  }

  std::vector<uint64_t> numbers = {0, 1, 1ull << 32, ~0ull};
  std::vector<int> syscalls = {0};
  const auto add = [&numbers](const std::vector<Range>& ranges) {
    for (const Range& range : ranges) numbers.insert(numbers.end(), {range.base, range.end, range.end - range.base});
  };
  add(policy.code);
  for (const auto& [syscall, ranges] : policy.within) {
    add(ranges);
    syscalls.push_back(syscall);
  }
  for (const auto& allow : policy.allowed) {
    syscalls.push_back(allow.syscall);
    for (const auto& condition : allow.conditions)
      numbers.insert(numbers.end(), {condition.datum_a, condition.datum_b});
  }
  const auto next = [&state](size_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>((state >> 33) % limit);
  };
  const auto rules = RulesOf(program.instructions);
  FUZZ_CHECK(rules);
  const auto number = [&] { return numbers[next(numbers.size())] + next(3) - 1; };
  for (int i = 0; i < 40; ++i) {
    seccomp_data call{};
    call.nr = syscalls[next(syscalls.size())];
    call.arch = next(16) == 0 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
    call.instruction_pointer = number();
    if (!policy.code.empty() && next(4) != 0) call.instruction_pointer = policy.code[next(policy.code.size())].base;
    for (auto& argument : call.args) argument = number();
    const uint32_t action = RunFilter(program.instructions, call);
    FUZZ_CHECK((action == SECCOMP_RET_ALLOW) == Allows(policy, call));
    // Exactly one of the rules that reviewers read is about this call, and says what happens.
    size_t matches = 0;
    for (const FilterRule& rule : *rules) {
      if (!Matches(rule, call)) continue;
      ++matches;
      FUZZ_CHECK(rule.action == action);
    }
    FUZZ_CHECK(matches == 1);
  }
  return 0;
}
