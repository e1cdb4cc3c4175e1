// A tender for hosted tests of kernel code: maps the guest's fixed regions into the test process and supplies boot info
// whose hypercalls are functions of the test. Memory behaves as under a real tender: inaccessible until PROTECT, zero
// when fresh, gone after PROTECT 0 and DISCARD.
#pragma once

#include <cstdint>
#include <functional>

namespace ebb::test {

class FakeTender {
 public:
  explicit FakeTender(uint64_t memory_limit);
  ~FakeTender();
  FakeTender(const FakeTender&) = delete;
  FakeTender& operator=(const FakeTender&) = delete;

  uint64_t committed() const;
  // PROTECT and DISCARD calls so far.
  uint64_t memory_calls() const;
  // Where memory ends that can be touched: below EBB_ARENA_END in a process with a sanitizer's shadow.
  uint64_t arena_end() const;
  // What the guest may do with a page: EBB_PROT_*.
  uint64_t protection(uint64_t page) const;
  // Called for every ENTER.
  std::function<void(uint64_t flags)> on_enter;
};

}  // namespace ebb::test
