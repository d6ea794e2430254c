/* SPDX-License-Identifier: MIT */
/* tracees - all threads of one process: seize, stop, let go.
 *
 * Knows who is stopped and how long that may last; nothing of registers or stacks: whoever copies is called
 * for each thread as it stands still (the order of the calls is that of the list).
 *
 *   tracees_seize()    nothing stops
 *   tracees_stop()     the pause begins: interrupt all, then wait for each (waitpid(-1) would be quadratic:
 *                      783 ms instead of 84 at 4,099 threads)
 *   tracees_release()  the pause ends
 *
 * All three from a tracer (tracer.h), whose end lets go of what tracees_release() could not.
 */
#ifndef SWANSONG_INJECTOR_TRACEES_H
#define SWANSONG_INJECTOR_TRACEES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "injector/deadline.h"
#include "injector/task_list.h"
#include "injector/tracee.h"

struct tracees {
        pid_t pid;
        struct task_list tasks;
        struct tracee *list; /* in the kernel's order, the leader first */
        size_t n, size;      /* size is fixed: nothing is allocated while threads stand still */
        struct deadline deadline;
        uint64_t begin_ns, end_ns; /* of the pause: before the first interrupt, after the last release */
        bool too_many;             /* more threads appeared than there was room for */

        /* Called by tracees_stop() once, when all threads have been interrupted and before any is waited for; NULL.
         * For sleeps that no interrupt ends: wake them, and they stop. */
        void (*interrupted)(void *arg);
        void *interrupted_arg;
};

typedef void (*tracee_stopped)(void *arg, size_t index);

/* Room for the process's threads and as many new ones as may appear.  proc_fd: /proc/PID.  0, -ESRCH,
 * -ENOMEM. */
int tracees_make(int proc_fd, pid_t pid, struct tracees *ret);
void tracees_done(struct tracees *t);

/* Put all threads that there are now on the list, as GONE: not ours.  Returns how many are new. */
size_t tracees_list(struct tracees *t);

/* Seize all threads, those which begin meanwhile too.  What cannot be had is REFUSED or GONE. */
void tracees_seize(struct tracees *t, uint64_t duration_ns);

/* Stop all seized threads, and those which began meanwhile.  A thread in uninterruptible sleep is given up
 * after a tenth of the duration, any other after the whole: it is LATE. */
void tracees_stop(struct tracees *t, uint64_t duration_ns, tracee_stopped stopped, void *arg);

void tracees_release(struct tracees *t);

/* After the release: wait for the LATE ones that only lack a CPU (an interrupted call of theirs would return EINTR
 * if nobody took the stop), at most so long; each is let go when stopped() has returned.  The rest stays LATE. */
void tracees_wait_late(struct tracees *t, uint64_t duration_ns, tracee_stopped stopped, void *arg);

#endif
