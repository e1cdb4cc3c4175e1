// The linked vDSO as data of the kernel.
        .section .rodata
        .balign 4096
        .globl ebb_vdso_start
        .globl ebb_vdso_end
ebb_vdso_start:
        .incbin "ebb_vdso.so"
ebb_vdso_end:
        .section .note.GNU-stack, "", @progbits
