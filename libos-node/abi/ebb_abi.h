/*
 * ebb_abi.h: the contract between a tender (host side) and a LibOS image (guest side). Versioned; C11 and C++20.
 *
 * A tender MUST refuse an image of another EBB_ABI_VERSION. Everything that the guest can write (rings, data area,
 * upcall frames it returns to, hypercall arguments) is hostile to the tender: it MUST copy a value before it checks and
 * uses it.
 *
 * The guest runs at ring 3 in one address space; guest-virtual = guest-physical. It makes no host syscall and no port
 * access itself: it calls the functions of the hypercall page, which the tender supplies.
 */
#ifndef EBB_ABI_H
#define EBB_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define EBB_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), #type)
#else
#define EBB_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif

#define EBB_ABI_VERSION 2u

/* ---- Address map (docs/address-map.md). All regions are fixed. -------------------------------------------------- */

#define EBB_PAGE_SIZE 0x1000ull
/* [0, EBB_LOW_END) is never mapped: a null dereference must fault. */
#define EBB_LOW_END 0x200000ull
/* Node (ET_EXEC at 0x400000): image segments. The guest may change their protection. */
#define EBB_EXE_BASE 0x400000ull
#define EBB_EXE_END 0x10000000ull
/* The LibOS itself: image segments. Its protection never changes. */
#define EBB_KERNEL_BASE 0x10000000ull
#define EBB_KERNEL_END 0x11000000ull
/* Tender-supplied code, read + execute. */
#define EBB_HYPERCALL_PAGE 0x11000000ull
#define EBB_HYPERCALL_PAGE_SIZE 0x1000ull
/* struct ebb_boot_info, read-only to the guest, with the strings it points to. */
#define EBB_BOOT_INFO 0x11010000ull
#define EBB_BOOT_INFO_SIZE 0x40000ull
/* struct ebb_clock, read-only to the guest, rewritten by the tender. */
#define EBB_CLOCK 0x11060000ull
#define EBB_CLOCK_SIZE 0x1000ull
/* Per core: the stack that upcalls run on, read + write. Core n: top at EBB_UPCALL_STACKS + (n + 1) *
 * EBB_UPCALL_STACK_SIZE. */
#define EBB_UPCALL_STACKS 0x11100000ull
#define EBB_UPCALL_STACK_SIZE 0x10000ull
/* Per core: struct ebb_core_shared, read + write, shared with the broker. */
#define EBB_RINGS 0x12000000ull
#define EBB_RING_STRIDE 0x10000ull
/* Payload buffers of ring entries, read + write, shared with the broker; the guest allocates in it. */
#define EBB_DATA 0x12800000ull
#define EBB_DATA_SIZE 0x400000ull
/* The image's file system (struct ebb_fs_header), read-only. */
#define EBB_FS_BASE 0x14000000ull
#define EBB_FS_END 0x20000000ull
/* LibOS heap: no access at start, committed with EBB_HC_PROTECT. Counts against the memory limit. */
#define EBB_HEAP_BASE 0x20000000ull
#define EBB_HEAP_END 0x40000000ull
/* User mappings (mmap, brk, stacks, libraries): as the heap. */
#define EBB_ARENA_BASE 0x40000000ull
#define EBB_ARENA_END 0x2000000000ull

#define EBB_MAX_CORES 64u

/* ---- Image file ------------------------------------------------------------------------------------------------- */

#define EBB_IMAGE_MAGIC "EBBIMAGE"

enum ebb_segment_kind { EBB_SEGMENT_KERNEL = 1, EBB_SEGMENT_EXE = 2, EBB_SEGMENT_FS = 3 };

#define EBB_PROT_READ 1u
#define EBB_PROT_WRITE 2u
#define EBB_PROT_EXEC 4u

/* One mapping. vaddr and file_offset are page-aligned; bytes in [file_size, mem_size) are zero. */
struct ebb_image_segment {
  uint64_t vaddr;
  uint64_t mem_size;
  uint64_t file_offset;
  uint64_t file_size;
  uint32_t prot;      /* EBB_PROT_* */
  uint32_t kind;      /* enum ebb_segment_kind */
  uint8_t sha256[32]; /* of the file_size bytes at file_offset */
};
EBB_ASSERT_SIZE(struct ebb_image_segment, 72);

#define EBB_IMAGE_MAX_SEGMENTS 48u

/* At offset 0, padded to 4096 bytes. All integers little-endian. Segments may not overlap and must lie in the region of
 * their kind. */
struct ebb_image_header {
  char magic[8];
  uint32_t abi_version;
  uint32_t segment_count;
  uint64_t image_size;    /* of the whole file */
  uint64_t kernel_entry;  /* void entry(const struct ebb_boot_info*) on core 0, rsp = top of core 0's upcall stack */
  uint64_t upcall_entry;  /* void upcall(struct ebb_upcall*); see below */
  uint64_t syscall_entry; /* KVM: where a trapped `syscall` continues; see EBB_GS_SYSCALL_RIP */
  uint64_t kernel_text_start; /* ticks are deferred while rip is in [start, end) or in the hypercall page */
  uint64_t kernel_text_end;
  uint64_t manifest_offset; /* JSON text, for people and the hosted side */
  uint64_t manifest_size;
  uint64_t options_offset; /* NAME=VALUE strings, each NUL-terminated: `profile=bypass`, `ebb.Console=ring`; copied to
                              the boot info */
  uint64_t options_size;
  uint8_t sha256[32]; /* of the first 4096 bytes with this field zero, then the manifest, then the options */
  struct ebb_image_segment segments[EBB_IMAGE_MAX_SEGMENTS];
};
EBB_ASSERT_SIZE(struct ebb_image_header, 128 + 72 * 48);

/* ---- File system inside the image ------------------------------------------------------------------------------- */

#define EBB_FS_MAGIC "EBBFSIMG"

/* At EBB_FS_BASE. Offsets are relative to it. */
struct ebb_fs_header {
  char magic[8];
  uint32_t version; /* 1 */
  uint32_t entry_count;
  uint64_t entries_offset; /* struct ebb_fs_entry[entry_count]; entry 0 is the root directory, a parent precedes its
                              children */
  uint64_t names_offset;
  uint64_t names_size;
  uint64_t sites_offset; /* struct ebb_site[], referred to by entries */
  uint64_t site_count;
};
EBB_ASSERT_SIZE(struct ebb_fs_header, 56);

struct ebb_fs_entry {
  uint32_t parent;      /* index; the root is its own parent */
  uint32_t mode;        /* S_IFDIR, S_IFREG or S_IFLNK, with permission bits */
  uint32_t name_offset; /* in names, not NUL-terminated */
  uint32_t name_size;
  uint64_t data_offset; /* regular: page-aligned content; symlink: the target text */
  uint64_t size;
  uint64_t mtime_ns;
  uint32_t first_site; /* syscall sites of an ELF file, sorted by offset; empty in profile general */
  uint32_t site_count;
};
EBB_ASSERT_SIZE(struct ebb_fs_entry, 48);

/* A syscall instruction that the LibOS may redirect when it maps the file. */
enum ebb_site_form {
  EBB_SITE_MOV = 1,        /* b8 nr nr nr nr 0f 05: offset is that of the b8 */
  EBB_SITE_CMP = 2,        /* 0f 05 48 3d 01 f0 ff ff: offset is that of the 0f */
  EBB_SITE_CMP_4096 = 3,   /* 0f 05 48 3d 00 f0 ff ff */
  EBB_SITE_CMP32_4096 = 4, /* 0f 05 3d 00 f0 ff ff */
};
struct ebb_site {
  uint32_t file_offset;
  uint32_t form;
};
EBB_ASSERT_SIZE(struct ebb_site, 8);

/* ---- Boot info -------------------------------------------------------------------------------------------------- */

enum ebb_tender_kind { EBB_TENDER_KVM = 1, EBB_TENDER_PROCESS = 2 };

#define EBB_BOOT_MAGIC 0x544f4f4242424545ull

/*
 * Hypercalls: addresses of functions in the hypercall page, System V calling convention, callable at any stack. They
 * keep every register but rax, rcx, rdx, rsi, rdi, r8-r11 (vector registers included). Results: >= 0, or -errno.
 */
enum ebb_hypercall {
  /* long enter(uint64_t flags, uint64_t seen_cq_tail, int64_t timeout_s, int64_t timeout_ns)
   * EBB_ENTER_SUBMIT: the tender looks at the submission ring. EBB_ENTER_WAIT: return when the completion ring's tail
   * is not seen_cq_tail any more, at the timeout (timeout_s < 0: none), or spuriously. One exit does both. */
  EBB_HC_ENTER = 0,
  /* long protect(uint64_t addr, uint64_t len, uint64_t prot): page-aligned range of EXE, HEAP or ARENA. Committing (any
   * access) counts against the limit: -ENOMEM. Fresh memory is zero. prot 0 makes the range fault; its content stays.
   * EXE does not become writable (-EACCES): what its segments let be written is so from the start.
   */
  EBB_HC_PROTECT = 1,
  /* long discard(uint64_t addr, uint64_t len): contents of a HEAP or ARENA range become zero, memory returns to the
     host. */
  EBB_HC_DISCARD = 2,
  /* long tick(uint64_t microseconds): a TICK upcall on this core about every so often, until 0 cancels. */
  EBB_HC_TICK = 3,
  /* long random(void *buffer, uint64_t len): len <= 256. */
  EBB_HC_RANDOM = 4,
  /* void exit(uint64_t kind, uint64_t code): ends the VM. kind is enum ebb_exit_kind; text in ebb_core_shared.report.
   */
  EBB_HC_EXIT = 5,
  /* long park(uint64_t rip, uint64_t rsp, uint64_t fs_base, uint64_t gs_base): answers ebb_core_shared.park_requested.
   * Nothing of the guest moves until the tender lets this VM go on (result 0; -EINVAL: nobody asked). A clone, in this
   * or a later life of the tender, starts at rip with rsp and the bases as given and rax = its generation (> 0); other
   * general registers are zero, vector registers in their initial state. It finds heap, arena, program and LibOS as
   * they were, boot info of the same layout, and everything else anew: rings and data area zero, another clock page
   * (CLOCK_MONOTONIC goes on, never back), no tick, no host-side handle. */
  EBB_HC_PARK = 6,
  EBB_HC_COUNT = 8
};

#define EBB_ENTER_SUBMIT 1u
#define EBB_ENTER_WAIT 2u

enum ebb_exit_kind {
  EBB_EXIT_NORMAL = 0, /* code = exit status */
  EBB_EXIT_SIGNAL = 1, /* code = signal number that the guest raised itself */
  EBB_EXIT_FAULT = 2,  /* code = signal number; unhandled fault in user code */
  EBB_EXIT_PANIC = 3,  /* fault or failed assertion in the LibOS */
  EBB_EXIT_MEMORY = 4, /* died of a refused commit */
};

struct ebb_boot_info {
  uint64_t magic;
  uint32_t abi_version;
  uint32_t tender; /* enum ebb_tender_kind */
  uint32_t core_count;
  uint32_t flags; /* EBB_BOOT_* */
  uint64_t hypercalls[EBB_HC_COUNT];
  uint64_t memory_limit; /* bytes that HEAP + ARENA may commit */
  uint64_t options;      /* guest addresses of NAME=VALUE strings, each NUL-terminated, with the sizes of the blocks */
  uint64_t options_size;
  uint64_t environment;
  uint64_t environment_size;
  uint64_t arguments; /* argv of the program, argv[0] first, NUL-terminated each */
  uint64_t arguments_size;
  uint32_t xsave_size; /* bytes of the XSAVE area for the features enabled (XCR0), standard format */
  uint32_t reserved;
  uint64_t xsave_mask; /* XCR0 */
};
EBB_ASSERT_SIZE(struct ebb_boot_info, 160);

#define EBB_BOOT_TRACE 1u /* emit EBB_OP_LOG records on EBB_LOG_TRACE for syscalls */

/*
 * Clock: ns = base_ns + ((rdtsc - tsc_base) * mult >> shift), 128-bit product. Read under the sequence (odd = being
 * written). realtime_offset_ns + monotonic = CLOCK_REALTIME.
 */
struct ebb_clock {
  uint32_t sequence;
  uint32_t shift;
  uint64_t mult;
  uint64_t tsc_base;
  uint64_t base_ns; /* CLOCK_MONOTONIC of the host at tsc_base */
  int64_t realtime_offset_ns;
};
EBB_ASSERT_SIZE(struct ebb_clock, 40);

/* ---- Upcalls: how faults, ticks and trapped syscalls reach the LibOS --------------------------------------------- */

enum ebb_upcall_reason {
  EBB_UPCALL_TICK = 1,
  EBB_UPCALL_FAULT = 2,
  EBB_UPCALL_SYSCALL = 3, /* process tender only: rip is after the instruction, gpr rax the number */
};

enum ebb_gpr {
  EBB_RAX,
  EBB_RCX,
  EBB_RDX,
  EBB_RBX,
  EBB_RSP,
  EBB_RBP,
  EBB_RSI,
  EBB_RDI,
  EBB_R8,
  EBB_R9,
  EBB_R10,
  EBB_R11,
  EBB_R12,
  EBB_R13,
  EBB_R14,
  EBB_R15,
  EBB_GPR_COUNT
};

/*
 * The tender builds it on the core's upcall stack (below rsp when rsp is already in that stack) and calls upcall_entry
 * with rdi = frame, rsp 16-byte aligned minus 8 (as after a call). FS and GS bases are live. If upcall_entry returns,
 * the interrupted code continues with the registers of the frame (which the LibOS may have changed), vector state as it
 * was. The LibOS may also never return: it copies what it needs and switches stacks; the tender keeps no state of an
 * upcall in progress. A TICK that comes while rip is in LibOS text or the hypercall page is not delivered: tick_pending
 * is set instead.
 */
struct ebb_upcall {
  uint32_t reason;
  uint32_t vector; /* FAULT: x86 vector (0 #DE, 1 #DB, 3 #BP, 6 #UD, 13 #GP, 14 #PF, 16 #MF, 17 #AC, 19 #XM) */
  uint64_t error_code;
  uint64_t address; /* #PF: faulting address, best effort (0 when the host does not tell) */
  uint64_t gpr[EBB_GPR_COUNT];
  uint64_t rip;
  uint64_t rflags;
  uint64_t xsave; /* address of the interrupted code's XSAVE area (standard format), 0: the vector registers are live */
  uint64_t tender_private[4];
};
EBB_ASSERT_SIZE(struct ebb_upcall, 208);

/* KVM: a trapped `syscall` stores rcx (the return rip) at gs:EBB_GS_SYSCALL_RIP and continues at syscall_entry with all
 * other registers unchanged but rcx and r11. */
#define EBB_GS_SYSCALL_RIP 8

/* ---- Rings ------------------------------------------------------------------------------------------------------ */

#define EBB_SQ_ENTRIES 256u
#define EBB_CQ_ENTRIES 512u
#define EBB_REPORT_SIZE 2048u

/*
 * Operations. `handle` names a host-side object; handles are chosen by the tender, small positive integers, and never
 * reused within a VM. Buffers are (buffer, length) in the data area, relative to EBB_DATA. Every operation yields
 * exactly one completion (its user_data), but for LISTEN and the datagram socket's receive, which are multishot where
 * stated.
 */
enum ebb_op {
  EBB_OP_NOP = 0,
  /* flags: enum ebb_log_stream, | EBB_LOG_LAZY; arg0: wall clock ns. The buffer is free after the completion. */
  EBB_OP_LOG = 1,
  /* The guest listens on TCP port arg0. Result 0 (EBB_CQE_MORE set) or -errno. From then on one ACCEPT completion
   * (EBB_CQE_MORE set) per incoming connection: result = handle, arg0 = peer IPv4 << 16 | port. The last one, without
   * MORE: -ECANCELED after UNLISTEN. */
  EBB_OP_LISTEN = 2,
  /* Ends a LISTEN of port arg0; its connections live on. */
  EBB_OP_UNLISTEN = 3,
  /* TCP connect to IPv4 arg0 (host order), port arg1. Result: handle or -errno (EACCES: egress policy). */
  EBB_OP_CONNECT = 4,
  /* Send the whole buffer in order. Result: bytes taken, or -errno. flags: EBB_SEND_LAZY. */
  EBB_OP_SEND = 5,
  /* Result: bytes received (> 0), 0 at end of stream, or -errno. At most one RECV per handle is pending. */
  EBB_OP_RECV = 6,
  /* flags: 1 = writes are done (FIN after what was sent). */
  EBB_OP_SHUTDOWN = 7,
  /* The handle ends: what was submitted to SEND before still goes out, a pending RECV completes with -ECANCELED. flags
     1: reset. */
  EBB_OP_CLOSE = 8,
  /* UDP socket; result: handle. */
  EBB_OP_UDP_OPEN = 9,
  /* arg0 = IPv4, arg1 = port. 10.0.2.3:53 is the host's resolver. */
  EBB_OP_UDP_SEND = 10,
  /* Result: datagram bytes (cut to the buffer); arg0 = source IPv4 << 16 | port. */
  EBB_OP_UDP_RECV = 11,
};

/* SEND: success need not end a wait; its completion may come together with the next other one of the core. */
#define EBB_SEND_LAZY 1u

/* LOG: the same. */
#define EBB_LOG_LAZY 0x100u

enum ebb_log_stream { EBB_LOG_STDOUT = 0, EBB_LOG_STDERR = 1, EBB_LOG_KERNEL = 2, EBB_LOG_TRACE = 3 };

struct ebb_sqe {
  uint16_t op;
  uint16_t flags;
  uint32_t handle;
  uint64_t user_data;
  uint32_t buffer;
  uint32_t length;
  uint64_t arg0;
  uint64_t arg1;
  uint64_t reserved[3];
};
EBB_ASSERT_SIZE(struct ebb_sqe, 64);

#define EBB_CQE_MORE 1u

struct ebb_cqe {
  uint64_t user_data;
  int32_t result;
  uint32_t flags;
  uint64_t arg0;
  uint64_t reserved;
};
EBB_ASSERT_SIZE(struct ebb_cqe, 32);

/*
 * One per core. Indices run freely (uint32_t wrap) and are masked. Written by: G guest, T tender. The tender never has
 * more completions outstanding than fit (it holds back until the guest advances cq_head).
 */
struct ebb_core_shared {
  uint32_t sq_tail; /* G */
  uint8_t pad0[60];
  uint32_t sq_head;    /* T */
  uint32_t sq_polling; /* T: 1 = the tender will look at sq_tail without being told (no SUBMIT needed) */
  uint8_t pad1[56];
  uint32_t cq_head; /* G */
  uint32_t waiting; /* G: 1 = about to wait or waiting on cq_tail; the tender wakes it only then */
  uint8_t pad2[56];
  uint32_t cq_tail;      /* T; also the word that a waiting guest sleeps on */
  uint32_t tick_pending; /* T sets, G clears */
  /* T sets and takes back; it ends a wait of the guest: EBB_HC_PARK as soon as nothing is runnable. */
  uint32_t park_requested;
  uint8_t pad3[52];
  uint64_t counters[32];        /* G: enum ebb_counter; statistics only */
  char report[EBB_REPORT_SIZE]; /* G: NUL-terminated text of a crash, before EBB_HC_EXIT */
  uint8_t pad4[4096 - 256 - 256 - EBB_REPORT_SIZE];
  struct ebb_sqe sq[EBB_SQ_ENTRIES];
  struct ebb_cqe cq[EBB_CQ_ENTRIES];
};
EBB_ASSERT_SIZE(struct ebb_core_shared, 4096 + 64 * 256 + 32 * 512);

enum ebb_counter {
  EBB_COUNT_SYSCALLS,         /* all */
  EBB_COUNT_SYSCALLS_TRAPPED, /* those that came by a trap, not by a patched site */
  EBB_COUNT_SYSCALLS_UNKNOWN, /* answered ENOSYS because the LibOS lacks them */
  EBB_COUNT_ENTERS,           /* enter hypercalls */
  EBB_COUNT_WAITS,            /* of these, with WAIT */
  EBB_COUNT_PROTECTS,
  EBB_COUNT_DISCARDS,
  EBB_COUNT_TICKS,
  EBB_COUNT_SWITCHES,
  EBB_COUNT_FAULTS,
  EBB_COUNT_COMMITTED, /* bytes now */
};

/* ---- Guest network: as the guest sees it --------------------------------------------------------------------------
 */

#define EBB_NET_GUEST 0x0a00020fu    /* 10.0.2.15 */
#define EBB_NET_GATEWAY 0x0a000202u  /* 10.0.2.2: the host's 127.0.0.1, for the ports that are allowed */
#define EBB_NET_RESOLVER 0x0a000203u /* 10.0.2.3: port 53 is the host's resolver */

#endif
