/* SPDX-License-Identifier: MIT */
/* deadline - nothing that this thread waits for may keep the target's other threads stopped.
 *
 * A timer interrupts this thread's system calls: waiting returns EINTR at every tick, and a ptrace() which
 * the kernel would begin again for ever (SEIZE while the target is in exec) is left by a jump once the time
 * is up.
 */
#ifndef SWANSONG_INJECTOR_DEADLINE_H
#define SWANSONG_INJECTOR_DEADLINE_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct deadline {
        timer_t timer;
        uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
        uint64_t tick_ns;          /* a tenth of the whole: the first moment at which patience may end */
        sigjmp_buf escape;
        volatile sig_atomic_t may_escape;
};

/* Make the timer, not yet running, for the calling thread.  Its signal must not be blocked in this thread.
 * 0 or -errno. */
int deadline_make(struct deadline *d);
void deadline_free(struct deadline *d);

/* Start: from now on a tick every tenth of duration_ns, until deadline_stop(). */
void deadline_start(struct deadline *d, uint64_t duration_ns);
void deadline_stop(struct deadline *d);

/* The timer's signal. */
int deadline_signal(void);

/* `if (deadline_escaped(d)) { too late } else { calls that may hang } deadline_seal(d)`: like setjmp(), true
 * when we come back by a jump. */
#define deadline_escaped(d) (sigsetjmp((d)->escape, 0) != 0 || ((d)->may_escape = 1, false))
#define deadline_seal(d)    ((d)->may_escape = 0)

#endif
