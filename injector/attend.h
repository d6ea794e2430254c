/* SPDX-License-Identifier: MIT */
/* attend - be there when a process dies, without ever stopping it.
 *
 * A process whose threads are SEIZEd with PTRACE_O_TRACEEXIT runs as if nobody watched: no page fault and no
 * system call is slower.  When it is killed, each of its threads stops by itself in PTRACE_EVENT_EXIT, with
 * its registers and all memory still there, until we let it go (ptrace(2); the oom_reaper takes the memory
 * after 2 s, OOM_REAPER_DELAY in mm/oom_kill.c).
 *
 * Everything else that a tracer gets to see is answered at once: signals are passed on, group stops are kept,
 * new threads are taken along, an exec is survived, a thread that ends on its own goes on within
 * microseconds.
 *
 * There is no call to stop attending a process: PTRACE_DETACH needs a stop, and stops can be felt.  The process that
 * attends ends, and the kernel lets everything go without one.  So attend in a process of its own which has
 * no other children: waitpid(-1) is how the kernel talks to a tracer.  All calls must come from one thread.
 */
#ifndef SWANSONG_INJECTOR_ATTEND_H
#define SWANSONG_INJECTOR_ATTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"

struct attend;

/* A process that is ending, its threads held in their exit. */
struct attend_dying {
        pid_t pid;
        int signal;        /* that kills it */
        const pid_t *tids; /* held, with registers and memory; the leader is the first, if it is held */
        size_t n_tids;
        size_t n_missing;       /* threads that did not come to their exit in time (uninterruptible sleep) */
        uint64_t first_stop_ns; /* CLOCK_MONOTONIC: when the first thread was seen in its exit */
};

struct attend_calls {
        /* The process waits for us.  True: its threads are held until attend_let_go(), while others are attended as ever
         * (the tids are valid during the call only).  False: not now; ask again at the next attend_handle(). */
        bool (*dying)(void *data, const struct attend_dying *dying);
        /* The last thread is gone. */
        void (*gone)(void *data, pid_t pid);
        void *data;
        uint64_t signals; /* bit N-1: call dying() when signal N kills; others end undisturbed */
};

/* Room for so many processes and threads is reserved and touched now: nothing is allocated later, when memory
 * is out.  0 or -ENOMEM. */
int attend_new(const struct attend_calls *calls, size_t max_processes, size_t max_threads,
               struct attend **ret);
void attend_free(struct attend *a);

/* SEIZE all threads of a process; nothing stops.  Returns their number; -ESRCH, -EPERM (not permitted, or
 * traced by someone else), -ENOSPC (no room), with d filled.  After an error some threads may stay seized:
 * harmless. */
int attend_add(struct attend *a, pid_t pid, struct diag *d);

/* Answer everything that has happened since.  To be called after each SIGCHLD.  Returns the time
 * (CLOCK_MONOTONIC, ns) at which it wants to be called even if no SIGCHLD comes, or UINT64_MAX. */
uint64_t attend_handle(struct attend *a);

/* Let the threads go that attend_calls.dying was told of, and those that have come to their exit since. */
void attend_let_go(struct attend *a, pid_t pid);

/* Is any process ending, its threads held or on their way to their exit? */
bool attend_is_busy(const struct attend *a);

#endif
