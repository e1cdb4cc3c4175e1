// The flat pages as data of the tender.
  .section .rodata
  .macro blob name, file
  .global \name, \name\()_end
  .balign 64
\name:
  .incbin "\file"
\name\()_end:
  .endm

  blob ebb_process_page, "process_page.bin"
  blob ebb_zygote_page, "zygote_page.bin"
  blob ebb_kvm_page, "kvm_page.bin"
  blob ebb_ring0_page, "ring0_page.bin"

  .section .note.GNU-stack, "", @progbits
