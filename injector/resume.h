/* SPDX-License-Identifier: MIT */
/* resume - hide from a thread that it was interrupted in a system call.
 *
 * Most calls that an interrupt wakes are begun again by the kernel.  Some are not, and would return EINTR
 * though no signal came (signal(7), "Interruption of system calls and library functions by stop signals"):
 * epoll_wait, semop, sigtimedwait, recv with SO_RCVTIMEO ...
 */
#ifndef SWANSONG_INJECTOR_RESUME_H
#define SWANSONG_INJECTOR_RESUME_H

#include <sys/types.h>

/* tid stands still; gregs is what tracee_registers() gave.  Call it as early as possible: should we die
 * before it, the thread sees an EINTR. */
void resume_unnoticed(pid_t tid, const void *gregs);

#endif
