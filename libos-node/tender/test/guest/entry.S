// Entry points of the test guest, and its "user" code: code outside the LibOS text, where ticks are delivered.
  .set GS_SYSCALL_RIP, 8

  .text
  .global guest_entry, upcall_entry, syscall_entry
guest_entry:
  // Off the upcall stack, so that upcalls start at its top.
  lea main_stack_end(%rip), %rsp
  lea gs_area(%rip), %rax
  wrgsbase %rax
  xor %ebp, %ebp
  call GuestMain
  ud2

upcall_entry:
  jmp GuestUpcall

// KVM: rcx and r11 are lost, the return rip lies at gs:8. Builds a struct ebb_upcall and calls the same function.
syscall_entry:
  mov %rsp, %gs:16
  lea syscall_stack_end(%rip), %rsp
  sub $40, %rsp                 // xsave, tender_private
  pushfq                        // rflags
  mov %gs:8, %rcx
  push %rcx                     // rip
  push %r15
  push %r14
  push %r13
  push %r12
  push %r11
  push %r10
  push %r9
  push %r8
  push %rdi
  push %rsi
  push %rbp
  mov %gs:16, %rcx
  push %rcx                     // rsp
  push %rbx
  push %rdx
  push $0                       // rcx
  push %rax
  push $0                       // address
  push $0                       // error_code
  push $3                       // reason EBB_UPCALL_SYSCALL, vector 0
  mov %rsp, %rdi
  call GuestUpcall
  add $24, %rsp
  pop %rax
  pop %rcx
  pop %rdx
  pop %rbx
  pop %r11                      // rsp, for later
  pop %rbp
  pop %rsi
  pop %rdi
  pop %r8
  pop %r9
  pop %r10
  add $8, %rsp
  pop %r12
  pop %r13
  pop %r14
  pop %r15
  pop %rcx                      // rip
  mov %r11, %rsp
  jmp *%rcx

// long Call6(number, a, b, c, d, e, f): `syscall` from user code.
  .section .user, "ax"
  .global UserSyscall, UserSpin, UserSpinVector, UserTry, UserTryEnd, user_fault_return, UserJumpSyscall, UserSpinForever
UserSyscall:
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rsi
  mov %rcx, %rdx
  mov %r8, %r10
  mov %r9, %r8
  mov 8(%rsp), %r9
  syscall
  ret

// As UserSyscall, but the instruction at *%rdi (in the hypercall page) makes the call; it is followed by whatever follows it there, so the
// way back is the SYSCALL upcall, which the caller's handler redirects to user_fault_return.
UserJumpSyscall:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, user_saved_rsp(%rip)
  mov %rdi, %r11
  mov %rsi, %rax
  mov %rdx, %rdi
  mov %rcx, %rsi
  mov %r8, %rdx
  mov %r9, %r10
  mov 56(%rsp), %r8
  mov 64(%rsp), %r9
  jmp *%r11

// long GuestPark(park): the hypercall; > 0 in a clone.
  .global GuestPark
GuestPark:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rdi, %rax
  lea 1f(%rip), %rdi
  mov %rsp, %rsi
  rdfsbase %rdx
  rdgsbase %rcx
  sub $8, %rsp
  call *%rax
  add $8, %rsp
1:
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret

// long UserSpin(volatile uint32_t *word): until it is not 0.
UserSpin:
  mov (%rdi), %eax
  test %eax, %eax
  jz UserSpin
  ret

UserSpinForever:
  jmp UserSpinForever

// The same with known values in xmm0..15 and general registers; 0 when they survived.
UserSpinVector:
  push %rbx
  push %rbp
  push %r12
  mov $0x1122334455667788, %rbx
  movq %rbx, %xmm3
  punpcklqdq %xmm3, %xmm3
  movdqa %xmm3, %xmm15
  mov $0x99, %r12
  mov $0x1234567, %r9
1:
  paddq %xmm3, %xmm3
  psrlq $1, %xmm3
  mov (%rdi), %eax
  test %eax, %eax
  jz 1b
  mov $1, %eax
  pxor %xmm15, %xmm3
  movq %xmm3, %rcx
  shl $1, %rcx
  test %rcx, %rcx
  jnz 2f
  cmp $0x99, %r12
  jne 2f
  cmp $0x1234567, %r9
  jne 2f
  xor %eax, %eax
2:
  pop %r12
  pop %rbp
  pop %rbx
  ret

// long UserTry(code, argument): calls code(argument); a fault in it that the handler redirects to user_fault_return returns its result here.
UserTry:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, user_saved_rsp(%rip)
  mov %rdi, %rax
  mov %rsi, %rdi
  call *%rax
  mov $-1, %rax
user_fault_return:
  mov user_saved_rsp(%rip), %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret

  .global UserUd, UserDivide, UserBreakpoint, UserHalt, UserRead, UserWrite, UserExecute, UserSimd, UserX87, UserAlign, UserOut, UserInt80, UserCli, UserCopy, UserStraddle
UserUd:
  ud2
UserDivide:
  xor %eax, %eax
  xor %edx, %edx
  xor %ecx, %ecx
  div %ecx
  ret
UserBreakpoint:
  int3
  ret
UserHalt:
  hlt
  ret
UserRead:
  mov (%rdi), %rax
  ret
UserWrite:
  movq $1, (%rdi)
  ret
UserCopy:                       // from an accessible page to the argument
  lea -0x2000(%rdi), %rsi
  mov $16, %ecx
  mov %rdi, %rdx
  rep movsb
  ret
UserStraddle:                   // the last bytes of the page before and the first ones of the argument's
  movq $1, -4(%rdi)
  ret
UserExecute:
  jmp *%rdi
UserSimd:
  sub $8, %rsp
  movl $0x1d00, (%rsp)          // divide-by-zero unmasked
  ldmxcsr (%rsp)
  add $8, %rsp
  pxor %xmm1, %xmm1
  mov $1, %eax
  cvtsi2sd %eax, %xmm0
  divsd %xmm1, %xmm0
  ret
UserX87:
  sub $8, %rsp
  movw $0x37b, (%rsp)           // divide-by-zero unmasked
  fldcw (%rsp)
  add $8, %rsp
  fld1
  fldz
  fdivrp
  fwait
  ret
UserAlign:
  pushfq
  orq $0x40000, (%rsp)
  popfq
  mov 1(%rdi), %rax
  ret
UserOut:
  mov $0x80, %edx
  out %al, %dx
  ret
UserCli:
  cli
  ret
UserInt80:
  mov $1, %eax
  int $0x80
  ret

  .section .user_data, "aw"
  .global user_saved_rsp, user_word
user_saved_rsp: .quad 0
user_word: .quad 0

  .bss
  .balign 64
  .global gs_area
gs_area: .skip 64
  .balign 4096
  .skip 65536
main_stack_end:
  .skip 16384
syscall_stack_end:
  .section .note.GNU-stack, "", @progbits
