/* SPDX-License-Identifier: MIT */
/* resume - hide from a thread that it was interrupted in a system call.
 *
 * Most calls that an interrupt wakes are begun again by the kernel.  Some are not, and would return EINTR
 * though no signal came (signal(7), "Interruption of system calls and library functions by stop signals"):
 * epoll_wait, semop, sigtimedwait, recv with SO_RCVTIMEO ...
 */
#ifndef SWANSONG_INJECTOR_RESUME_H
#define SWANSONG_INJECTOR_RESUME_H

#include <stdint.h>
#include <sys/types.h>

/* tid stands still; gregs is what tracee_registers() gave.  Call it as early as possible: should we die
 * before it, the thread sees an EINTR. */
void resume_unnoticed(pid_t tid, const void *gregs);

/* tid stands still because a signal is to be delivered, and would get an EINTR even if it ignores the signal: a traced thread is
 * woken by those, too (sig_ignored(), kernel/signal.c).  Hidden with its timeout begun again, which a stream of signals must not
 * do for ever: *last_ns (CLOCK_MONOTONIC, 0 at first, kept by the caller for each thread) is when that was last done.
 * One that stops the process interrupts in any case: not for those.  Allocates nothing. */
void resume_before_signal(pid_t tid, uint64_t *last_ns);

#endif
