/* What Linux promises of signals, checked from inside: each check runs on a thread of its own and answers null or what was wrong. The same
 * checks run on plain Node, so that it is Linux that says what is right. */
#define _GNU_SOURCE
#include <errno.h>
#include <fenv.h>
#include <immintrin.h>
#include <node_api.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <poll.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static char problem[256];

#define FAIL(...) return snprintf(problem, sizeof problem, __VA_ARGS__), problem
#define CHECK(condition) \
  if (!(condition)) FAIL("line %d: %s (errno %d)", __LINE__, #condition, errno)

typedef void (*Handler)(int, siginfo_t *, void *);

static struct sigaction saved[65];
static int touched[65];

/* Put back after each check. */
static void Install(int number, Handler handler, int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  if (!touched[number]) sigaction(number, 0, &saved[number]);
  touched[number] = 1;
  sigaction(number, &action, 0);
}

static void SleepMs(int ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000l};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &time) == EINTR) {
  }
}

static int64_t NowMs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static int Tid(void) { return (int)syscall(SYS_gettid); }

/* ---- What the handlers below saw. */
static volatile int count;
static volatile int seen_tid;
static volatile siginfo_t seen;
static volatile greg_t seen_error, seen_trap, seen_cr2, seen_rip;
static sigjmp_buf out;

static void Note(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  seen = *info;
  seen_tid = Tid();
  ++count;
}

static void NoteAndLeave(int number, siginfo_t *info, void *context) {
  const greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;
  seen_error = gregs[REG_ERR], seen_trap = gregs[REG_TRAPNO], seen_cr2 = gregs[REG_CR2], seen_rip = gregs[REG_RIP];
  Note(number, info, context);
  siglongjmp(out, 1);
}

static int Eventually(int wanted) {
  for (int i = 0; i < 3000 && count < wanted; ++i) SleepMs(1);
  return count >= wanted;
}

static const char *KillTellsWho(void) {
  Install(SIGUSR1, Note, 0);
  CHECK(kill(getpid(), SIGUSR1) == 0 && Eventually(1));
  CHECK(seen.si_signo == SIGUSR1 && seen.si_code == SI_USER && seen.si_pid == getpid() && seen.si_uid == getuid());
  CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0 && count == 2);
  CHECK(seen.si_code == SI_TKILL && seen.si_pid == getpid() && seen_tid == Tid());
  CHECK(kill(getpid(), 0) == 0);
  CHECK(kill(getpid(), 65) == -1 && errno == EINVAL);
  CHECK(syscall(SYS_tgkill, getpid(), 0x7fffffff, SIGUSR1) == -1 && errno == ESRCH);
  return 0;
}

enum { kRead, kWrite, kCall };

static int Fault(uintptr_t address, int access) {
  if (sigsetjmp(out, 1) != 0) return 1;
  if (access == kRead) (void)*(volatile char *)address;
  if (access == kWrite) *(volatile char *)address = 1;
  if (access == kCall) ((void (*)(void))address)();
  return 0;
}

static const char *FaultsTellWhat(void) {
  Install(SIGSEGV, NoteAndLeave, 0);
  char *page = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  CHECK(Fault(0, kRead) && seen.si_code == SEGV_MAPERR && seen.si_addr == 0 && seen_trap == 14);
  CHECK(Fault(0x20, kWrite) && seen.si_code == SEGV_MAPERR && seen.si_addr == (void *)0x20 && (seen_error & 2) != 0);
  CHECK(!Fault((uintptr_t)page, kRead));
  CHECK(Fault((uintptr_t)page + 5, kWrite) && seen.si_code == SEGV_ACCERR && seen.si_addr == page + 5);
  CHECK((seen_error & 6) == 6 && seen_cr2 == (greg_t)(uintptr_t)(page + 5));
  CHECK(mprotect(page, 4096, PROT_NONE) == 0);
  CHECK(Fault((uintptr_t)page, kRead) && seen.si_code == SEGV_ACCERR && seen.si_addr == page && (seen_error & 2) == 0);
  CHECK(munmap(page, 8192) == 0);
  CHECK(Fault((uintptr_t)page, kRead) && seen.si_code == SEGV_MAPERR && seen.si_addr == page);
  CHECK(Fault((uintptr_t)1 << 60, kRead) && seen.si_code == SI_KERNEL && seen.si_addr == 0 && seen_trap == 13);
  CHECK(Fault(0, kCall) && seen.si_code == SEGV_MAPERR && seen.si_addr == 0 && seen_rip == 0);
  CHECK(Fault((uintptr_t)1 << 60, kCall) && seen.si_code == SI_KERNEL);
  CHECK(count == 8);
  return 0;
}

/* ---- Registers of the interrupted code: readable, and what is written counts. */
static volatile greg_t found_rbx, found_r15;

static void SkipLoad(int number, siginfo_t *info, void *context) {
  greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;
  found_rbx = gregs[REG_RBX], found_r15 = gregs[REG_R15];
  Note(number, info, context);
  gregs[REG_RIP] += 3; /* mov (%rcx), %rax */
  gregs[REG_RAX] = 0x1234567890abcdef;
  gregs[REG_R14] = 77;
}

static const char *SkipsAnInstruction(void) {
  Install(SIGSEGV, SkipLoad, 0);
  uint64_t result, r14, flags;
  asm volatile(
      "push %%rbx\n\tpush %%r15\n\t"
      "mov $0x1111, %%rbx\n\tmov $0x2222, %%r15\n\tmov $1, %%r14\n\txor %%ecx, %%ecx\n\t"
      "stc\n\t"
      ".byte 0x48, 0x8b, 0x01\n\t"
      "pushfq\n\tpop %2\n\t"
      "pop %%r15\n\tpop %%rbx\n\t"
      "mov %%r14, %1"
      : "=&a"(result), "=&d"(r14), "=&S"(flags)
      :
      : "rcx", "r14", "memory", "cc");
  CHECK(count == 1 && result == 0x1234567890abcdef && r14 == 77 && (flags & 1) == 1);
  CHECK(found_rbx == 0x1111 && found_r15 == 0x2222);
  return 0;
}

static void SkipTwo(int number, siginfo_t *info, void *context) {
  seen_rip = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
  Note(number, info, context);
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

static const char *TrapsTellWhat(void) {
  Install(SIGILL, SkipTwo, 0);
  asm volatile("ud2" ::: "memory");
  CHECK(count == 1 && seen.si_signo == SIGILL && seen.si_code == ILL_ILLOPN && (greg_t)(uintptr_t)seen.si_addr == seen_rip);
  Install(SIGTRAP, Note, 0);
  asm volatile("int3" ::: "memory");
  CHECK(count == 2 && seen.si_signo == SIGTRAP && seen.si_code == SI_KERNEL);
  Install(SIGFPE, SkipTwo, 0);
  uint32_t quotient = 1, rest = 0, zero = 0;
  asm volatile("div %2" : "+a"(quotient), "+d"(rest) : "c"(zero) : "memory");
  CHECK(count == 3 && seen.si_signo == SIGFPE && seen.si_code == FPE_INTDIV && (greg_t)(uintptr_t)seen.si_addr == seen_rip);
  Install(SIGSEGV, NoteAndLeave, 0);
  if (sigsetjmp(out, 1) == 0) asm volatile("hlt");
  CHECK(count == 4 && seen.si_code == SI_KERNEL && seen.si_addr == 0);
  return 0;
}

static void MaskMxcsr(int number, siginfo_t *info, void *context) {
  Note(number, info, context);
  ((ucontext_t *)context)->uc_mcontext.fpregs->mxcsr = 0x1f80;
}

static const char *FloatingPointFaults(void) {
  Install(SIGFPE, MaskMxcsr, 0);
  feclearexcept(FE_ALL_EXCEPT);
  const unsigned before = _mm_getcsr();
  _mm_setcsr(0x1f80 & ~0x200u); /* divide by zero is not masked */
  volatile double zero = 0, one = 1;
  volatile double result = one / zero;
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  CHECK(count == 1 && seen.si_code == FPE_FLTDIV && result > 1e308);
  CHECK((after & 0x1f80) == 0x1f80);
  return 0;
}

/* ---- Vector registers. */
static volatile int frame_ok;

__attribute__((target("avx"))) static void ClobberVectors(int number, siginfo_t *info, void *context) {
  const struct _libc_fpstate *area = ((ucontext_t *)context)->uc_mcontext.fpregs;
  const uint32_t *words = (const uint32_t *)area;
  /* magic1, and magic2 behind the area. */
  const uint32_t size = words[(464 + 16) / 4];
  frame_ok = words[464 / 4] == 0x46505853 && words[size / 4] == 0x46505845 && area->_xmm[3].element[0] == 0x03030303;
  Note(number, info, context);
  asm volatile(
      "vpcmpeqd %%xmm0, %%xmm0, %%xmm0\n\tvinsertf128 $1, %%xmm0, %%ymm0, %%ymm0\n\t"
      "vmovaps %%ymm0, %%ymm1\n\tvmovaps %%ymm0, %%ymm2\n\tvmovaps %%ymm0, %%ymm3\n\tvmovaps %%ymm0, %%ymm4\n\t"
      "vmovaps %%ymm0, %%ymm5\n\tvmovaps %%ymm0, %%ymm6\n\tvmovaps %%ymm0, %%ymm7\n\tvmovaps %%ymm0, %%ymm8\n\t"
      "vmovaps %%ymm0, %%ymm9\n\tvmovaps %%ymm0, %%ymm10\n\tvmovaps %%ymm0, %%ymm11\n\tvmovaps %%ymm0, %%ymm12\n\t"
      "vmovaps %%ymm0, %%ymm13\n\tvmovaps %%ymm0, %%ymm14\n\tvmovaps %%ymm0, %%ymm15" ::
          : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
            "xmm13", "xmm14", "xmm15");
}

static uint8_t pattern[16][32] __attribute__((aligned(64))), kept[16][32] __attribute__((aligned(64)));

/* Loads ymm0-15, makes one system call (or spins until `count` changes), stores them. */
__attribute__((target("avx"), noinline)) static void HoldVectors(long number, long a, long b, long c) {
  for (int i = 0; i < 16; ++i) memset(pattern[i], i == 0 ? 0x10 : i, 32), pattern[i][31] = (uint8_t)(0x80 + i);
  register const volatile int *watched asm("r8") = &count;
  register long first asm("r9") = count;
  asm volatile(
      "vmovaps 0(%[in]), %%ymm0\n\tvmovaps 32(%[in]), %%ymm1\n\tvmovaps 64(%[in]), %%ymm2\n\tvmovaps 96(%[in]), %%ymm3\n\t"
      "vmovaps 128(%[in]), %%ymm4\n\tvmovaps 160(%[in]), %%ymm5\n\tvmovaps 192(%[in]), %%ymm6\n\tvmovaps 224(%[in]), %%ymm7\n\t"
      "vmovaps 256(%[in]), %%ymm8\n\tvmovaps 288(%[in]), %%ymm9\n\tvmovaps 320(%[in]), %%ymm10\n\tvmovaps 352(%[in]), %%ymm11\n\t"
      "vmovaps 384(%[in]), %%ymm12\n\tvmovaps 416(%[in]), %%ymm13\n\tvmovaps 448(%[in]), %%ymm14\n\tvmovaps 480(%[in]), %%ymm15\n\t"
      "test %%rax, %%rax\n\tjs 1f\n\t"
      "syscall\n\tjmp 2f\n\t"
      "1: pause\n\tcmp %%r9d, (%%r8)\n\tje 1b\n\t"
      "2: vmovaps %%ymm0, 0(%[to])\n\tvmovaps %%ymm1, 32(%[to])\n\tvmovaps %%ymm2, 64(%[to])\n\tvmovaps %%ymm3, 96(%[to])\n\t"
      "vmovaps %%ymm4, 128(%[to])\n\tvmovaps %%ymm5, 160(%[to])\n\tvmovaps %%ymm6, 192(%[to])\n\tvmovaps %%ymm7, 224(%[to])\n\t"
      "vmovaps %%ymm8, 256(%[to])\n\tvmovaps %%ymm9, 288(%[to])\n\tvmovaps %%ymm10, 320(%[to])\n\tvmovaps %%ymm11, 352(%[to])\n\t"
      "vmovaps %%ymm12, 384(%[to])\n\tvmovaps %%ymm13, 416(%[to])\n\tvmovaps %%ymm14, 448(%[to])\n\tvmovaps %%ymm15, 480(%[to])"
      : "+a"(number)
      : "D"(a), "S"(b), "d"(c), [in] "r"(pattern), [to] "r"(kept), "r"(watched), "r"(first)
      : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static volatile pthread_t victim;

static void *KillSoon(void *number) {
  SleepMs(20);
  pthread_kill(victim, (int)(intptr_t)number);
  return 0;
}

static const char *VectorsSurvive(void) {
  if (!__builtin_cpu_supports("avx")) return 0;
  Install(SIGUSR1, ClobberVectors, 0);
  for (int round = 0; round < 3; ++round) {
    memset(kept, 0, sizeof kept);
    HoldVectors(SYS_tgkill, getpid(), Tid(), SIGUSR1);
    CHECK(count == round + 1 && frame_ok && memcmp(pattern, kept, sizeof kept) == 0);
  }
  /* Interrupted anywhere, not in a call. */
  count = 0;
  for (int round = 0; round < 3; ++round) {
    pthread_t killer;
    victim = pthread_self();
    CHECK(pthread_create(&killer, 0, KillSoon, (void *)(intptr_t)SIGUSR1) == 0);
    memset(kept, 0, sizeof kept);
    HoldVectors(-1, 0, 0, 0);
    pthread_join(killer, 0);
    CHECK(count == round + 1 && frame_ok && memcmp(pattern, kept, sizeof kept) == 0);
  }
  return 0;
}

static void ChangeVector(int number, siginfo_t *info, void *context) {
  Note(number, info, context);
  ((ucontext_t *)context)->uc_mcontext.fpregs->_xmm[5].element[2] = 0xcafe;
}

static const char *VectorsOfTheFrameCount(void) {
  if (!__builtin_cpu_supports("avx")) return 0;
  Install(SIGUSR1, ChangeVector, 0);
  HoldVectors(SYS_tgkill, getpid(), Tid(), SIGUSR1);
  uint32_t changed;
  memcpy(&changed, kept[5] + 8, 4);
  CHECK(count == 1 && changed == 0xcafe && kept[5][31] == 0x85 && memcmp(pattern[4], kept[4], 32) == 0);
  return 0;
}

static volatile unsigned handler_mxcsr;
static void ReadMxcsr(int number, siginfo_t *info, void *context) {
  Note(number, info, context);
  handler_mxcsr = _mm_getcsr();
}

static const char *HandlersStartFresh(void) {
  Install(SIGUSR1, ReadMxcsr, 0);
  const unsigned before = _mm_getcsr();
  _mm_setcsr(0x1f80 & ~0x200u);
  raise(SIGUSR1);
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  CHECK(count == 1 && handler_mxcsr == 0x1f80 && (after & 0x1f80) == (0x1f80 & ~0x200u));
  return 0;
}

/* ---- The alternate stack. */
static char *alt;
static const size_t alt_size = 64 * 1024;
static volatile uintptr_t handler_sp;
static volatile int nested_on_alt;

static int SetAlt(int flags) {
  const stack_t stack = {.ss_sp = alt, .ss_flags = flags, .ss_size = alt_size};
  return sigaltstack(&stack, 0);
}

static void LeaveFromAlt(int number, siginfo_t *info, void *context) {
  char local;
  handler_sp = (uintptr_t)&local;
  stack_t now;
  sigaltstack(0, &now);
  nested_on_alt = (now.ss_flags & SS_ONSTACK) != 0 && (((ucontext_t *)context)->uc_stack.ss_size == alt_size);
  NoteAndLeave(number, info, context);
}

static volatile int forever = 1;

__attribute__((noinline)) static int Recurse(volatile char *above) {
  volatile char here[512];
  if (!forever) return 0;
  here[0] = above == 0 ? 0 : above[0];
  return Recurse(here) + here[0];
}

static const char *OverflowIsHandledOnTheAlternateStack(void) {
  alt = malloc(alt_size);
  CHECK(SetAlt(0) == 0);
  Install(SIGSEGV, LeaveFromAlt, SA_ONSTACK);
  pthread_attr_t attributes;
  void *stack;
  size_t size;
  CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0 && pthread_attr_getstack(&attributes, &stack, &size) == 0);
  pthread_attr_destroy(&attributes);
  for (int round = 0; round < 3; ++round) {
    if (sigsetjmp(out, 1) == 0) Recurse(0);
    CHECK(count == round + 1 && nested_on_alt);
    CHECK(handler_sp >= (uintptr_t)alt && handler_sp < (uintptr_t)alt + alt_size);
    const char *at = (const char *)seen.si_addr;
    CHECK(at < (char *)stack && at >= (char *)stack - 65536);
  }
  CHECK(SetAlt(SS_DISABLE) == 0);
  return 0;
}

static volatile int change_result, change_errno;
static void ChangeAlt(int number, siginfo_t *info, void *context) {
  change_result = SetAlt(SS_DISABLE), change_errno = errno;
  if (count == 0) {
    /* A second handler stays on the stack that the first one is on. */
    Note(number, info, context);
    raise(SIGUSR2);
    return;
  }
  LeaveFromAlt(number, info, context);
}

static const char *AlternateStackRules(void) {
  stack_t old;
  alt = malloc(alt_size);
  CHECK(sigaltstack(0, &old) == 0 && old.ss_flags == SS_DISABLE);
  const stack_t small = {.ss_sp = alt, .ss_flags = 0, .ss_size = 100}, odd = {.ss_sp = alt, .ss_flags = 64, .ss_size = alt_size};
  CHECK(sigaltstack(&small, 0) == -1 && errno == ENOMEM);
  CHECK(sigaltstack(&odd, 0) == -1 && errno == EINVAL);
  CHECK(SetAlt(0) == 0 && sigaltstack(0, &old) == 0 && old.ss_sp == alt && old.ss_size == alt_size && old.ss_flags == 0);
  Install(SIGUSR1, ChangeAlt, SA_ONSTACK);
  Install(SIGUSR2, ChangeAlt, SA_ONSTACK);
  if (sigsetjmp(out, 1) == 0) raise(SIGUSR1);
  CHECK(count == 2 && change_result == -1 && change_errno == EPERM);
  CHECK(handler_sp >= (uintptr_t)alt && handler_sp < (uintptr_t)alt + alt_size);
  CHECK(sigaltstack(0, &old) == 0 && old.ss_flags == 0);
  /* Without SA_ONSTACK it is not used. */
  Install(SIGUSR1, LeaveFromAlt, 0);
  if (sigsetjmp(out, 1) == 0) raise(SIGUSR1);
  CHECK(count == 3 && (handler_sp < (uintptr_t)alt || handler_sp >= (uintptr_t)alt + alt_size));
  CHECK(SetAlt(SS_DISABLE) == 0 && sigaltstack(0, &old) == 0 && old.ss_flags == SS_DISABLE);
  return 0;
}

/* ---- Masks, nesting, flags of an action. */
static volatile int depth, deepest;
static sigset_t mask_inside;

static void Nest(int number, siginfo_t *info, void *context) {
  Note(number, info, context);
  if (++depth > deepest) deepest = depth;
  pthread_sigmask(SIG_BLOCK, 0, &mask_inside);
  if (count < 4) raise(number);
  --depth;
}

static const char *NoDeferNests(void) {
  Install(SIGUSR1, Nest, SA_NODEFER);
  raise(SIGUSR1);
  CHECK(count == 4 && deepest == 4 && !sigismember(&mask_inside, SIGUSR1));
  count = 0, deepest = 0;
  Install(SIGUSR1, Nest, 0);
  raise(SIGUSR1);
  CHECK(count == 4 && deepest == 1 && sigismember(&mask_inside, SIGUSR1));
  return 0;
}

static const char *ResetHandIsOnce(void) {
  struct sigaction now;
  Install(SIGURG, Note, SA_RESETHAND);
  raise(SIGURG);
  CHECK(count == 1 && sigaction(SIGURG, 0, &now) == 0 && now.sa_handler == SIG_DFL);
  raise(SIGURG); /* ignored by default */
  CHECK(count == 1);
  return 0;
}

static volatile int order[8];
static void Order(int number, siginfo_t *info, void *context) {
  (void)info, (void)context;
  order[count & 7] = number;
  ++count;
}

static const char *MasksHoldBack(void) {
  sigset_t set, old, pending;
  sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2);
  Install(SIGUSR1, Order, 0);
  Install(SIGUSR2, Order, 0);
  CHECK(pthread_sigmask(SIG_BLOCK, &set, &old) == 0 && !sigismember(&old, SIGUSR1));
  raise(SIGUSR2), raise(SIGUSR1), raise(SIGUSR1);
  CHECK(count == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGUSR2));
  CHECK(pthread_sigmask(SIG_SETMASK, &old, 0) == 0 && count == 2);
  /* Both frames are made at once: the later one runs first. */
  CHECK(order[0] == SIGUSR2 && order[1] == SIGUSR1);
  /* Ignoring one that waits forgets it. */
  CHECK(pthread_sigmask(SIG_BLOCK, &set, 0) == 0);
  raise(SIGUSR1);
  signal(SIGUSR1, SIG_IGN);
  Install(SIGUSR1, Order, 0);
  CHECK(pthread_sigmask(SIG_SETMASK, &old, 0) == 0 && count == 2);
  sigset_t stop;
  sigemptyset(&stop), sigaddset(&stop, SIGKILL), sigaddset(&stop, SIGSTOP);
  CHECK(pthread_sigmask(SIG_BLOCK, &stop, 0) == 0 && pthread_sigmask(SIG_BLOCK, 0, &old) == 0 && !sigismember(&old, SIGKILL));
  struct sigaction action = {.sa_handler = SIG_IGN};
  CHECK(sigaction(SIGKILL, &action, 0) == -1 && errno == EINVAL);
  return 0;
}

static void Other(int number, siginfo_t *info, void *context) {
  Order(number, info, context);
  if (number == SIGUSR1) raise(SIGUSR2);
  Order(number, info, context);
}

static const char *SignalsNest(void) {
  Install(SIGUSR1, Other, 0);
  Install(SIGUSR2, Order, 0);
  raise(SIGUSR1);
  CHECK(count == 3 && order[0] == SIGUSR1 && order[1] == SIGUSR2 && order[2] == SIGUSR1);
  return 0;
}

static const char *LongJumpsOut(void) {
  Install(SIGSEGV, NoteAndLeave, 0);
  for (volatile int i = 0; i < 1000; ++i) {
    if (sigsetjmp(out, 1) == 0) *(volatile int *)8 = 1;
  }
  sigset_t now;
  CHECK(count == 1000 && pthread_sigmask(SIG_BLOCK, 0, &now) == 0 && !sigismember(&now, SIGSEGV));
  return 0;
}

/* ---- Interrupted calls. */
static int pipe_ends[2];

static void *KillThenWrite(void *number) {
  SleepMs(30);
  pthread_kill(victim, (int)(intptr_t)number);
  SleepMs(30);
  if (write(pipe_ends[1], "x", 1) != 1) return number;
  return 0;
}

static sem_t semaphore;
static void *KillThenPost(void *number) {
  SleepMs(30);
  pthread_kill(victim, (int)(intptr_t)number);
  SleepMs(30);
  sem_post(&semaphore);
  return 0;
}

static const char *RestartsCalls(void) {
  pthread_t other;
  char byte;
  victim = pthread_self();
  CHECK(pipe(pipe_ends) == 0 && sem_init(&semaphore, 0, 0) == 0);
  Install(SIGUSR1, Note, SA_RESTART);
  CHECK(pthread_create(&other, 0, KillThenWrite, (void *)(intptr_t)SIGUSR1) == 0);
  CHECK(read(pipe_ends[0], &byte, 1) == 1 && count == 1);
  pthread_join(other, 0);
  CHECK(pthread_create(&other, 0, KillThenPost, (void *)(intptr_t)SIGUSR1) == 0);
  CHECK(sem_wait(&semaphore) == 0 && count == 2);
  pthread_join(other, 0);
  /* Never made again, whatever the flag says. */
  CHECK(pthread_create(&other, 0, KillSoon, (void *)(intptr_t)SIGUSR1) == 0);
  CHECK(poll(0, 0, 3000) == -1 && errno == EINTR && count == 3);
  pthread_join(other, 0);
  Install(SIGUSR1, Note, 0);
  CHECK(pthread_create(&other, 0, KillThenWrite, (void *)(intptr_t)SIGUSR1) == 0);
  CHECK(read(pipe_ends[0], &byte, 1) == -1 && errno == EINTR && count == 4);
  pthread_join(other, 0);
  CHECK(pthread_create(&other, 0, KillSoon, (void *)(intptr_t)SIGUSR1) == 0);
  struct timespec time = {3, 0}, rest = {0, 0};
  CHECK(nanosleep(&time, &rest) == -1 && errno == EINTR && rest.tv_sec == 2 && rest.tv_nsec > 0);
  pthread_join(other, 0);
  /* Without a handler nothing is noticed. */
  CHECK(read(pipe_ends[0], &byte, 1) == 1);
  CHECK(pthread_create(&other, 0, KillThenWrite, (void *)(intptr_t)SIGWINCH) == 0);
  CHECK(read(pipe_ends[0], &byte, 1) == 1);
  pthread_join(other, 0);
  close(pipe_ends[0]), close(pipe_ends[1]);
  return 0;
}

/* ---- Waiting for signals. */
static volatile int started;
static void *WaitForOne(void *) {
  sigset_t set;
  int number = 0;
  sigemptyset(&set), sigaddset(&set, SIGUSR2), sigaddset(&set, SIGRTMIN + 3);
  pthread_sigmask(SIG_BLOCK, &set, 0);
  started = 1;
  sigwait(&set, &number);
  return (void *)(intptr_t)number;
}

static const char *WaitsForSignals(void) {
  pthread_t other;
  void *result;
  sigset_t set, pending;
  siginfo_t info;
  Install(SIGUSR2, Note, 0);
  started = 0;
  CHECK(pthread_create(&other, 0, WaitForOne, 0) == 0);
  while (!started) SleepMs(1);
  SleepMs(10);
  CHECK(pthread_kill(other, SIGUSR2) == 0 && pthread_join(other, &result) == 0);
  CHECK((intptr_t)result == SIGUSR2 && count == 0);
  /* Real-time signals queue, in order, with a value. */
  const int real = SIGRTMIN + 3;
  Install(real, Note, 0);
  sigemptyset(&set), sigaddset(&set, real);
  CHECK(pthread_sigmask(SIG_BLOCK, &set, 0) == 0);
  for (int i = 1; i <= 3; ++i) {
    const union sigval value = {.sival_int = i * 100};
    CHECK(pthread_sigqueue(pthread_self(), real, value) == 0);
  }
  for (int i = 1; i <= 3; ++i) {
    CHECK(sigwaitinfo(&set, &info) == real && info.si_value.sival_int == i * 100 && info.si_code == SI_QUEUE);
    CHECK(info.si_pid == getpid());
  }
  CHECK(sigpending(&pending) == 0 && !sigismember(&pending, real));
  const struct timespec little = {0, 20000000};
  const int64_t before = NowMs();
  CHECK(sigtimedwait(&set, &info, &little) == -1 && errno == EAGAIN && NowMs() - before >= 19);
  CHECK(pthread_sigmask(SIG_UNBLOCK, &set, 0) == 0);
  /* Instances that were not waited for reach the handler, each. */
  CHECK(pthread_sigmask(SIG_BLOCK, &set, 0) == 0);
  for (int i = 0; i < 4; ++i) pthread_kill(pthread_self(), real);
  CHECK(pthread_sigmask(SIG_UNBLOCK, &set, 0) == 0 && count == 4);
  /* The queue of a program is bounded. */
  CHECK(pthread_sigmask(SIG_BLOCK, &set, 0) == 0);
  int queued = 0, error = 0;
  const union sigval value = {.sival_int = 1};
  while (queued < 200000 && (error = pthread_sigqueue(pthread_self(), real, value)) == 0) ++queued;
  CHECK(error == EAGAIN && queued >= 32);
  signal(real, SIG_IGN);
  CHECK(pthread_sigmask(SIG_UNBLOCK, &set, 0) == 0);
  return 0;
}

static const char *SuspendsAndPauses(void) {
  pthread_t other;
  sigset_t all, none, now;
  victim = pthread_self();
  Install(SIGUSR1, Note, SA_RESTART);
  sigemptyset(&all), sigaddset(&all, SIGUSR1), sigemptyset(&none);
  CHECK(pthread_sigmask(SIG_BLOCK, &all, 0) == 0);
  raise(SIGUSR1);
  CHECK(count == 0 && sigsuspend(&none) == -1 && errno == EINTR && count == 1);
  CHECK(pthread_sigmask(SIG_BLOCK, 0, &now) == 0 && sigismember(&now, SIGUSR1));
  CHECK(pthread_sigmask(SIG_UNBLOCK, &all, 0) == 0);
  CHECK(pthread_create(&other, 0, KillSoon, (void *)(intptr_t)SIGUSR1) == 0);
  CHECK(pause() == -1 && errno == EINTR && count == 2);
  pthread_join(other, 0);
  return 0;
}

static const char *SignalfdWorksOrIsMissing(void) {
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR1);
  const int fd = signalfd(-1, &set, SFD_CLOEXEC);
  CHECK(fd >= 0 || errno == ENOSYS);
  if (fd >= 0) close(fd);
  return 0;
}

/* ---- Threads. */
static volatile int tids[4], hits[4];
static void NoteTid(int number, siginfo_t *info, void *context) {
  for (int i = 0; i < 4; ++i) {
    if (tids[i] == Tid()) ++hits[i];
  }
  Note(number, info, context);
}

static volatile int stop_threads;
static void *Spin(void *index) {
  tids[(intptr_t)index] = Tid();
  while (!stop_threads) {
    /* One computes, the others sleep. */
    if (index != 0) SleepMs(1);
  }
  return 0;
}

static const char *ThreadsGetTheirOwn(void) {
  pthread_t threads[4];
  Install(SIGUSR1, NoteTid, 0);
  stop_threads = 0;
  for (intptr_t i = 0; i < 4; ++i) tids[i] = hits[i] = 0;
  for (intptr_t i = 0; i < 4; ++i) CHECK(pthread_create(&threads[i], 0, Spin, (void *)i) == 0);
  for (int i = 0; i < 4; ++i) {
    while (tids[i] == 0) SleepMs(1);
  }
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 4; ++i) {
      const int before = count;
      CHECK(syscall(SYS_tgkill, getpid(), tids[i], SIGUSR1) == 0);
      CHECK(Eventually(before + 1) && hits[i] == round);
    }
  }
  stop_threads = 1;
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], 0);
  return 0;
}

static const char *BrokenPipe(void) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  close(ends[0]);
  Install(SIGPIPE, Note, 0);
  CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE && count == 1 && seen.si_signo == SIGPIPE && seen_tid == Tid());
  signal(SIGPIPE, SIG_IGN);
  CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE && count == 1);
  close(ends[1]);
  return 0;
}

static const char *AlarmsRing(void) {
  Install(SIGALRM, Note, SA_RESTART);
  struct itimerval timer = {.it_interval = {0, 10000}, .it_value = {0, 20000}}, left, off = {{0, 0}, {0, 0}};
  CHECK(setitimer(ITIMER_REAL, &timer, 0) == 0 && getitimer(ITIMER_REAL, &left) == 0);
  CHECK(left.it_interval.tv_usec == 10000 && left.it_value.tv_sec == 0 && left.it_value.tv_usec > 0 && left.it_value.tv_usec <= 20000);
  /* Also while nothing but a computation runs. */
  const int64_t end = NowMs() + 3000;
  while (count < 3 && NowMs() < end) {
  }
  CHECK(count >= 3 && seen.si_signo == SIGALRM);
  CHECK(setitimer(ITIMER_REAL, &off, 0) == 0);
  const int before = count;
  SleepMs(40);
  CHECK(count == before && getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_usec == 0);
  CHECK(alarm(100) == 0 && alarm(0) == 100);
  timer.it_value.tv_usec = 1000000;
  CHECK(setitimer(ITIMER_REAL, &timer, 0) == -1 && errno == EINVAL);
  return 0;
}

static const struct {
  const char *name;
  const char *(*run)(void);
} checks[] = {
    {"kill and pthread_kill tell who sent", KillTellsWho},
    {"SIGSEGV tells address, cause and access", FaultsTellWhat},
    {"a handler reads and writes registers, and skips an instruction", SkipsAnInstruction},
    {"SIGILL, SIGTRAP and SIGFPE tell where and why", TrapsTellWhat},
    {"a floating-point exception can be masked in the frame", FloatingPointFaults},
    {"vector registers survive a handler that uses them", VectorsSurvive},
    {"vector registers of the frame are those that return", VectorsOfTheFrameCount},
    {"a handler starts with fresh vector registers", HandlersStartFresh},
    {"a stack overflow is handled on the alternate stack", OverflowIsHandledOnTheAlternateStack},
    {"sigaltstack keeps its rules", AlternateStackRules},
    {"SA_NODEFER nests, its absence defers", NoDeferNests},
    {"SA_RESETHAND is once", ResetHandIsOnce},
    {"masks hold back and let go", MasksHoldBack},
    {"signals nest", SignalsNest},
    {"siglongjmp leaves a handler, a thousand times", LongJumpsOut},
    {"SA_RESTART restarts what Linux restarts", RestartsCalls},
    {"sigwait, sigtimedwait and queues of real-time signals", WaitsForSignals},
    {"sigsuspend and pause", SuspendsAndPauses},
    {"signalfd works or is cleanly missing", SignalfdWorksOrIsMissing},
    {"tgkill reaches the thread that it names", ThreadsGetTheirOwn},
    {"SIGPIPE comes to the thread that wrote", BrokenPipe},
    {"alarm and setitimer", AlarmsRing},
};
enum { kChecks = sizeof checks / sizeof checks[0] };

static void *RunCheck(void *index) { return (void *)checks[(intptr_t)index].run(); }

static napi_value Run(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value results;
  napi_create_object(env, &results);
  for (intptr_t i = 0; i < kChecks; ++i) {
    pthread_t thread;
    void *answer = "no thread";
    count = depth = deepest = 0;
    memset(touched, 0, sizeof touched);
    if (pthread_create(&thread, 0, RunCheck, (void *)i) == 0) pthread_join(thread, &answer);
    for (int number = 1; number < 65; ++number) {
      if (touched[number]) sigaction(number, &saved[number], 0);
    }
    napi_value text;
    napi_create_string_utf8(env, answer == 0 ? "ok" : answer, NAPI_AUTO_LENGTH, &text);
    napi_set_named_property(env, results, checks[i].name, text);
  }
  return results;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, Run, 0, &function);
  napi_set_named_property(env, exports, "run", function);
  return exports;
}
