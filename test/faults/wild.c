/* Native code that does what it should not: one function per kind of misbehaviour. */
#define _GNU_SOURCE
#include <errno.h>
#include <node_api.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* Where execution is refused it is this that is hit; where it is not, an invalid instruction. */
static unsigned char data_with_code[64] = {0x0f, 0x0b};
static volatile int forever = 1;

static double Argument(napi_env env, napi_callback_info info, int index) {
  napi_value values[3];
  size_t count = 3;
  double number = 0;
  napi_get_cb_info(env, info, &count, values, 0, 0);
  napi_get_value_double(env, values[index], &number);
  return number;
}

static napi_value Number(napi_env env, double number) {
  napi_value result;
  napi_create_double(env, number, &result);
  return result;
}

/* read(address) */
static napi_value Read(napi_env env, napi_callback_info info) {
  return Number(env, *(volatile signed char *)(uintptr_t)Argument(env, info, 0));
}

/* fill(from, to, byte) */
static napi_value Fill(napi_env env, napi_callback_info info) {
  volatile unsigned char *at = (volatile unsigned char *)(uintptr_t)Argument(env, info, 0);
  volatile unsigned char *end = (volatile unsigned char *)(uintptr_t)Argument(env, info, 1);
  unsigned char byte = (unsigned char)Argument(env, info, 2);
  while (at < end) *at++ = byte;
  return 0;
}

/* jump(address); 1: into data */
static napi_value Jump(napi_env env, napi_callback_info info) {
  uintptr_t to = (uintptr_t)Argument(env, info, 0);
  if (to == 1) to = (uintptr_t)data_with_code;
  ((void (*)(void))to)();
  return 0;
}

/* execute(which) */
static napi_value Execute(napi_env env, napi_callback_info info) {
  switch ((int)Argument(env, info, 0)) {
    case 0:
      asm volatile("ud2");
      break;
    case 1:
      asm volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" ::: "eax", "ecx", "edx");
      break;
    case 2:
      asm volatile("int3");
      break;
    case 3:
      asm volatile("hlt");
      break;
    case 4:
      asm volatile("out %%al, $0x20" ::"a"(0));
      break;
  }
  return 0;
}

/* raise(signal) */
static napi_value Raise(napi_env env, napi_callback_info info) {
  kill(getpid(), (int)Argument(env, info, 0));
  return 0;
}

static napi_value Abort(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  abort();
}

__attribute__((noinline)) static int Recurse(volatile char *above) {
  volatile char here[512];
  if (!forever) return 0;
  here[0] = above == 0 ? 0 : above[0];
  return Recurse(here) + here[0];
}

static void *OnThread(void *what) {
  pthread_setname_np(pthread_self(), "wild-thread");
  if (what == 0) return (void *)(intptr_t)Recurse(0);
  *(volatile char *)what = 1;
  return 0;
}

/* overflow(on a thread) */
static napi_value Overflow(napi_env env, napi_callback_info info) {
  pthread_t thread;
  if (Argument(env, info, 0) == 0) return Number(env, Recurse(0));
  pthread_create(&thread, 0, OnThread, 0);
  pthread_join(thread, 0);
  return 0;
}

/* writeOnThread(address) */
static napi_value WriteOnThread(napi_env env, napi_callback_info info) {
  pthread_t thread;
  pthread_create(&thread, 0, OnThread, (void *)(uintptr_t)Argument(env, info, 0));
  pthread_join(thread, 0);
  return 0;
}

/* allocate(bytes a piece, touch, abort at the end): pieces until malloc refuses */
static napi_value Allocate(napi_env env, napi_callback_info info) {
  const size_t size = (size_t)Argument(env, info, 0);
  const int touch = (int)Argument(env, info, 1);
  void *kept = 0;
  int pieces = 0;
  for (;;) {
    void **piece = malloc(size);
    if (piece == 0) break;
    if (touch) memset(piece, 1, size);
    *piece = kept, kept = piece;
    ++pieces;
  }
  if (Argument(env, info, 2) != 0) abort();
  while (kept != 0) {
    void *next = *(void **)kept;
    free(kept);
    kept = next;
  }
  return Number(env, pieces);
}

/* map(most bytes): how many bytes in pieces of 512 KiB, which are committed at once, until ENOMEM; given back then. Negative: another errno. */
static napi_value Map(napi_env env, napi_callback_info info) {
  const size_t piece = 512 * 1024, most = (size_t)Argument(env, info, 0);
  static void *pieces[4096];
  size_t count = 0;
  int error = 0;
  while (count < 4096 && count * piece < most) {
    void *at = mmap(0, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
      error = errno;
      break;
    }
    pieces[count++] = at;
  }
  for (size_t i = 0; i < count; ++i) munmap(pieces[i], piece);
  return Number(env, error == 0 || error == ENOMEM ? (double)(count * piece) : -error);
}

static pthread_mutex_t hold = PTHREAD_MUTEX_INITIALIZER;
static void *Sleep(void *unused) {
  (void)unused;
  pthread_mutex_lock(&hold);
  pthread_mutex_unlock(&hold);
  return 0;
}

/* threads(most): 1000 * errno of pthread_create + threads made; all of them end again */
static napi_value Threads(napi_env env, napi_callback_info info) {
  static pthread_t threads[4096];
  const int most = (int)Argument(env, info, 0);
  int made = 0, error = 0;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  pthread_mutex_lock(&hold);
  while (made < most && made < 4096 && (error = pthread_create(&threads[made], &attributes, Sleep, 0)) == 0) ++made;
  pthread_mutex_unlock(&hold);
  for (int i = 0; i < made; ++i) pthread_join(threads[i], 0);
  return Number(env, 1000.0 * error + made);
}

/* ---- Signal frames that no kernel would have made. */
static int forgery;
static char garbage[16384] __attribute__((aligned(64)));

static void Forge(int number, siginfo_t *info, void *context) {
  (void)number, (void)info;
  mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
  switch (forgery) {
    case 0:
      asm volatile("mov $0x10, %rsp\n\tmov $15, %eax\n\tsyscall");
      break;
    case 1:
      machine->fpregs = (void *)((char *)machine->fpregs + 8);
      break;
    case 2:
      memset(garbage, 0xff, sizeof garbage);
      machine->fpregs = (void *)garbage;
      break;
    case 3:
      machine->fpregs = (void *)0x20000000; /* the LibOS's heap */
      break;
    case 4:
      machine->gregs[REG_RIP] = (greg_t)1 << 60;
      break;
    case 5:
      /* All but trap, direction and alignment check, which programs may set. */
      machine->gregs[REG_EFL] = ~(greg_t)(1 << 8 | 1 << 10 | 1 << 18);
      break;
    case 6:
      machine->gregs[REG_CSGSFS] = 0;
      break;
    case 7:
      asm volatile("mov $0x20000000, %rsp\n\tmov $15, %eax\n\tsyscall");
      break;
    case 8:
      machine->gregs[REG_RSP] = (greg_t)1 << 60;
      break;
  }
}

/* forge(which): 1 when the frame did no harm */
static napi_value ForgeFrame(napi_env env, napi_callback_info info) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = Forge;
  action.sa_flags = SA_SIGINFO;
  forgery = (int)Argument(env, info, 0);
  sigaction(SIGUSR1, &action, 0);
  raise(SIGUSR1);
  return Number(env, 1);
}

/* run(buffer): its bytes as code */
static napi_value Run(napi_env env, napi_callback_info info) {
  napi_value values[1];
  size_t count = 1, size = 0;
  void *bytes = 0;
  napi_get_cb_info(env, info, &count, values, 0, 0);
  napi_get_buffer_info(env, values[0], &bytes, &size);
  void *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, bytes, size);
  ((void (*)(void))code)();
  return 0;
}

/* call(number, value): a system call with the value in each argument; 1: the address of a page */
static napi_value Call(napi_env env, napi_callback_info info) {
  static char page[4096];
  const double given = Argument(env, info, 1);
  const long number = (long)Argument(env, info, 0), value = given == 1 ? (long)page : (long)given;
  register long r10 asm("r10") = value;
  register long r8 asm("r8") = value;
  register long r9 asm("r9") = value;
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(value), "S"(value), "d"(value), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return Number(env, (double)result);
}

static const struct {
  const char *name;
  napi_callback function;
} functions[] = {
    {"read", Read},         {"fill", Fill},         {"jump", Jump},           {"execute", Execute},
    {"raise", Raise},       {"abort", Abort},       {"overflow", Overflow},   {"writeOnThread", WriteOnThread},
    {"allocate", Allocate}, {"map", Map},   {"threads", Threads},     {"forge", ForgeFrame},
    {"run", Run},           {"call", Call},
};

NAPI_MODULE_INIT() {
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; ++i) {
    napi_value function;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, 0, &function);
    napi_set_named_property(env, exports, functions[i].name, function);
  }
  return exports;
}
