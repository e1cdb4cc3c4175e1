// The test guest: a LibOS image of a few hundred lines that exercises one property of a tender per scenario (argv[0])
// and logs what it saw as "name value" lines on the kernel stream. The tests assert on those lines. Freestanding, no
// library.
#include "tender/test/guest/runtime.h"

namespace {

// ---- scenarios

void Basic() {
  Say("tender", boot->tender);
  Say("cores", boot->core_count);
  Say("limitMb", boot->memory_limit >> 20);
  Say("xsaveMask", boot->xsave_mask);
  Say("xsaveSize", boot->xsave_size);
  Say("environmentSize", boot->environment_size);
  Say("optionsSize", boot->options_size);
  uint64_t random[32] = {};
  SaySigned("random", Hc(EBB_HC_RANDOM, reinterpret_cast<uint64_t>(random), sizeof random));
  uint64_t zeros = 0;
  for (const uint64_t word : random) zeros += word == 0;
  Say("randomZeros", zeros);
  SaySigned("randomTooLong", Hc(EBB_HC_RANDOM, reinterpret_cast<uint64_t>(random), 257));
  SaySigned("randomBadAddress", Hc(EBB_HC_RANDOM, 0x1000, 8));
  SaySigned("randomReadOnly", Hc(EBB_HC_RANDOM, EBB_BOOT_INFO, 8));
  const uint64_t before = ClockNs();
  const uint64_t tail = core->cq_tail;
  HcEnter(EBB_ENTER_WAIT, tail, 0, 20000000);
  Say("sleptUs", (ClockNs() - before) / 1000);
  HcEnter(EBB_ENTER_WAIT, core->cq_tail + 1, -1, 0);  // not the tail: returns at once
  uint64_t back = 0, previous = ClockNs();
  for (int i = 0; i < 100000; ++i) {
    const uint64_t now = ClockNs();
    back += now < previous;
    previous = now;
  }
  Say("clockWentBack", back);
  Say("clockNs", ClockNs());
  Put("to stdout\n");
  Flush(EBB_LOG_STDOUT);
  Put("to stderr\n");
  Flush(EBB_LOG_STDERR);
}

void Fault(const char* name, void (*code)(), uint64_t argument) {
  last.vector = 999;
  last.address = 0;
  const long result = UserTry(code, argument);
  Put(name);
  PutChar(' ');
  PutNumber(last.vector);
  PutChar(' ');
  PutNumber(last.address == argument);
  PutChar(' ');
  PutNumber(static_cast<uint64_t>(result));
  PutChar(' ');
  PutNumber(last.gpr[EBB_RDI] == argument);
  PutChar('\n');
  Flush();
}

void Faults() {
  const uint64_t page = EBB_ARENA_BASE + 0x40000000;
  Fault("ud", UserUd, 1);
  Fault("divide", UserDivide, 2);
  Fault("breakpoint", UserBreakpoint, 3);
  Fault("halt", UserHalt, 4);
  Fault("simd", UserSimd, 5);
  Fault("x87", UserX87, 6);
  Fault("readNull", UserRead, 8);
  Fault("writeNull", UserWrite, 8);
  Fault("callNull", UserExecute, 0);
  Fault("readArena", UserRead, page);
  Fault("writeArena", UserWrite, page);
  Fault("readFarArena", UserRead, EBB_ARENA_END - 0x1000);
  Fault("readBeyond", UserRead, EBB_ARENA_END + 0x1000);
  Fault("writeKernelText", UserWrite, reinterpret_cast<uint64_t>(guest_text_start));
  Fault("writeBootInfo", UserWrite, EBB_BOOT_INFO);
  Fault("writeClock", UserWrite, EBB_CLOCK);
  Fault("writePage", UserWrite, EBB_HYPERCALL_PAGE);
  Hc(EBB_HC_PROTECT, page, 0x3000, EBB_PROT_READ | EBB_PROT_WRITE);
  *reinterpret_cast<volatile uint64_t*>(page) = 42;
  *reinterpret_cast<volatile uint64_t*>(page + 0x1000) = 43;
  Hc(EBB_HC_PROTECT, page, 0x1000, EBB_PROT_READ);
  Hc(EBB_HC_PROTECT, page + 0x1000, 0x1000, 0);
  Fault("writeReadOnly", UserWrite, page);
  Fault("readNone", UserRead, page + 0x1000);
  Fault("executeNone", UserExecute, page + 0x1000);
  Fault("beyondCommitted", UserRead, page + 0x3000);
  Say("kept", *reinterpret_cast<volatile uint64_t*>(page));
  Hc(EBB_HC_PROTECT, page, 0x3000, EBB_PROT_READ | EBB_PROT_WRITE);
  Say("keptThroughNone", *reinterpret_cast<volatile uint64_t*>(page + 0x1000));
  Fault("copyTo", UserCopy, page + 0x3000);
  Fault("straddle", UserStraddle, page + 0x3000);
  Fault("align", UserAlign, page);
  Fault("noncanonical", UserRead, 0x8000000000000000ull);
}

// A region of large pages, committed at once, of which parts are taken away, protected and given back.
void LargePages() {
  constexpr uint64_t kLarge = 2ull << 20, kPage = 4096;
  const uint64_t rw = EBB_PROT_READ | EBB_PROT_WRITE;
  const uint64_t base = EBB_ARENA_BASE + 0x40000000;
  SaySigned("commit", Hc(EBB_HC_PROTECT, base, 4 * kLarge, rw));
  const auto word = [](uint64_t address)->volatile uint64_t& { return *reinterpret_cast<volatile uint64_t*>(address); };
  for (uint64_t at = base; at < base + 4 * kLarge; at += kPage) word(at) = at;
  // A hole in the second page, a read-only place in the third, all of the fourth gone.
  const uint64_t hole = base + kLarge + 64 * kPage, fixed = base + 2 * kLarge + 3 * kPage, gone = base + 3 * kLarge;
  SaySigned("close", Hc(EBB_HC_PROTECT, hole, 16 * kPage, 0));
  Fault("closedRead", UserRead, hole + kPage);
  SaySigned("giveBack", Hc(EBB_HC_DISCARD, hole, 16 * kPage));
  SaySigned("readOnly", Hc(EBB_HC_PROTECT, fixed, kPage, EBB_PROT_READ));
  SaySigned("closeLast", Hc(EBB_HC_PROTECT, gone, kLarge, 0) | Hc(EBB_HC_DISCARD, gone, kLarge));
  Fault("holeRead", UserRead, hole);
  Fault("holeWrite", UserWrite, hole + 15 * kPage);
  Fault("fixedWrite", UserWrite, fixed);
  Fault("goneRead", UserRead, gone + kLarge - kPage);
  Fault("behind", UserRead, base + 4 * kLarge);
  uint64_t wrong = 0;
  for (uint64_t at = base; at < gone; at += kPage) wrong += (at < hole || at >= hole + 16 * kPage) && word(at) != at;
  Say("wrong", wrong);
  // Back again, zero, beside what stayed.
  SaySigned("again", Hc(EBB_HC_PROTECT, base + kLarge, 3 * kLarge, rw));
  uint64_t nonzero = 0;
  for (uint64_t at = hole; at < hole + 16 * kPage; at += 8) nonzero += word(at) != 0;
  for (uint64_t at = gone; at < gone + kLarge; at += 8) nonzero += word(at) != 0;
  Say("nonzero", nonzero);
  for (uint64_t at = base; at < base + 4 * kLarge; at += kPage) word(at) = ~at;
  wrong = 0;
  for (uint64_t at = base; at < base + 4 * kLarge; at += kPage) wrong += word(at) != ~at;
  Say("wrongAgain", wrong);
  SaySigned("clear", Hc(EBB_HC_DISCARD, base, kLarge));
  Say("cleared", word(base) | word(base + kLarge - 8));
  SaySigned("end", Hc(EBB_HC_PROTECT, base, 4 * kLarge, 0) | Hc(EBB_HC_DISCARD, base, 4 * kLarge));
  Fault("nothing", UserRead, base);
}

void Syscalls() {
  resume_after_syscall = true;
  SaySigned("getpid", UserSyscall(39, 0, 0, 0, 0, 0, 0));
  SaySigned("reason", last.reason);
  SaySigned("nr", static_cast<long>(last.gpr[EBB_RAX]));
  SaySigned("arguments", UserSyscall(12345, 1, 2, 3, 4, 5, 6));
  const uint64_t* r = last.gpr;
  Say("argumentsOk",
      r[EBB_RDI] == 1 && r[EBB_RSI] == 2 && r[EBB_RDX] == 3 && r[EBB_R10] == 4 && r[EBB_R8] == 5 && r[EBB_R9] == 6);
  const uint64_t before = ClockNs();
  for (int i = 0; i < 1000; ++i) UserSyscall(1, 0, 0, 0, 0, 0, 0);
  Say("costNs", (ClockNs() - before) / 1000);
}

void Ticks() {
  tick_goal = 20;
  tick_stop = 0;
  const uint64_t before = ClockNs();
  Hc(EBB_HC_TICK, 1000);
  UserSpin(&tick_stop);
  Say("ticks", ticks);
  Say("ticksUs", (ClockNs() - before) / 1000);
  Say("withoutState", ticks_without_state);
  tick_goal = 40;
  tick_stop = 0;
  Hc(EBB_HC_TICK, 1000);
  SaySigned("corrupted", UserSpinVector(&tick_stop));
  Say("ticks", ticks);
  // In LibOS text a tick is only noted.
  core->tick_pending = 0;
  Hc(EBB_HC_TICK, 1000);
  while (__atomic_load_n(&core->tick_pending, __ATOMIC_ACQUIRE) == 0) {
  }
  Say("ticksAfterPending", ticks);
  // Cancelled: none comes.
  core->tick_pending = 0;
  Hc(EBB_HC_TICK, 2000);
  Hc(EBB_HC_TICK, 0);
  HcEnter(EBB_ENTER_WAIT, core->cq_tail, 0, 10000000);
  Say("pendingAfterCancel", core->tick_pending);
  Say("ticksAfterCancel", ticks);
}

void Touch(uint64_t address, uint64_t size) {
  for (uint64_t at = 0; at < size; at += 4096) *reinterpret_cast<volatile uint64_t*>(address + at) = at + 1;
}

void Memory() {
  constexpr uint64_t kMb = 1ull << 20;
  const uint64_t limit = boot->memory_limit;
  const uint64_t rw = EBB_PROT_READ | EBB_PROT_WRITE;
  SaySigned("heap", Hc(EBB_HC_PROTECT, EBB_HEAP_BASE, 8 * kMb, rw));
  Touch(EBB_HEAP_BASE, 8 * kMb);
  const uint64_t rest = limit - 8 * kMb;
  const uint64_t base = EBB_ARENA_BASE + 0x123000;
  SaySigned("tooMuch", Hc(EBB_HC_PROTECT, base, rest + 4096, rw));
  SaySigned("all", Hc(EBB_HC_PROTECT, base, rest, rw));
  SaySigned("oneMore", Hc(EBB_HC_PROTECT, EBB_ARENA_END - 0x1000, 4096, rw));
  Say("zero", *reinterpret_cast<volatile uint64_t*>(base + rest - 8));
  Touch(base, 4 * kMb);
  SaySigned("none", Hc(EBB_HC_PROTECT, base, 4 * kMb, 0));
  SaySigned("stillFull", Hc(EBB_HC_PROTECT, EBB_ARENA_END - 0x1000, 4096, rw));
  SaySigned("discardNone", Hc(EBB_HC_DISCARD, base, 4 * kMb));
  SaySigned("released", Hc(EBB_HC_PROTECT, EBB_ARENA_END - 4 * kMb, 4 * kMb, rw));
  Touch(EBB_ARENA_END - 4 * kMb, 4 * kMb);
  SaySigned("fullAgain", Hc(EBB_HC_PROTECT, base, 4096, rw));
  SaySigned("discard", Hc(EBB_HC_DISCARD, EBB_ARENA_END - 4 * kMb, 2 * kMb));
  Say("discarded", *reinterpret_cast<volatile uint64_t*>(EBB_ARENA_END - 4 * kMb));
  Say("notDiscarded", *reinterpret_cast<volatile uint64_t*>(EBB_ARENA_END - 2 * kMb));
  SaySigned("discardedStillHeld", Hc(EBB_HC_PROTECT, base, 4096, rw));
  // One page in each of many distant places: no more of the host than the limit allows.
  uint64_t places = 0;
  Hc(EBB_HC_PROTECT, EBB_ARENA_END - 4 * kMb, 4 * kMb, 0);
  Hc(EBB_HC_DISCARD, EBB_ARENA_END - 4 * kMb, 4 * kMb);
  while (places < 1900 && Hc(EBB_HC_PROTECT, EBB_ARENA_BASE + (places << 26) + 0x40000000, 4096, rw) == 0) ++places;
  Say("places", places);
  for (uint64_t i = 0; i < places; ++i) {
    Hc(EBB_HC_PROTECT, EBB_ARENA_BASE + (i << 26) + 0x40000000, 4096, 0);
    Hc(EBB_HC_DISCARD, EBB_ARENA_BASE + (i << 26) + 0x40000000, 4096);
  }
  // Mixed runs in one call.
  SaySigned("free", Hc(EBB_HC_PROTECT, EBB_HEAP_BASE, 8 * kMb, 0) | Hc(EBB_HC_DISCARD, EBB_HEAP_BASE, 8 * kMb));
  for (uint64_t i = 0; i < 64; i += 2) Hc(EBB_HC_PROTECT, EBB_HEAP_BASE + i * 4096, 4096, rw);
  *reinterpret_cast<volatile uint64_t*>(EBB_HEAP_BASE + 8192) = 9;
  SaySigned("mixed", Hc(EBB_HC_PROTECT, EBB_HEAP_BASE, 64 * 4096, rw));
  Touch(EBB_HEAP_BASE + 4096, 4096);
  Say("mixedKept", *reinterpret_cast<volatile uint64_t*>(EBB_HEAP_BASE + 8192));
  SaySigned("unaligned", Hc(EBB_HC_PROTECT, EBB_HEAP_BASE + 1, 4096, rw));
  SaySigned("wrap", Hc(EBB_HC_PROTECT, EBB_HEAP_BASE, ~0xfffull, rw));
  SaySigned("badProt", Hc(EBB_HC_PROTECT, EBB_HEAP_BASE, 4096, 8));
  SaySigned("kernelText", Hc(EBB_HC_PROTECT, EBB_KERNEL_BASE, 4096, rw));
  SaySigned("bootInfo", Hc(EBB_HC_PROTECT, EBB_BOOT_INFO, 4096, rw));
  SaySigned("rings", Hc(EBB_HC_DISCARD, EBB_RINGS, 4096));
  SaySigned("exe", Hc(EBB_HC_PROTECT, EBB_EXE_BASE, 4096, EBB_PROT_READ | EBB_PROT_EXEC));
  SaySigned("exeWritable", Hc(EBB_HC_PROTECT, EBB_EXE_BASE, 4096, rw));
  SaySigned("exeIntoKernel", Hc(EBB_HC_PROTECT, EBB_EXE_END - 4096, 8192, rw));
  SaySigned("exeGap", Hc(EBB_HC_PROTECT, EBB_EXE_END - 4096, 4096, EBB_PROT_READ));
}

// Commits and touches pages until that is refused, one in each `stride` bytes, and stays.
void Fill(uint64_t stride) {
  const uint64_t rw = EBB_PROT_READ | EBB_PROT_WRITE;
  const uint64_t step = stride < (1ull << 20) ? 1ull << 20 : stride;
  const uint64_t size = stride < (1ull << 20) ? 1ull << 20 : 4096;
  uint64_t bytes = 0;
  for (uint64_t at = EBB_ARENA_BASE; at < EBB_ARENA_END; at += step) {
    if (Hc(EBB_HC_PROTECT, at, size, rw) != 0) break;
    Touch(at, size);
    bytes += size;
  }
  Say("bytes", bytes);
  for (;;) Reap(1);
}

// Every call must come back as a SYSCALL upcall, or be harmless: nothing may change. Process tender only.
uint64_t FindSyscall() {
  const auto* page = reinterpret_cast<const uint8_t*>(EBB_HYPERCALL_PAGE);
  for (uint32_t i = 0; i + 1 < 0xe00; ++i) {
    if (page[i] == 0x0f && page[i + 1] == 0x05) return EBB_HYPERCALL_PAGE + i;
  }
  return 0;
}

void Raw(const char* name, long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
  last.reason = 0;
  UserJumpSyscall(FindSyscall(), number, a, b, c, d, e, f);
  Put(name);
  PutChar(' ');
  PutNumber(last.reason == EBB_UPCALL_SYSCALL && static_cast<long>(last.gpr[EBB_RAX]) == number);
  PutChar('\n');
  Flush();
}

void Hostile() {
  // From user code, with arguments that the page would be allowed to use.
  resume_after_syscall = true;
  SaySigned("userWrite", UserSyscall(1, 0, EBB_DATA, 8, 0, 0, 0));
  SaySigned("userFutex", UserSyscall(202, EBB_RINGS, 0, 12345, 0, 0, 0));
  SaySigned("userExit", UserSyscall(231, 0, 0, 0, 0, 0, 0));
  resume_after_syscall = false;
  // From the page itself, with arguments that it never uses.
  Raw("open", 2, EBB_DATA, 0, 0, 0, 0, 0);
  Raw("socket", 41, 2, 1, 0, 0, 0, 0);
  Raw("clone", 56, 17, 0, 0, 0, 0, 0);
  Raw("fork", 57, 0, 0, 0, 0, 0, 0);
  Raw("execve", 59, EBB_DATA, 0, 0, 0, 0, 0);
  Raw("kill", 62, 1, 9, 0, 0, 0, 0);
  Raw("ptrace", 101, 0, 0, 0, 0, 0, 0);
  Raw("prctl", 157, 1, 0, 0, 0, 0, 0);
  Raw("seccomp", 317, 1, 0, EBB_DATA, 0, 0, 0);
  Raw("writeOther", 1, 1, EBB_DATA, 8, 0, 0, 0);
  Raw("writeHighFd", 1, 0x100000000ull, EBB_DATA, 8, 0, 0, 0);
  Raw("writeLong", 1, 0, EBB_DATA, 4096, 0, 0, 0);
  Raw("protectKernel", 10, EBB_KERNEL_BASE, 4096, 7, 0, 0, 0);
  Raw("protectPage", 10, EBB_HYPERCALL_PAGE, 4096, 7, 0, 0, 0);
  Raw("protectClock", 10, EBB_CLOCK, 4096, 3, 0, 0, 0);
  Raw("protectFs", 10, EBB_FS_BASE, 4096, 3, 0, 0, 0);
  Raw("protectAcross", 10, EBB_EXE_END - 4096, 8192, 3, 0, 0, 0);
  Raw("protectAcrossLow", 10, EBB_HEAP_BASE - 4096, 8192, 3, 0, 0, 0);
  Raw("protectLong", 10, EBB_EXE_BASE, 0x100000000ull, 3, 0, 0, 0);
  Raw("protectWrap", 10, EBB_EXE_BASE, ~0xfffull, 3, 0, 0, 0);
  Raw("protectWrapCarry", 10, EBB_HEAP_BASE, ~0ull - EBB_HEAP_BASE + 1 + EBB_EXE_BASE, 3, 0, 0, 0);
  Raw("protectGrowsDown", 10, EBB_HEAP_BASE, 4096, 0x01000003, 0, 0, 0);
  Raw("protectEnd", 10, EBB_ARENA_END, 4096, 3, 0, 0, 0);
  Raw("mmapShared", 9, EBB_HEAP_BASE, 4096, 3, 0x4031, ~0ull, 0);
  Raw("mmapFile", 9, EBB_HEAP_BASE, 4096, 3, 0x12, 0, 0);
  Raw("mmapOver", 9, EBB_KERNEL_BASE, 4096, 3, 0x4032, ~0ull, 0);
  Raw("mmapAnywhere", 9, 0, 4096, 3, 0x4022, ~0ull, 0);
  Raw("mmapLow", 9, 0x10000, 4096, 3, 0x4032, ~0ull, 0);
  Raw("munmapKernel", 11, EBB_KERNEL_BASE, 4096, 0, 0, 0, 0);
  Raw("munmapAll", 11, 0, 0x7ffffffff000ull, 0, 0, 0, 0);
  Raw("mremap", 25, EBB_HEAP_BASE, 4096, 8192, 1, 0, 0);
  Raw("madviseKernel", 28, EBB_KERNEL_BASE, 4096, 4, 0, 0, 0);
  Raw("madviseMerge", 28, EBB_HEAP_BASE, 4096, 12, 0, 0, 0);
  Raw("futexImage", 202, EBB_EXE_BASE, 0, 0, 0, 0, 0);
  Raw("futexWake", 202, EBB_RINGS, 1, 1, 0, 0, 0);
  Raw("futexRequeue", 202, EBB_RINGS, 3, 1, 1, EBB_RINGS + 64, 0);
  Raw("timerVirtual", 38, 1, EBB_DATA, 0, 0, 0, 0);
  Raw("randomLong", 318, EBB_DATA, 257, 0, 0, 0, 0);
  Raw("ioUring", 425, 8, EBB_DATA, 0, 0, 0, 0);
  Raw("userfaultfd", 323, 0, 0, 0, 0, 0, 0);
  Raw("processVmRead", 310, 1, EBB_DATA, 1, EBB_DATA, 1, 0);
  Raw("shmat", 30, 0, 0, 0, 0, 0, 0);
  Raw("rseq", 334, EBB_DATA, 32, 0, 0, 0, 0);
  Say("alive", 1);
  // Bounded by RLIMIT_AS, not by the page's own count.
  const uint64_t limit = boot->memory_limit;
  uint64_t got = 0;
  for (uint64_t at = EBB_ARENA_BASE; got <= limit * 2; at += 1 << 20, got += 1 << 20) {
    register uint64_t r10 asm("r10") = 0x4032;
    register uint64_t r8 asm("r8") = ~0ull;
    register uint64_t r9 asm("r9") = 0;
    long result;
    // The page's instruction again, but with a return: through the restorer's neighbour there is none, so the hypercall
    // itself is used.
    (void)r10, (void)r8, (void)r9;
    result = Hc(EBB_HC_PROTECT, at, 1 << 20, 3);
    if (result < 0) break;
    // The count in the guest's memory is forged.
    *reinterpret_cast<volatile uint64_t*>(0x13000000) = 0;
  }
  Say("forgedLimitHolds", got <= limit);
}

void Bench() {
  const uint64_t before = ClockNs();
  for (int i = 0; i < 2000; ++i) HcEnter(0, 0, 0, 0);
  Say("enterNs", (ClockNs() - before) / 2000);
  const uint64_t submit = ClockNs();
  for (int i = 0; i < 500; ++i) {
    Push(EBB_OP_NOP, 0, 0, 0, 0);
    HcEnter(EBB_ENTER_SUBMIT, 0, 0, 0);
    Reap(1);
  }
  Say("submitAndWaitNs", (ClockNs() - submit) / 500);
  Hc(EBB_HC_PROTECT, EBB_ARENA_BASE, 1 << 21, 3);
  const uint64_t fault = ClockNs();
  for (int i = 0; i < 200; ++i) UserTry(UserUd, 0);
  Say("faultNs", (ClockNs() - fault) / 200);
  const uint64_t null_read = ClockNs();
  for (int i = 0; i < 200; ++i) UserTry(UserRead, 8);
  Say("pageFaultNs", (ClockNs() - null_read) / 200);
  Hc(EBB_HC_PROTECT, EBB_ARENA_BASE, 4096, 0);
  const uint64_t none = ClockNs();
  for (int i = 0; i < 200; ++i) UserTry(UserRead, EBB_ARENA_BASE);
  Say("protNoneFaultNs", (ClockNs() - none) / 200);
  const uint64_t protect = ClockNs();
  for (int i = 0; i < 500; ++i) Hc(EBB_HC_PROTECT, EBB_ARENA_BASE + 0x10000, 4096, i % 2 == 0 ? 1 : 3);
  Say("protectNs", (ClockNs() - protect) / 500);
}

// ---- network

// The completions after cq_head, one at a time.
ebb_cqe Next() {
  for (;;) {
    const uint32_t tail = __atomic_load_n(&core->cq_tail, __ATOMIC_ACQUIRE);
    if (tail != core->cq_head) break;
    __atomic_store_n(&core->waiting, 1u, __ATOMIC_SEQ_CST);
    HcEnter(EBB_ENTER_SUBMIT | EBB_ENTER_WAIT, tail, -1, 0);
    __atomic_store_n(&core->waiting, 0u, __ATOMIC_SEQ_CST);
  }
  ebb_cqe entry;
  const ebb_cqe& source = core->cq[core->cq_head % EBB_CQ_ENTRIES];
  entry.user_data = source.user_data;
  entry.result = source.result;
  entry.flags = source.flags;
  entry.arg0 = source.arg0;
  __atomic_store_n(&core->cq_head, core->cq_head + 1, __ATOMIC_RELEASE);
  return entry;
}

// Connections that came while another completion was waited for.
uint32_t accepted[16], accepted_count, accepted_taken;

uint32_t Accept() {
  while (accepted_taken == accepted_count) accepted[accepted_count++ % 16] = static_cast<uint32_t>(Next().result);
  return accepted[accepted_taken++ % 16];
}

ebb_cqe Do(uint16_t op, uint32_t handle, uint32_t buffer, uint32_t length, uint64_t arg0 = 0, uint64_t arg1 = 0) {
  Push(op, 0, buffer, length, arg0);
  ebb_sqe& entry = core->sq[(core->sq_tail - 1) % EBB_SQ_ENTRIES];
  entry.handle = handle;
  entry.arg1 = arg1;
  entry.user_data = op == EBB_OP_LISTEN ? 1 : 2;
  for (bool listening = op == EBB_OP_LISTEN;;) {
    const ebb_cqe done = Next();
    if (done.user_data == 2 || listening) return done;
    accepted[accepted_count++ % 16] = static_cast<uint32_t>(done.result);
  }
}

constexpr uint32_t kBuffer = 0x10000;

// Sends back what each connection sends, until one says "quit".
void Echo() {
  Do(EBB_OP_LISTEN, 0, 0, 0, 8080);
  for (bool quit = false; !quit;) {
    const uint32_t handle = Accept();
    for (;;) {
      const int32_t count = Do(EBB_OP_RECV, handle, kBuffer, 4096).result;
      if (count <= 0) break;
      quit = quit || data[kBuffer] == 'q';
      Do(EBB_OP_SEND, handle, kBuffer, static_cast<uint32_t>(count));
    }
    Do(EBB_OP_CLOSE, handle, 0, 0);
  }
}

void Connect(uint64_t port) {
  const int32_t handle = Do(EBB_OP_CONNECT, 0, 0, 0, EBB_NET_GATEWAY, port).result;
  SaySigned("connected", handle > 0 ? 1 : handle);
  if (handle > 0) {
    data[kBuffer] = 'h';
    data[kBuffer + 1] = 'i';
    SaySigned("sent", Do(EBB_OP_SEND, static_cast<uint32_t>(handle), kBuffer, 2).result);
    SaySigned("received", Do(EBB_OP_RECV, static_cast<uint32_t>(handle), kBuffer, 100).result);
    Do(EBB_OP_CLOSE, static_cast<uint32_t>(handle), 0, 0);
  }
  SaySigned("loopback", Do(EBB_OP_CONNECT, 0, 0, 0, 0x7f000001, port).result);
  const int32_t udp = Do(EBB_OP_UDP_OPEN, 0, 0, 0).result;
  SaySigned("udp", udp > 0 ? 1 : udp);
}

uint64_t written = 1;  // in the image's data

// As a clone that is snapshotted, and in the clones of that: memory given back, read as zero, taken, made executable;
// parked again and again.
void Function() {
  constexpr uint64_t kPage = EBB_PAGE_SIZE;
  const auto word = [](uint64_t address)->volatile uint64_t& { return *reinterpret_cast<volatile uint64_t*>(address); };
  const uint64_t fresh = EBB_ARENA_BASE + boot->memory_limit;
  SaySigned("givenBack", Hc(EBB_HC_PROTECT, EBB_HEAP_BASE + 3 * kPage, kPage, 0) |
                             Hc(EBB_HC_DISCARD, EBB_HEAP_BASE + 3 * kPage, kPage));
  SaySigned("discarded", Hc(EBB_HC_DISCARD, EBB_HEAP_BASE + 2 * kPage, kPage));
  Say("zero", word(EBB_HEAP_BASE + 2 * kPage));
  SaySigned("taken", Hc(EBB_HC_PROTECT, fresh, kPage, 3));
  word(fresh) = 0xc3;  // ret
  SaySigned("executable", Hc(EBB_HC_PROTECT, fresh, kPage, EBB_PROT_READ | EBB_PROT_EXEC));
  written = 5;
  for (uint64_t round = 1;; ++round) {
    while (__atomic_load_n(&core->park_requested, __ATOMIC_ACQUIRE) == 0) {
      HcEnter(EBB_ENTER_WAIT, core->cq_tail, -1, 0);
      core->cq_head = core->cq_tail;
    }
    written += 1;
    const uint64_t before = ClockNs();
    const long result = GuestPark(boot->hypercalls[EBB_HC_PARK]);
    if (result == 0) {
      Say("wentOn", round);
      continue;
    }
    used = 0;
    SaySigned("function", result);
    Say("round", round);
    Say("clockWentOn", ClockNs() > before);
    Say("kept", word(EBB_HEAP_BASE));
    Say("written", written);
    Say("zero", word(EBB_HEAP_BASE + 2 * kPage));
    Fault("gone", UserRead, EBB_HEAP_BASE + 3 * kPage);
    Fault("writeReadOnly", UserWrite, EBB_HEAP_BASE + kPage);
    Fault("writeCode", UserWrite, fresh);
    Say("code", word(fresh));
    SaySigned("beyond", Hc(EBB_HC_PROTECT, fresh + kPage, kPage, 3));
    SaySigned("released", Hc(EBB_HC_PROTECT, fresh, kPage, 0) | Hc(EBB_HC_DISCARD, fresh, kPage));
    SaySigned("again", Hc(EBB_HC_PROTECT, fresh, kPage, 3));
    Say("fresh", word(fresh));
    word(fresh) = 0xc3;
    Hc(EBB_HC_PROTECT, fresh, kPage, EBB_PROT_READ | EBB_PROT_EXEC);
    Push(EBB_OP_LISTEN, 0, 0, 0, 8080);
    HcEnter(EBB_ENTER_SUBMIT, 0, 0, 0);
  }
}

// Parks when it is asked to, and tells as a clone what it finds.
void Template() {
  constexpr uint64_t kPage = EBB_PAGE_SIZE;
  auto* kept = reinterpret_cast<volatile uint64_t*>(EBB_HEAP_BASE);
  Hc(EBB_HC_PROTECT, EBB_HEAP_BASE, 4 * kPage, 3);
  kept[0] = 42;
  kept[2 * kPage / 8] = 45;
  kept[3 * kPage / 8] = 43;
  Hc(EBB_HC_PROTECT, EBB_HEAP_BASE + kPage, kPage, 1);
  Hc(EBB_HC_PROTECT, EBB_HEAP_BASE + 3 * kPage, kPage, 0);
  written = 2;
  SaySigned("unasked", GuestPark(boot->hypercalls[EBB_HC_PARK]));
  const uint64_t before = ClockNs();
  Push(EBB_OP_LISTEN, 0, 0, 0, 8080);
  HcEnter(EBB_ENTER_SUBMIT, 0, 0, 0);
  Reap(1);
  while (__atomic_load_n(&core->park_requested, __ATOMIC_ACQUIRE) == 0) HcEnter(EBB_ENTER_WAIT, core->cq_tail, -1, 0);
  const long generation = GuestPark(boot->hypercalls[EBB_HC_PARK]);
  used = 0;
  SaySigned("generation", generation);
  Say("kept", kept[0]);
  Say("written", written);
  Say("clockWentOn", ClockNs() > before);
  Say("bootInfo", boot->magic == EBB_BOOT_MAGIC);
  uint64_t random = 0;
  SaySigned("randomResult", Hc(EBB_HC_RANDOM, reinterpret_cast<uint64_t>(&random), sizeof random));
  Say("random", random);
  Fault("readNone", UserRead, EBB_HEAP_BASE + 3 * kPage);
  Fault("writeReadOnly", UserWrite, EBB_HEAP_BASE + kPage);
  SaySigned("back", Hc(EBB_HC_PROTECT, EBB_HEAP_BASE + 3 * kPage, kPage, 3));
  Say("keptBehind", kept[3 * kPage / 8]);
  SaySigned("held", Hc(EBB_HC_PROTECT, EBB_ARENA_BASE, boot->memory_limit - 4 * kPage, 3));
  SaySigned("beyond", Hc(EBB_HC_PROTECT, EBB_ARENA_BASE + boot->memory_limit, kPage, 3));
  resume_after_syscall = true;
  SaySigned("getpid", UserSyscall(39, 0, 0, 0, 0, 0, 0));
  kept[0] = 44;  // of this clone alone
  Push(EBB_OP_LISTEN, 0, 0, 0, 8080);
  HcEnter(EBB_ENTER_SUBMIT, 0, 0, 0);
  Function();
}

void Run(const char* name) {
  if (Equal(name, "basic")) {
    Basic();
    Exit(EBB_EXIT_NORMAL, 7);
  } else if (Equal(name, "faults")) {
    Faults();
  } else if (Equal(name, "syscalls")) {
    Syscalls();
  } else if (Equal(name, "ticks")) {
    Ticks();
  } else if (Equal(name, "largepages")) {
    LargePages();
  } else if (Equal(name, "memory")) {
    Memory();
  } else if (Equal(name, "fill")) {
    Fill(4096);
  } else if (Equal(name, "fill2m")) {
    Fill(2ull << 20);
  } else if (Equal(name, "fill64m")) {
    Fill(64ull << 20);
  } else if (Equal(name, "hostile")) {
    Hostile();
  } else if (Equal(name, "bench")) {
    Bench();
  } else if (Equal(name, "out")) {
    Fault("out", UserOut, 9);
    Fault("cli", UserCli, 9);
    Fault("int80", UserInt80, 9);
  } else if (Equal(name, "int80")) {
    UserInt80();
  } else if (Equal(name, "idle")) {
    Push(EBB_OP_LISTEN, 0, 0, 0, 8080);
    HcEnter(EBB_ENTER_SUBMIT, 0, 0, 0);
    Reap(1);
    for (;;) Reap(1);
  } else if (Equal(name, "naps")) {
    Say("napping", 1);
    const uint64_t start = ClockNs();
    while (ClockNs() - start < 1000000000) HcEnter(EBB_ENTER_WAIT, core->cq_tail, 1, 0);
    Say("naptimeMs", (ClockNs() - start) / 1000000);
  } else if (Equal(name, "template")) {
    Template();
  } else if (Equal(name, "echo")) {
    Echo();
  } else if (Equal(name, "connect")) {
    // The port is the program's second argument.
    const char* text = name;
    while (*text++ != 0) {
    }
    uint64_t port = 0;
    while (*text != 0) port = port * 10 + static_cast<uint64_t>(*text++ - '0');
    Connect(port);
  } else if (Equal(name, "spin")) {
    Say("spinning", 1);
    Put("last words\n");
    Push(EBB_OP_LOG, EBB_LOG_STDOUT, 0, used, 0);  // never submitted by an enter
    UserSpinForever();
  } else if (Equal(name, "abort")) {
    const char text[] = "abort() was called \xff\n";
    for (size_t i = 0; i < sizeof text; ++i) core->report[i] = text[i];
    Exit(EBB_EXIT_SIGNAL, 6);
  } else if (Equal(name, "fault")) {
    Exit(EBB_EXIT_FAULT, 11);
  } else if (Equal(name, "panic")) {
    Exit(EBB_EXIT_PANIC, 0);
  } else if (Equal(name, "outofmemory")) {
    Exit(EBB_EXIT_MEMORY, 0);
  } else if (Equal(name, "badkind")) {
    Exit(99, 0);
  } else if (Equal(name, "doublefault")) {
    // The upcall's own stack is unusable: nothing sane can be delivered.
    asm volatile("mov $0x1000, %rsp; push %rax");
  } else if (Equal(name, "badring")) {
    core->sq_tail = core->sq_head + 0x10000;
    HcEnter(EBB_ENTER_SUBMIT | EBB_ENTER_WAIT, core->cq_tail, 1, 0);
  } else if (Equal(name, "flood")) {
    for (uint32_t i = 0; i < 65536; ++i) data[i] = 'x';
    for (;;) {
      Push(EBB_OP_LOG, EBB_LOG_STDOUT, 0, 65536, 0);
      HcEnter(EBB_ENTER_SUBMIT, 0, 0, 0);
      Reap(1);
    }
  } else {
    Say("unknownScenario", 1);
    Exit(EBB_EXIT_NORMAL, 1);
  }
  Exit(EBB_EXIT_NORMAL, 0);
}

}  // namespace

extern "C" void GuestMain(const ebb_boot_info* info) {
  boot = info;
  Run(reinterpret_cast<const char*>(info->arguments));
}
