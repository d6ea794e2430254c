/* SPDX-License-Identifier: MIT */
/* kill - the kernel's own report of a kill for memory: the section `kmsg` of docs/bundle.md.
 *
 * Works on bytes, one record of /dev/kmsg per line (base/oom/kmsg.h), and leaves it to base/oom/oom_report.h to find the
 * kills among them:
 *   4,36521,3525542108,-;hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
 *   3,36598,3525542288,-;Memory cgroup out of memory: Killed process 31548 (hog) total-vm:313180kB, ...
 * Traps: several kills may be in it.  PIDs are the initial namespace's, and a capture made inside a container
 * knows the target by another one: then no kill matches, and the last is the best guess (was_target is false).
 */
#ifndef SWANSONG_ANALYSIS_KILL_H
#define SWANSONG_ANALYSIS_KILL_H

#include "analysis/manifest.h"
#include "analysis/report.h"

#define KILL_TASKS_MAX 100

struct kill_context {
        int32_t target_pid;    /* 0: not known */
        uint64_t page_size;    /* REPORT_UNKNOWN: the tasks' RSS will be, too */
        uint64_t log_start_ns; /* CLOCK_REALTIME at the log's time 0, or REPORT_UNKNOWN */
};

/* The time of day at which the kernel's log began to count. */
uint64_t kill_log_start(const struct manifest *m);

/* The kill of the target; without one, the last kill.  *ret: NULL when there is none at all.  `raw` is changed
 * (records are unescaped in place).  0 or -ENOMEM. */
int kill_parse(char *raw, size_t len, const struct kill_context *context, struct pool *pool,
               const struct report_kill **ret);

#endif
