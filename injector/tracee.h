/* SPDX-License-Identifier: MIT */
/* tracee - one traced thread: seize, interrupt, wait, let go.
 *
 * PTRACE_SEIZE and PTRACE_INTERRUPT only: neither is seen by the target's parent, and a thread that is seized
 * runs on.  Never PTRACE_ATTACH, SIGSTOP or PTRACE_O_EXITKILL.  All calls must come from the one thread that
 * seized (ptrace(2) knows threads, not processes).
 *
 * Nothing is lost when we die between any two calls: a stop is looked at with WNOWAIT, which leaves a signal
 * that was about to be delivered with the kernel, and the end of the tracer lets every tracee go on.
 */
#ifndef SWANSONG_INJECTOR_TRACEE_H
#define SWANSONG_INJECTOR_TRACEE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum tracee_state {
        TRACEE_SEIZED,  /* ours; runs */
        TRACEE_STOPPED, /* ours; stands still */
        TRACEE_LATE,    /* ours; did not stop in time */
        TRACEE_GONE,    /* ended, or became another thread by exec */
        TRACEE_REFUSED, /* not ours: err says why */
};

struct tracee {
        pid_t tid;
        enum tracee_state state;
        int signal; /* STOPPED: on its way to the thread, delivered when we let go; 0: none */
        int err;    /* REFUSED: errno */
        bool late;  /* it stopped when the others had already been let go */
};

/* Become the tracer; the thread runs on.  0, -EPERM (not permitted, traced by somebody else, kernel thread,
 * zombie), -ESRCH. Waits while a thread of the process is in exec (its cred_guard_mutex). */
int tracee_seize(pid_t tid);

/* Ask for a stop.  0, -ESRCH. */
int tracee_interrupt(pid_t tid);

/* Wait for the stop: *t becomes STOPPED or GONE.  0; -EAGAIN: not yet (only without `block`); -EINTR: a
 * signal handler ran.  process: the thread-group's ID, whose end is not ours to reap. */
int tracee_wait(struct tracee *t, pid_t process, bool block);

/* The general registers, `size` bytes (arch.h: gregs_size).  0; -ESRCH; -ENOTSUP: the thread runs in a mode
 * with another register set (a 32-bit program). */
int tracee_registers(pid_t tid, void *ret_gregs, size_t size);

/* Let go of a STOPPED thread, with its signal.  One that was in a group-stop (Ctrl-Z) stays in it. */
void tracee_release(const struct tracee *t);

#endif
