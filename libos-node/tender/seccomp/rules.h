// FilterRules: what a compiled filter does, worked out from its instructions and not from its policy.
//
// Every way through the program is followed with the call's fields left open; each way that can be taken becomes a
// rule: an action, and conditions that hold for exactly the calls that go this way. A program with an instruction that
// is not understood has no rules (nothing is guessed).
#ifndef EBB_TENDER_SECCOMP_RULES_H_
#define EBB_TENDER_SECCOMP_RULES_H_

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tender/seccomp/filters.h"

namespace ebb::tender {

// Of a call; kEnd is arg0 + arg1, the end of a range of addresses.
enum class FilterField { kNumber, kArchitecture, kInstruction, kArg0, kArg1, kArg2, kArg3, kArg4, kArg5, kEnd };
inline constexpr size_t kFilterFields = 10;

struct FieldRange {
  uint64_t first, last;  // both included
  bool operator==(const FieldRange&) const = default;
};

// (field & mask) == value, or != value.
struct FieldBits {
  uint64_t mask, value;
  bool equal;
  bool operator==(const FieldBits&) const = default;
};

struct FieldCondition {
  std::vector<FieldRange> ranges;  // in one of them; ordered, apart
  std::vector<FieldBits> bits;     // and all of these
  bool operator==(const FieldCondition&) const = default;
};

// All conditions of a rule hold; a field without one may have any value.
struct FilterRule {
  uint32_t action;  // SECCOMP_RET_*
  std::optional<FieldCondition> conditions[kFilterFields];
};

std::optional<std::vector<FilterRule>> RulesOf(std::span<const sock_filter> program);

bool Matches(const FilterRule& rule, const seccomp_data& call);

// For people and reviews: a line per rule, then what happens to every other call.
std::string DescribeRules(const Filter& filter);
// The same as one JSON object.
std::string RulesJson(const Filter& filter);

}  // namespace ebb::tender

#endif  // EBB_TENDER_SECCOMP_RULES_H_
