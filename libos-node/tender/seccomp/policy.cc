// Parsing of policy files.
#include "tender/seccomp/policy.h"

#include <charconv>
#include <sstream>
#include <string>

namespace ebb::tender {
namespace {

uint64_t ParseNumber(const std::string& text) {
  const bool hexadecimal = text.starts_with("0x");
  const char* start = text.data() + (hexadecimal ? 2 : 0);
  const char* stop = text.data() + text.size();
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(start, stop, value, hexadecimal ? 16 : 10);
  if (error != std::errc() || end != stop) throw PolicyError("not a number: " + text);
  return value;
}

int ParseSyscall(const std::string& name) {
  const int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name.c_str());
  if (number < 0) throw PolicyError("unknown syscall " + name);
  return number;
}

std::vector<Range> ParseRanges(const std::vector<std::string>& words, size_t first) {
  std::vector<Range> ranges;
  for (size_t i = first; i + 1 < words.size(); i += 2) {
    ranges.push_back({ParseNumber(words[i]), ParseNumber(words[i + 1])});
    if (ranges.back().base >= ranges.back().end) throw PolicyError("empty range");
    if (ranges.back().end > kEndOfUserSpace) throw PolicyError("a range beyond user space");
  }
  if (ranges.empty() || (words.size() - first) % 2 != 0) throw PolicyError("ranges come in pairs");
  return ranges;
}

scmp_arg_cmp ParseCondition(const std::string& argument, const std::string& op, const std::string& value_text) {
  if (argument.size() != 4 || argument.compare(0, 3, "arg") != 0 || argument[3] < '0' || argument[3] > '5')
    throw PolicyError("bad argument " + argument);
  const auto index = static_cast<unsigned>(argument[3] - '0');
  const uint64_t value = ParseNumber(value_text);
  if (op == "==") return scmp_arg_cmp{index, SCMP_CMP_EQ, value, 0};
  if (op == "<=") return scmp_arg_cmp{index, SCMP_CMP_LE, value, 0};
  if (op == "in") return scmp_arg_cmp{index, SCMP_CMP_MASKED_EQ, ~value, 0};
  if (op == "low32" && value <= UINT32_MAX) return scmp_arg_cmp{index, SCMP_CMP_MASKED_EQ, 0xffffffffull, value};
  throw PolicyError("bad operator or value: " + op + " " + value_text);
}

}  // namespace

Policy ParsePolicy(std::istream& text) {
  Policy policy;
  std::string line;
  while (std::getline(text, line)) {
    std::istringstream stream(line.substr(0, line.find('#')));
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (words.empty()) continue;
    if (words.size() < 2) throw PolicyError("short line: " + line);
    if (words[0] == "default") {
      policy.default_action = words[1] == "trap" ? SCMP_ACT_TRAP : words[1] == "kill" ? SCMP_ACT_KILL_PROCESS : 0;
    } else if (words[0] == "code") {
      policy.code = ParseRanges(words, 1);
    } else if (words[0] == "within") {
      policy.within.emplace_back(ParseSyscall(words[1]), ParseRanges(words, 2));
    } else if (words[0] == "unwritable") {
      policy.unwritable.emplace_back(ParseSyscall(words[1]), ParseRanges(words, 2));
    } else if (words[0] == "allow") {
      Policy::Allow allow{ParseSyscall(words[1]), {}};
      if ((words.size() - 2) % 3 != 0) throw PolicyError("bad conditions: " + line);
      for (size_t i = 2; i < words.size(); i += 3)
        allow.conditions.push_back(ParseCondition(words[i], words[i + 1], words[i + 2]));
      policy.allowed.push_back(std::move(allow));
    } else {
      throw PolicyError("unknown directive: " + line);
    }
  }
  if (policy.default_action == 0) throw PolicyError("no default");
  return policy;
}

}  // namespace ebb::tender
