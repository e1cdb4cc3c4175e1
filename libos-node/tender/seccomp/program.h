// The BPF program of a policy.
//
// Two parts: a prelude that is assembled here, for what libseccomp cannot express, and libseccomp's program behind it.
// The prelude either returns the default action or falls through, so it can only take rights away. Build time only.
#ifndef EBB_TENDER_SECCOMP_PROGRAM_H_
#define EBB_TENDER_SECCOMP_PROGRAM_H_

#include <linux/filter.h>

#include <string>
#include <vector>

#include "tender/seccomp/policy.h"

namespace ebb::tender {

struct Program {
  std::vector<sock_filter> instructions;
  std::string listing;  // of libseccomp's part, for people
};

// Throws PolicyError for a policy that libseccomp refuses, and for one that makes too long a program.
Program CompilePolicy(const Policy& policy);

}  // namespace ebb::tender

#endif  // EBB_TENDER_SECCOMP_PROGRAM_H_
