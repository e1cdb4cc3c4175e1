// The compiled seccomp filters, and how a process puts one on.
#ifndef EBB_TENDER_SECCOMP_FILTERS_H_
#define EBB_TENDER_SECCOMP_FILTERS_H_

#include <linux/filter.h>

#include <span>
#include <string>

#include "tender/result.h"

namespace ebb::tender {

struct Filter {
  struct Name {
    int number;
    const char* name;
  };
  const char* name;
  std::span<const sock_filter> program;
  std::span<const Name> names;  // of the syscalls that it mentions
  const char* policy;           // source text
  const char* listing;          // libseccomp's pseudo code, without the prelude
};

extern const Filter kGuestFilter;
extern const Filter kZygoteFilter;
extern const Filter kBrokerFilter;
extern const Filter kKvmFilter;

// no_new_privs, then the filter, for the calling thread and what it starts. Irrevocable.
Result<void> ApplyFilter(const Filter& filter);

// Policy, pseudo code and every instruction, for people and tests.
std::string DumpFilter(const Filter& filter);

}  // namespace ebb::tender

#endif  // EBB_TENDER_SECCOMP_FILTERS_H_
