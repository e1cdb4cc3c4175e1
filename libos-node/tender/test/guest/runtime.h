// What the scenarios of a test guest stand on: hypercalls, rings, output, the clock and the upcall handler. Included
// once by each guest.
#ifndef EBB_TENDER_TEST_GUEST_RUNTIME_H_
#define EBB_TENDER_TEST_GUEST_RUNTIME_H_

#include <stddef.h>
#include <stdint.h>

#include "abi/ebb_abi.h"

extern "C" {
extern char guest_text_start[], guest_text_end[];
extern uint64_t gs_area[];
extern uint64_t user_saved_rsp, user_word;
long UserSyscall(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
long UserJumpSyscall(uint64_t address, long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                     uint64_t f);
long UserSpin(volatile uint32_t* word);
long UserSpinVector(volatile uint32_t* word);
long UserTry(void (*code)(), uint64_t argument);
long GuestPark(uint64_t park);
void UserSpinForever();
void UserUd(), UserDivide(), UserBreakpoint(), UserHalt(), UserRead(), UserWrite(), UserExecute(), UserSimd(),
    UserX87(), UserAlign(), UserOut(), UserInt80(), UserCli(), UserCopy(), UserStraddle();
extern char user_fault_return[];
}

namespace {

const ebb_boot_info* boot;

using Enter = long (*)(uint64_t, uint64_t, int64_t, int64_t);
using Call3 = long (*)(uint64_t, uint64_t, uint64_t);

long HcEnter(uint64_t flags, uint64_t tail, int64_t s, int64_t ns) {
  return reinterpret_cast<Enter>(boot->hypercalls[EBB_HC_ENTER])(flags, tail, s, ns);
}
long Hc(int number, uint64_t a, uint64_t b = 0, uint64_t c = 0) {
  return reinterpret_cast<Call3>(boot->hypercalls[number])(a, b, c);
}
[[noreturn]] void Exit(uint64_t kind, uint64_t code) {
  for (;;) Hc(EBB_HC_EXIT, kind, code);
}

ebb_core_shared* const core = reinterpret_cast<ebb_core_shared*>(EBB_RINGS);
char* const data = reinterpret_cast<char*>(EBB_DATA);

// ---- rings

uint32_t Reap(uint32_t want) {
  uint32_t seen = 0;
  while (seen < want) {
    const uint32_t tail = __atomic_load_n(&core->cq_tail, __ATOMIC_ACQUIRE);
    if (tail == core->cq_head) {
      __atomic_store_n(&core->waiting, 1u, __ATOMIC_SEQ_CST);
      HcEnter(EBB_ENTER_WAIT, tail, -1, 0);
      __atomic_store_n(&core->waiting, 0u, __ATOMIC_SEQ_CST);
      continue;
    }
    seen += tail - core->cq_head;
    __atomic_store_n(&core->cq_head, tail, __ATOMIC_RELEASE);
  }
  return seen;
}

void Push(uint16_t op, uint16_t flags, uint32_t buffer, uint32_t length, uint64_t arg0) {
  ebb_sqe* entry = &core->sq[core->sq_tail % EBB_SQ_ENTRIES];
  *entry = {};
  entry->op = op;
  entry->flags = flags;
  entry->buffer = buffer;
  entry->length = length;
  entry->arg0 = arg0;
  __atomic_store_n(&core->sq_tail, core->sq_tail + 1, __ATOMIC_RELEASE);
}

// ---- output: "name value\n", waited for

uint32_t used;
void PutChar(char c) { data[used++] = c; }
void Put(const char* text) {
  while (*text != 0) PutChar(*text++);
}
void PutNumber(uint64_t value) {
  char digits[20];
  int count = 0;
  do digits[count++] = static_cast<char>('0' + value % 10);
  while ((value /= 10) != 0);
  while (count > 0) PutChar(digits[--count]);
}
void Flush(uint16_t stream = EBB_LOG_KERNEL) {
  Push(EBB_OP_LOG, stream, 0, used, 0);
  HcEnter(EBB_ENTER_SUBMIT, 0, 0, 0);
  Reap(1);
  used = 0;
}
void Say(const char* name, uint64_t value) {
  Put(name);
  PutChar(' ');
  PutNumber(value);
  PutChar('\n');
  Flush();
}
[[maybe_unused]] void SaySigned(const char* name, long value) {
  Put(name);
  Put(value < 0 ? " -" : " ");
  PutNumber(static_cast<uint64_t>(value < 0 ? -value : value));
  PutChar('\n');
  Flush();
}

[[maybe_unused]] uint64_t ClockNs() {
  const auto* clock = reinterpret_cast<const volatile ebb_clock*>(EBB_CLOCK);
  for (;;) {
    const uint32_t sequence = clock->sequence;
    if (sequence % 2 != 0) continue;
    uint32_t low, high;
    asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
    const uint64_t tsc = static_cast<uint64_t>(high) << 32 | low;
    const uint64_t ns =
        clock->base_ns +
        static_cast<uint64_t>(static_cast<unsigned __int128>(tsc - clock->tsc_base) * clock->mult >> clock->shift);
    asm volatile("" ::: "memory");
    if (clock->sequence == sequence) return ns;
  }
}

// ---- upcalls

volatile uint32_t ticks, tick_goal, tick_stop;
volatile uint32_t ticks_without_state;
ebb_upcall last;
bool resume_after_syscall;
// Set: takes every upcall.
void (*upcall_hook)(ebb_upcall*);

bool Equal(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

}  // namespace

// A fault outside UserTry: a bug of this guest or of the tender.
namespace {
[[noreturn]] void Unexpected() {
  char* text = core->report;
  const auto put = [&](char name, uint64_t value) {
    *text++ = name;
    for (int shift = 60; shift >= 0; shift -= 4) *text++ = "0123456789abcdef"[value >> shift & 15];
    *text++ = ' ';
  };
  put('v', last.vector);
  put('i', last.rip);
  put('a', last.address);
  put('s', last.gpr[EBB_RSP]);
  *text = 0;
  Exit(EBB_EXIT_PANIC, 0);
}
}  // namespace

extern "C" void GuestUpcall(ebb_upcall* upcall) {
  if (upcall_hook != nullptr) return upcall_hook(upcall);
  if (upcall->reason == EBB_UPCALL_TICK) {
    ticks = ticks + 1;
    if (boot->tender == EBB_TENDER_PROCESS && upcall->xsave == 0) ticks_without_state = ticks_without_state + 1;
    if (ticks >= tick_goal) {
      tick_stop = 1;
    } else {
      Hc(EBB_HC_TICK, 1000);
    }
    return;
  }
  // Field by field: no library copy here.
  last.reason = upcall->reason;
  last.vector = upcall->vector;
  last.error_code = upcall->error_code;
  last.address = upcall->address;
  for (int i = 0; i < EBB_GPR_COUNT; ++i) last.gpr[i] = upcall->gpr[i];
  last.rip = upcall->rip;
  if (upcall->reason == EBB_UPCALL_SYSCALL && resume_after_syscall) {
    upcall->gpr[EBB_RAX] = upcall->gpr[EBB_RAX] + 1000;
    return;
  }
  if (user_saved_rsp == 0) Unexpected();
  upcall->gpr[EBB_RAX] = 77;
  upcall->rip = reinterpret_cast<uint64_t>(user_fault_return);
  upcall->rflags &= ~0x40000ull;  // AC
}

#endif  // EBB_TENDER_TEST_GUEST_RUNTIME_H_
