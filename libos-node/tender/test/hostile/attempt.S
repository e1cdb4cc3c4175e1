// Runs hostile code with any registers and comes back, whatever the code did, through the upcall that ended it.
  .text
  .global RunAttempt, LandAttempt
// void RunAttempt(const Registers*): loads every general register, then jumps to Registers::rip.
RunAttempt:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, attempt_rsp(%rip)
  mov 128(%rdi), %rax
  mov %rax, attempt_rip(%rip)
  mov %rdi, %rax
  mov 8(%rax), %rcx
  mov 16(%rax), %rdx
  mov 24(%rax), %rbx
  mov 32(%rax), %rsp
  mov 40(%rax), %rbp
  mov 48(%rax), %rsi
  mov 56(%rax), %rdi
  mov 64(%rax), %r8
  mov 72(%rax), %r9
  mov 80(%rax), %r10
  mov 88(%rax), %r11
  mov 96(%rax), %r12
  mov 104(%rax), %r13
  mov 112(%rax), %r14
  mov 120(%rax), %r15
  mov (%rax), %rax
  jmp *attempt_rip(%rip)

// Never returns to its caller: RunAttempt returns instead. The state that the code may have left is put right.
LandAttempt:
  mov attempt_rsp(%rip), %rsp
  push $2
  popfq
  xor %eax, %eax
  wrfsbase %rax
  lea gs_area(%rip), %rax
  wrgsbase %rax
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret

  .bss
  .balign 8
attempt_rsp: .skip 8
attempt_rip: .skip 8
  .section .note.GNU-stack, "", @progbits
