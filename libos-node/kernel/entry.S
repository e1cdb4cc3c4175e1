// Entries into the LibOS and ways back to the program. Layout of the frame on a kernel stack: struct UserFrame (kernel/user_frame.h).
//
// Kernel code is not preempted: a tick that finds rip in this text is only noted (abi/ebb_abi.h), so the sequences here need no masking.

        .text

// From the tender: rdi = boot info, rsp = top of core 0's upcall stack.
        .globl ebb_kernel_entry
        .type ebb_kernel_entry, @function
ebb_kernel_entry:
        xor     %ebp, %ebp
        and     $-16, %rsp
        call    ebb_kernel_main
        ud2
        .size ebb_kernel_entry, . - ebb_kernel_entry

// KVM: a trapped `syscall`; the tender's ring-0 stub left the return address in the core block. Counted where the tender
// reads it: EBB_RINGS + core * EBB_RING_STRIDE, counters[EBB_COUNT_SYSCALLS_TRAPPED] (asserted in core.h).
        .set    EBB_TRAPPED_COUNTER, 0x12000000 + 264
        .globl ebb_syscall_trap_entry
        .type ebb_syscall_trap_entry, @function
ebb_syscall_trap_entry:
        mov     %gs:64, %ecx
        shl     $16, %ecx
        incq    EBB_TRAPPED_COUNTER(%rcx)
        mov     %gs:8, %rcx
        jmp     ebb_syscall_entry

// A syscall of the program: rax = number, rdi rsi rdx r10 r8 r9 = arguments, rcx = return address, as after `syscall`.
// Keeps everything but rax, rcx, r11; vector registers are not touched by kernel code at all.
        .macro  EBB_ENTRY name, handler
        .globl \name
        .type \name, @function
\name:
        mov     %rsp, %gs:16
        mov     %gs:24, %rsp
        pushq   $0
        pushq   %gs:48
        pushq   %gs:16
        pushq   $0x202
        pushq   %gs:40
        push    %rcx
        push    %rcx
        push    %r11
        push    %rax
        push    %rax
        push    %rdi
        push    %rsi
        push    %rdx
        push    %r10
        push    %r8
        push    %r9
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rsp, %rdi
        cld
        call    \handler
        test    %al, %al
        jz      1f
        // Fast return: callee-saved registers hold the program's values.
        mov     48(%rsp), %r9
        mov     56(%rsp), %r8
        mov     64(%rsp), %r10
        mov     72(%rsp), %rdx
        mov     80(%rsp), %rsi
        mov     88(%rsp), %rdi
        mov     96(%rsp), %rax
        mov     128(%rsp), %rcx
        mov     152(%rsp), %rsp
        jmp     *%rcx
1:      mov     %rsp, %rdi
        jmp     ebb_resume_user
        .size \name, . - \name
        .endm

        EBB_ENTRY ebb_syscall_entry, ebb_handle_syscall

// A call of a library of the program (abi/ebb_calls.h): the same, with another table.
        EBB_ENTRY ebb_call_entry, ebb_handle_call

// void ebb_resume_user(UserFrame *frame): to the program with all general registers of the frame. Never returns.
        .globl ebb_resume_user
        .type ebb_resume_user, @function
ebb_resume_user:
        mov     %rdi, %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        pop     %r9
        pop     %r8
        pop     %r10
        pop     %rdx
        pop     %rsi
        pop     %rdi
        pop     %rax
        add     $8, %rsp
        pop     %r11
        pop     %rcx
        iretq
        .size ebb_resume_user, . - ebb_resume_user

// void ebb_switch_stacks(uint64_t *save_rsp, uint64_t new_rsp): leaves this kernel context, continues the one that new_rsp was saved from.
        .globl ebb_switch_stacks
        .type ebb_switch_stacks, @function
ebb_switch_stacks:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rsp, (%rdi)
        mov     %rsi, %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret
        .size ebb_switch_stacks, . - ebb_switch_stacks

// First activation of a thread: its stack holds a UserFrame, rsp points to it.
        .globl ebb_thread_start
        .type ebb_thread_start, @function
ebb_thread_start:
        mov     %rsp, %rdi
        call    ebb_finish_switch_to_new
        mov     %rsp, %rdi
        jmp     ebb_resume_user
        .size ebb_thread_start, . - ebb_thread_start

// void ebb_continue_on(UserFrame *frame, void (*f)(UserFrame *)): drops the current stack (an upcall's), runs f on the kernel stack below the
// frame, then resumes the program from the frame.
        .globl ebb_continue_on
        .type ebb_continue_on, @function
ebb_continue_on:
        mov     %rdi, %rsp
        call    *%rsi
        mov     %rsp, %rdi
        jmp     ebb_resume_user
        .size ebb_continue_on, . - ebb_continue_on

// long ebb_park(long (*park)(uint64_t rip, uint64_t rsp, uint64_t fs, uint64_t gs)): the hypercall, with all that a clone needs to come back
// here: the callee-saved registers lie on the stack.
        .globl ebb_park
        .type ebb_park, @function
ebb_park:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rdi, %rax
        lea     1f(%rip), %rdi
        mov     %rsp, %rsi
        rdfsbase %rdx
        rdgsbase %rcx
        sub     $8, %rsp
        call    *%rax
        add     $8, %rsp
1:      pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret
        .size ebb_park, . - ebb_park

// The signal trampoline that handlers without SA_RESTORER would return to is not needed: glibc always gives one.

        .section .note.GNU-stack, "", @progbits
