// Rules as text and as JSON.
#include <linux/audit.h>

#include <algorithm>
#include <cstdio>

#include "tender/json.h"
#include "tender/seccomp/rules.h"

namespace ebb::tender {
namespace {

constexpr const char* kFieldNames[kFilterFields] = {"number", "arch", "ip",   "arg0", "arg1",
                                                    "arg2",   "arg3", "arg4", "arg5", "arg0+arg1"};
constexpr size_t kNumber = static_cast<size_t>(FilterField::kNumber),
                 kArchitecture = static_cast<size_t>(FilterField::kArchitecture);

std::string Hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "%#llx", static_cast<unsigned long long>(value));
  return value == 0 ? "0x0" : text;
}

std::string ActionName(uint32_t action) {
  switch (action) {
    case SECCOMP_RET_ALLOW:
      return "allow";
    case SECCOMP_RET_TRAP:
      return "trap";
    case SECCOMP_RET_KILL_PROCESS:
      return "kill";
    default:
      return "action " + Hex(action);
  }
}

bool IsX8664(const FilterRule& rule) {
  const auto& condition = rule.conditions[kArchitecture];
  return condition && condition->bits.empty() &&
         condition->ranges == std::vector<FieldRange>{{AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64}};
}

// What becomes of a call that nothing mentions.
uint32_t DefaultOf(const std::vector<FilterRule>& rules) {
  const seccomp_data unknown{0x3fffffff, AUDIT_ARCH_X86_64, 0, {}};
  const auto found = std::ranges::find_if(rules, [&](const FilterRule& rule) { return Matches(rule, unknown); });
  return found != rules.end() ? found->action : SECCOMP_RET_ALLOW;
}

std::string SyscallName(const Filter& filter, uint64_t number) {
  for (const auto& [known, name] : filter.names) {
    if (static_cast<uint64_t>(known) == number) return name;
  }
  return "syscall " + std::to_string(number);
}

std::string ConditionText(size_t field, const FieldCondition& condition) {
  std::string text;
  const bool everything =
      condition.ranges.size() == 1 && condition.ranges[0].first == 0 && condition.ranges[0].last == UINT64_MAX;
  if (!everything) {
    text += std::string(" ") + kFieldNames[field];
    const char* separator = " ";
    for (const auto& [first, last] : condition.ranges) {
      text += separator + Hex(first) + (first == last ? "" : ".." + Hex(last));
      separator = " | ";
    }
    text += ";";
  }
  for (const FieldBits& bits : condition.bits) {
    text += std::string(" ") + kFieldNames[field] + " & " + Hex(bits.mask) + (bits.equal ? " == " : " != ") +
            Hex(bits.value) + ";";
  }
  return text;
}

std::string RuleText(const Filter& filter, const FilterRule& rule) {
  std::string text = ActionName(rule.action);
  const auto& number = rule.conditions[kNumber];
  const bool one = number && number->ranges.size() == 1 && number->ranges[0].first == number->ranges[0].last;
  if (one) text += " " + SyscallName(filter, number->ranges[0].first);
  for (size_t field = 0; field < kFilterFields; ++field) {
    if (!rule.conditions[field] || (field == kNumber && one) || (field == kArchitecture && IsX8664(rule))) continue;
    text += ConditionText(field, *rule.conditions[field]);
  }
  if (text.back() == ';') text.pop_back();
  return text + "\n";
}

std::string RuleJson(const Filter& filter, const FilterRule& rule) {
  JsonObject object;
  object.Text("action", ActionName(rule.action));
  const auto& number = rule.conditions[kNumber];
  if (number && number->ranges.size() == 1 && number->ranges[0].first == number->ranges[0].last)
    object.Text("syscall", SyscallName(filter, number->ranges[0].first));
  for (size_t field = 0; field < kFilterFields; ++field) {
    if (!rule.conditions[field]) continue;
    std::string ranges, bits;
    for (const auto& [first, last] : rule.conditions[field]->ranges) {
      ranges += (ranges.empty() ? "" : ",") + JsonObject().Text("first", Hex(first)).Text("last", Hex(last)).Finish();
    }
    for (const FieldBits& part : rule.conditions[field]->bits) {
      bits +=
          (bits.empty() ? "" : ",") +
          JsonObject().Text("mask", Hex(part.mask)).Text("value", Hex(part.value)).Bool("equal", part.equal).Finish();
    }
    JsonObject condition;
    condition.Raw("ranges", "[" + ranges + "]");
    if (!bits.empty()) condition.Raw("bits", "[" + bits + "]");
    object.Raw(kFieldNames[field], condition.Finish());
  }
  return object.Finish();
}

}  // namespace

std::string DescribeRules(const Filter& filter) {
  const auto rules = RulesOf(filter.program);
  const std::string title = std::string("== ") + filter.name + "\n";
  if (!rules) return title + "not understood\n";
  const uint32_t otherwise = DefaultOf(*rules);
  std::string text = title;
  for (const FilterRule& rule : *rules) {
    // The killing of other architectures and of x32 numbers is said even where it is the default.
    if (rule.action == otherwise && IsX8664(rule)) continue;
    text += RuleText(filter, rule);
  }
  return text + "otherwise " + ActionName(otherwise) + "\n";
}

std::string RulesJson(const Filter& filter) {
  const auto rules = RulesOf(filter.program);
  JsonObject object;
  object.Text("name", filter.name).Number("instructions", filter.program.size());
  if (rules) {
    std::string list;
    for (const FilterRule& rule : *rules) list += (list.empty() ? "" : ",") + RuleJson(filter, rule);
    object.Text("otherwise", ActionName(DefaultOf(*rules))).Raw("rules", "[" + list + "]");
  }
  return object.Finish();
}

}  // namespace ebb::tender
