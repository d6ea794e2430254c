/* SPDX-License-Identifier: MIT */
/* sampler - measure one process, as cheaply as each number can be had (facts, 6.18 x86_64):
 *
 *   tick     one pread of an open /proc/PID/statm  0.4 us         every tick
 *   details  status, the group's usage, meminfo    5 us           every 100 ms while RSS changes, else 1 s
 *   rollup   smaps_rollup, holding mmap_lock       3-8 ms per GB  see sampler_rollup_due()
 *
 * Nothing is allocated after sampler_open().  Never stops or signals the process.
 */
#ifndef SWANSONG_TRIGGER_SAMPLER_H
#define SWANSONG_TRIGGER_SAMPLER_H

#include <stdbool.h>

#include "base/target.h"
#include "trigger/conditions/machine.h"
#include "trigger/sample.h"

struct sampler {
        int proc_fd;   /* the target's, not ours to close */
        int thread_fd; /* /proc/PID/task/TID of a living thread, when the first thread has ended; else -1 */
        int statm_fd, status_fd, usage_fd;
        uint64_t page_size;
        uint64_t details_ns;     /* when they were last read, */
        uint64_t details_rss;    /* and what RSS was then */
        uint64_t rollup_end_ns;  /* when the last one ended, */
        uint64_t rollup_cost_ns; /* and how long it took */
        struct sample now;       /* the latest */
};

#define SAMPLER_NONE ((struct sampler){.thread_fd = -1, .statm_fd = -1, .status_fd = -1, .usage_fd = -1})

/* 0 or -errno with d filled. */
int sampler_open(const struct target *t, struct sampler *ret, struct diag *d);
void sampler_close(struct sampler *s);

/* RSS and anonymous memory into s->now.  0; -ESRCH: the process has no memory any more. */
int sampler_tick(struct sampler *s);

/* After -ESRCH: a process whose first thread has ended (pthread_exit() in main) shows no memory, though the
 * others go on.  Read it through one of these.  0, or -ESRCH if there is none. */
int sampler_rebind(struct sampler *s);

/* The rest of s->now but PSS and USS, unless that was done a moment ago. */
void sampler_details(struct sampler *s, struct machine *m);

/* What is of the machine; it is read again if the last time is max_age_ns ago. */
void sampler_machine(struct sampler *s, struct machine *m, uint64_t max_age_ns);

/* PSS and USS.  0 or -errno. */
int sampler_rollup(struct sampler *s);

/* May the rollup be read now, a condition on `value` (pss or uss) waiting for `level`?  PSS and USS are never
 * above RSS, so below the level RSS alone says no.  Above it, a tenth of the time goes into reading while RSS
 * has grown by what was missing the last time, a thousandth otherwise.  *ret_wait_ns (if not now): how long
 * to wait at least. */
bool sampler_rollup_due(const struct sampler *s, uint64_t value, uint64_t level, uint64_t *ret_wait_ns);

/* The most that `value` (pss or uss, as last measured) can be now, if what was added since is all its own. */
uint64_t sampler_bound(const struct sample *s, uint64_t value);

#endif
