// A seccomp policy: the text of a policy file (see README.md), checked and as data. Build time only.
#ifndef EBB_TENDER_SECCOMP_POLICY_H_
#define EBB_TENDER_SECCOMP_POLICY_H_

#include <seccomp.h>

#include <cstdint>
#include <istream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace ebb::tender {

// What is wrong with a policy. It ends the build, so it may be an exception.
class PolicyError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// [base, end), end at most kEndOfUserSpace: so no sum of an address and a length that passed a check can wrap.
struct Range {
  uint64_t base, end;
};
inline constexpr uint64_t kEndOfUserSpace = 1ull << 47;

struct Policy {
  uint32_t default_action = 0;  // SCMP_ACT_*
  // Where calls may come from; empty: from anywhere.
  std::vector<Range> code;
  // A syscall whose [arg0, arg0 + arg1) must lie in one of the ranges. Several lines for one syscall must all hold.
  std::vector<std::pair<int, std::vector<Range>>> within;
  // Where PROT_WRITE in arg2 takes the default.
  std::vector<std::pair<int, std::vector<Range>>> unwritable;
  struct Allow {
    int syscall;
    std::vector<scmp_arg_cmp> conditions;
  };
  std::vector<Allow> allowed;
};

Policy ParsePolicy(std::istream& text);

}  // namespace ebb::tender

#endif  // EBB_TENDER_SECCOMP_POLICY_H_
