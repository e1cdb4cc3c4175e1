// The code of guest ring 0 (KVM): exception stubs, linked at their supervisor address. As short as can be: under PVM
// every ring-0 instruction is emulated, about 2 us each.
  .set EXCEPTION_PORT, 0x40

  .section .page_header, "ax"
  // Stub of vector v at 16 * v: the tender finds the vector in the port, rewrites the frame on the stack so that iretq
  // enters upcall_entry, and drops the error code.
  .set vector, 0
  .rept 32
  .balign 16
  out %al, $(EXCEPTION_PORT + vector)
  iretq
  .set vector, vector + 1
  .endr

  .section .note.GNU-stack, "", @progbits
