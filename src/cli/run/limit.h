/* SPDX-License-Identifier: MIT */
/* run_limit - a memory group of its own for one command, removed afterwards.
 *
 *   v1   below our own group:   memory/OURS/swansong-run.4711
 *   v2   beside our own group (a group with processes may have no children that are limited), or below the root:
 *        OURS/../swansong-run.4711
 * The group's swap is limited too, so that the limit is one of memory and not of patience. */
#ifndef SWANSONG_CLI_RUN_LIMIT_H
#define SWANSONG_CLI_RUN_LIMIT_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"

struct run_limit {
        char path[PATH_MAX]; /* the group's directory; "": there is none */
};

/* Make the group.  0, or -errno with d filled: not permitted, or no memory controller to be had. */
int run_limit_make(uint64_t bytes, struct run_limit *ret, struct diag *d);

/* Move a process in.  0 or -errno with d filled. */
int run_limit_enter(const struct run_limit *l, pid_t pid, struct diag *d);

/* Remove it.  0; -EBUSY: processes are still in it; -errno. */
int run_limit_remove(struct run_limit *l);

#endif
