// The hypercall page under KVM: every hypercall is one `out` whose port names it; the arguments are in their registers
// already and the tender puts the result into rax. Ring 3 may use these ports, and no other, by the I/O permission
// bitmap of the TSS.
  .set HYPERCALL_PORT, 0x20
  .set PROBE_PORT, 0x2f

  .section .page_header, "a"
  // struct PageHeader of page_layout.h
  .quad enter, protect, discard, tick, random, exit, park, 0
  .quad 0, 0, 0
  .quad upcall_return
  .quad probe
  .quad syscall
  .quad 0

  .macro hypercall name, number
  .balign 16
\name:
  out %al, $(HYPERCALL_PORT + \number)
  ret
  .endm

  .text
  hypercall enter, 0
  hypercall protect, 1
  hypercall discard, 2
  hypercall tick, 3
  hypercall random, 4
  hypercall exit, 5
  hypercall park, 6

// The tender runs this once before the guest, to learn the guest's TSC and whether the machine runs at all.
  .balign 16
probe:
  rdtsc
  shl $32, %rdx
  or %rdx, %rax
  out %al, $PROBE_PORT
  ud2

// Target of a trapped `syscall`. The processor comes here in ring 0, PVM in ring 3: the page is the guest's own, and
// without SMEP ring 0 may run it too. The return rip goes where the LibOS finds it; rcx and r11 are lost anyway, and
// r11 is the flags that sysretq brings back.
  .set GS_SYSCALL_RIP, 8
  .set PARAM_SYSCALL_ENTRY, 0x11000e10
  .balign 16
syscall:
  mov %rcx, %gs:GS_SYSCALL_RIP
  mov %cs, %ecx
  test $3, %cl
  mov PARAM_SYSCALL_ENTRY, %rcx
  jz 1f
  jmp *%rcx
1:
  sysretq

// upcall_entry returned: rsp points to the struct ebb_upcall, behind which the tender left room for an iretq frame.
  .set GPR, 24
  .set RIP, 152
  .set RFLAGS, 160
  .set IRET, 208
  .balign 16
upcall_return:
  mov RIP(%rsp), %rax
  mov %rax, IRET(%rsp)
  movq $0x33, IRET+8(%rsp)
  mov RFLAGS(%rsp), %rax
  mov %rax, IRET+16(%rsp)
  mov GPR+32(%rsp), %rax
  mov %rax, IRET+24(%rsp)
  movq $0x2b, IRET+32(%rsp)
  mov GPR+0(%rsp), %rax
  mov GPR+8(%rsp), %rcx
  mov GPR+16(%rsp), %rdx
  mov GPR+24(%rsp), %rbx
  mov GPR+40(%rsp), %rbp
  mov GPR+48(%rsp), %rsi
  mov GPR+56(%rsp), %rdi
  mov GPR+64(%rsp), %r8
  mov GPR+72(%rsp), %r9
  mov GPR+80(%rsp), %r10
  mov GPR+88(%rsp), %r11
  mov GPR+96(%rsp), %r12
  mov GPR+104(%rsp), %r13
  mov GPR+112(%rsp), %r14
  mov GPR+120(%rsp), %r15
  lea IRET(%rsp), %rsp
  iretq

  .section .note.GNU-stack, "", @progbits
