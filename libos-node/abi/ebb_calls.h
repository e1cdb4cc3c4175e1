/*
 * ebb_calls.h: how a library of the program calls the LibOS without a syscall instruction, nor a redirected one: what
 * libuv-ebb stands on. Both sides are inside the VM, so this is no boundary: arguments are checked as those of system
 * calls are.
 *
 * The call: rax = number, arguments in rdi, rsi, rdx, r10, r8, r9, return address in rcx, and a jump through
 * gs:EBB_GS_CALL. The result is in rax: a value, or -errno. rcx and r11 are lost, everything else is kept, vector
 * registers included. Nothing is restarted: -EINTR tells of a signal.
 *
 * Numbers below EBB_CALL_FIRST are those of Linux's system calls, with their arguments: the same function of the LibOS
 * serves them.
 */
#ifndef EBB_CALLS_H
#define EBB_CALLS_H

#include <stdint.h>

#define EBB_GS_CALL 72

#define EBB_CALL_FIRST 1024u

/* One event of a port: the layout of libuv-ebb's ReadyEvent. */
struct ebb_port_event {
  int32_t fd;
  uint32_t events; /* as of epoll */
};

enum ebb_call {
  /* (): the fd of a new port. It is an epoll set, too. */
  EBB_CALL_PORT_OPEN = EBB_CALL_FIRST,
  /* (port, fd, events): watches fd for these events, level-triggered; instead of those it was watched for, if it was.
   */
  EBB_CALL_PORT_WATCH,
  /* (port, fd): no more. */
  EBB_CALL_PORT_UNWATCH,
  /* (port, struct ebb_port_event *events, int capacity, int timeout_ms, const uint64_t *signal_mask): how many events
   * there are. Submits what is queued for the tender and sleeps, both in one exit; until something is ready, the
   * timeout (-1: none) or a WAKE. signal_mask: as of epoll_pwait, may be null. */
  EBB_CALL_PORT_WAIT,
  /* (port): ends the WAIT in progress, or the next one. */
  EBB_CALL_PORT_WAKE,
  EBB_CALL_END
};

#endif
