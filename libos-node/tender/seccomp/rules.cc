// Symbolic execution of a classic BPF program that judges a struct seccomp_data.
//
// The machine has 32-bit words and a call's fields have 64 bits, so a way collects what it knows of each word (ranges
// and bits), and the words are joined in the end. Of arithmetic it knows the one sum that compile.cc makes: arg0 + arg1
// with its carry.
#include "tender/seccomp/rules.h"

#include <linux/audit.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace ebb::tender {
namespace {

// Words of a call, low ones at even indices: field f has words 2f and 2f + 1.
constexpr size_t kWords = 2 * kFilterFields;
constexpr uint32_t kMaxWord = UINT32_MAX;
constexpr size_t kMaxWays = 20000;  // far more than any filter here has

constexpr size_t Low(FilterField field) { return 2 * static_cast<size_t>(field); }
constexpr size_t High(FilterField field) { return Low(field) + 1; }

struct Range32 {
  uint32_t first, last;
};

// What is known of one word.
struct Word {
  std::vector<Range32> ranges = {{0, kMaxWord}};
  std::vector<FieldBits> bits;

  bool Full() const { return ranges.size() == 1 && ranges[0].first == 0 && ranges[0].last == kMaxWord; }
  void Intersect(uint32_t first, uint32_t last) {
    std::vector<Range32> kept;
    for (const Range32& range : ranges) {
      const Range32 cut{std::max(range.first, first), std::min(range.last, last)};
      if (cut.first <= cut.last) kept.push_back(cut);
    }
    ranges = std::move(kept);
  }
  void Remove(uint32_t value) {
    std::vector<Range32> kept;
    for (const Range32& range : ranges) {
      if (value < range.first || value > range.last) {
        kept.push_back(range);
        continue;
      }
      if (range.first < value) kept.push_back({range.first, value - 1});
      if (value < range.last) kept.push_back({value + 1, range.last});
    }
    ranges = std::move(kept);
  }
};

// What a register of the machine holds.
struct Value {
  enum class Kind { kUnknown, kConstant, kWord, kMasked, kHighPart } kind = Kind::kUnknown;
  uint32_t constant = 0;  // kConstant; kMasked: the mask; kHighPart (high word of arg0, plus this): the carry
  size_t word = 0;        // kWord, kMasked
};

struct Way {
  size_t pc = 0;
  Value a, x;
  std::array<Value, BPF_MEMWORDS> scratch;
  std::array<Word, kWords> words;
  std::optional<uint32_t> carry;  // of arg0 + arg1's low words
};

std::optional<size_t> WordAt(uint32_t offset) {
  constexpr uint32_t kArgs = offsetof(seccomp_data, args), kIp = offsetof(seccomp_data, instruction_pointer);
  if (offset == offsetof(seccomp_data, nr)) return Low(FilterField::kNumber);
  if (offset == offsetof(seccomp_data, arch)) return Low(FilterField::kArchitecture);
  if (offset % 4 != 0 || offset < kIp || offset >= sizeof(seccomp_data)) return std::nullopt;
  if (offset < kArgs) return Low(FilterField::kInstruction) + (offset - kIp) / 4;
  return Low(FilterField::kArg0) + (offset - kArgs) / 4;
}

class Explorer {
 public:
  explicit Explorer(std::span<const sock_filter> program) : program_(program) {}

  std::optional<std::vector<FilterRule>> Run() {
    ways_.push_back({});
    for (size_t taken = 0; !ways_.empty() && !failed_; ++taken) {
      if (taken == kMaxWays) return std::nullopt;
      Way way = std::move(ways_.back());
      ways_.pop_back();
      while (!failed_ && Step(way)) {
      }
    }
    if (failed_) return std::nullopt;
    return std::move(rules_);
  }

 private:
  using Kind = Value::Kind;

  // False when the way is at its end.
  bool Step(Way& way) {
    if (way.pc >= program_.size()) return Fail();
    const sock_filter& i = program_[way.pc++];
    const Value immediate{Kind::kConstant, i.k, 0};
    switch (BPF_CLASS(i.code)) {
      case BPF_LD:
        if (BPF_MODE(i.code) == BPF_ABS) {
          const auto word = WordAt(i.k);
          if (!word || BPF_SIZE(i.code) != BPF_W) return Fail();
          way.a = {Kind::kWord, 0, *word};
        } else if (BPF_MODE(i.code) == BPF_MEM && i.k < BPF_MEMWORDS) {
          way.a = way.scratch[i.k];
        } else if (BPF_MODE(i.code) == BPF_IMM) {
          way.a = immediate;
        } else {
          return Fail();
        }
        return true;
      case BPF_ST:
        if (i.k >= BPF_MEMWORDS) return Fail();
        way.scratch[i.k] = way.a;
        return true;
      case BPF_MISC:
        if (BPF_MISCOP(i.code) == BPF_TAX) {
          way.x = way.a;
        } else {
          way.a = way.x;
        }
        return true;
      case BPF_ALU:
        way.a = Compute(way, BPF_OP(i.code), BPF_SRC(i.code) == BPF_X ? way.x : immediate);
        return true;
      case BPF_JMP:
        return Jump(way, i);
      case BPF_RET:
        if (BPF_RVAL(i.code) != BPF_K) return Fail();
        return Finish(way, i.k);
      default:
        return Fail();
    }
  }

  Value Compute(const Way& way, uint32_t operation, const Value& operand) const {
    if (operation == BPF_AND && way.a.kind == Kind::kWord && operand.kind == Kind::kConstant)
      return {Kind::kMasked, operand.constant, way.a.word};
    if (operation != BPF_ADD) return {};
    const auto holds = [](const Value& value, size_t word) { return value.kind == Kind::kWord && value.word == word; };
    if (holds(way.a, Low(FilterField::kArg0)) && holds(operand, Low(FilterField::kArg1)))
      return {Kind::kWord, 0, Low(FilterField::kEnd)};
    if (holds(way.a, High(FilterField::kArg0)) && operand.kind == Kind::kConstant && way.carry == operand.constant)
      return {Kind::kHighPart, operand.constant, 0};
    if (holds(way.a, High(FilterField::kArg1)) && operand.kind == Kind::kHighPart)
      return {Kind::kWord, 0, High(FilterField::kEnd)};
    return {};
  }

  bool Jump(Way& way, const sock_filter& i) {
    if (BPF_OP(i.code) == BPF_JA) return Go(way, i.k);
    if (BPF_SRC(i.code) == BPF_X) return JumpOnCarry(way, i);
    if (BPF_OP(i.code) == BPF_JGE && i.k == 0) return Go(way, i.jt);
    if (way.a.kind == Kind::kConstant) {
      const uint32_t a = way.a.constant;
      switch (BPF_OP(i.code)) {
        case BPF_JEQ:
          return Go(way, a == i.k ? i.jt : i.jf);
        case BPF_JGT:
          return Go(way, a > i.k ? i.jt : i.jf);
        case BPF_JGE:
          return Go(way, a >= i.k ? i.jt : i.jf);
        default:
          return Fail();
      }
    }
    if (way.a.kind != Kind::kWord && way.a.kind != Kind::kMasked) return Fail();
    Way other = way;
    if (!Restrict(way, BPF_OP(i.code), i.k, true) || !Restrict(other, BPF_OP(i.code), i.k, false)) return Fail();
    other.pc += i.jf;
    if (!other.words[other.a.word].ranges.empty()) ways_.push_back(std::move(other));
    if (way.words[way.a.word].ranges.empty()) return false;
    return Go(way, i.jt);
  }

  // Only "the sum's low word >= arg1's": no carry.
  bool JumpOnCarry(Way& way, const sock_filter& i) {
    const bool known = BPF_OP(i.code) == BPF_JGE && way.a.kind == Kind::kWord && way.x.kind == Kind::kWord &&
                       way.a.word == Low(FilterField::kEnd) && way.x.word == Low(FilterField::kArg1);
    if (!known) return Fail();
    Way other = way;
    other.carry = 1;
    other.pc += i.jf;
    ways_.push_back(std::move(other));
    way.carry = 0;
    return Go(way, i.jt);
  }

  static bool Restrict(Way& way, uint32_t operation, uint32_t k, bool taken) {
    Word& word = way.words[way.a.word];
    if (way.a.kind == Kind::kMasked) {
      const uint32_t mask = way.a.constant;
      if (operation != BPF_JEQ || (k & ~mask) != 0) return false;
      // "No bit above the lowest n" is a range.
      if (k == 0 && mask != 0 && (~mask & (~mask + 1)) == 0) {
        taken ? word.Intersect(0, ~mask) : word.Intersect(~mask + 1, kMaxWord);
      } else {
        word.bits.push_back({mask, k, taken});
      }
      return true;
    }
    switch (operation) {
      case BPF_JEQ:
        taken ? word.Intersect(k, k) : word.Remove(k);
        return true;
      case BPF_JGT:
        if (taken && k == kMaxWord) {
          word.ranges.clear();
        } else {
          taken ? word.Intersect(k + 1, kMaxWord) : word.Intersect(0, k);
        }
        return true;
      case BPF_JGE:
        taken ? word.Intersect(k, kMaxWord) : word.Intersect(0, k - 1);  // k > 0, see Jump
        return true;
      default:
        return false;
    }
  }

  static bool Go(Way& way, uint32_t distance) {
    way.pc += distance;
    return true;
  }
  bool Fail() {
    failed_ = true;
    return false;
  }

  bool Finish(const Way& way, uint32_t action) {
    FilterRule rule{action, {}};
    for (size_t field = 0; field < kFilterFields; ++field) {
      const Word &low = way.words[2 * field], &high = way.words[2 * field + 1];
      FieldCondition condition;
      condition.bits = low.bits;
      for (const FieldBits& bits : high.bits) condition.bits.push_back({bits.mask << 32, bits.value << 32, bits.equal});
      for (const Range32& upper : high.ranges) {
        const uint64_t base = uint64_t{upper.first} << 32;
        if (low.Full()) {
          condition.ranges.push_back({base, uint64_t{upper.last} << 32 | kMaxWord});
          continue;
        }
        // Number and architecture have no high word: nothing restricts it.
        const bool one_word = field <= static_cast<size_t>(FilterField::kArchitecture);
        if (!one_word && upper.first != upper.last) return Fail();
        for (const Range32& lower : low.ranges)
          condition.ranges.push_back(
              {one_word ? lower.first : base | lower.first, one_word ? lower.last : base | lower.last});
      }
      const bool any = low.Full() && high.Full() && condition.bits.empty();
      if (!any) rule.conditions[field] = std::move(condition);
    }
    rules_.push_back(std::move(rule));
    return false;
  }

  std::span<const sock_filter> program_;
  std::vector<Way> ways_;
  std::vector<FilterRule> rules_;
  bool failed_ = false;
};

std::vector<FieldRange> Union(std::vector<FieldRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<FieldRange> joined;
  for (const FieldRange& range : ranges) {
    if (joined.empty() || (joined.back().last != UINT64_MAX && joined.back().last + 1 < range.first)) {
      joined.push_back(range);
    } else {
      joined.back().last = std::max(joined.back().last, range.last);
    }
  }
  return joined;
}

// One rule for both when they differ in the ranges of one field at most.
bool Join(FilterRule& rule, const FilterRule& other) {
  if (rule.action != other.action) return false;
  std::optional<size_t> different;
  for (size_t field = 0; field < kFilterFields; ++field) {
    if (rule.conditions[field] == other.conditions[field]) continue;
    if (different || !rule.conditions[field] || !other.conditions[field] ||
        rule.conditions[field]->bits != other.conditions[field]->bits) {
      return false;
    }
    different = field;
  }
  // What is allowed is said of one syscall at a time.
  if (different == static_cast<size_t>(FilterField::kNumber) && rule.action == SECCOMP_RET_ALLOW) return false;
  if (!different) return true;
  auto& condition = rule.conditions[*different];
  condition->ranges.insert(condition->ranges.end(), other.conditions[*different]->ranges.begin(),
                           other.conditions[*different]->ranges.end());
  condition->ranges = Union(std::move(condition->ranges));
  const bool any = condition->bits.empty() && condition->ranges.size() == 1 && condition->ranges[0].first == 0 &&
                   condition->ranges[0].last == UINT64_MAX;
  if (any) condition.reset();
  return true;
}

void JoinAll(std::vector<FilterRule>& rules) {
  for (bool joined = true; joined;) {
    joined = false;
    for (size_t i = 0; i < rules.size(); ++i) {
      for (size_t j = i + 1; j < rules.size();) {
        if (!Join(rules[i], rules[j])) {
          ++j;
          continue;
        }
        rules.erase(rules.begin() + static_cast<ptrdiff_t>(j));
        joined = true;
      }
    }
  }
}

uint64_t ValueOf(const seccomp_data& call, size_t field) {
  switch (static_cast<FilterField>(field)) {
    case FilterField::kNumber:
      return static_cast<uint32_t>(call.nr);
    case FilterField::kArchitecture:
      return call.arch;
    case FilterField::kInstruction:
      return call.instruction_pointer;
    case FilterField::kEnd:
      return call.args[0] + call.args[1];
    default:
      return call.args[field - static_cast<size_t>(FilterField::kArg0)];
  }
}

}  // namespace

std::optional<std::vector<FilterRule>> RulesOf(std::span<const sock_filter> program) {
  auto rules = Explorer(program).Run();
  if (!rules) return std::nullopt;
  JoinAll(*rules);
  const auto number = [](const FilterRule& rule) {
    const auto& condition = rule.conditions[static_cast<size_t>(FilterField::kNumber)];
    return condition ? condition->ranges.front().first : 0;
  };
  std::stable_sort(rules->begin(), rules->end(), [&](const FilterRule& a, const FilterRule& b) {
    return std::pair(a.action != SECCOMP_RET_ALLOW, number(a)) < std::pair(b.action != SECCOMP_RET_ALLOW, number(b));
  });
  return rules;
}

bool Matches(const FilterRule& rule, const seccomp_data& call) {
  for (size_t field = 0; field < kFilterFields; ++field) {
    const auto& condition = rule.conditions[field];
    if (!condition) continue;
    const uint64_t value = ValueOf(call, field);
    const auto contains = [&](const FieldRange& range) { return value >= range.first && value <= range.last; };
    const auto agrees = [&](const FieldBits& bits) { return ((value & bits.mask) == bits.value) == bits.equal; };
    if (!std::any_of(condition->ranges.begin(), condition->ranges.end(), contains) ||
        !std::all_of(condition->bits.begin(), condition->bits.end(), agrees)) {
      return false;
    }
  }
  return true;
}

}  // namespace ebb::tender
