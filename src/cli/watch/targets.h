/* SPDX-License-Identifier: MIT */
/* watch_targets - which processes a watch is about: the rows of watch_targets.def, as the user gave them. */
#ifndef SWANSONG_CLI_WATCH_TARGETS_H
#define SWANSONG_CLI_WATCH_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/diag.h"

/* So many processes can be watched at the same time (the filter of exit_events.h has no room for more). */
#define WATCH_MAX 1024

struct watch_targets {
        pid_t pids[WATCH_MAX];
        unsigned n_pids;
        const char *exe, *comm, *group; /* or NULL */
        bool victim;
};

struct watch_target_type {
        const char *option, *argument, *help;
        char letter;
        int (*parse)(struct watch_targets *t, const char *text, struct diag *d);
};

extern const struct watch_target_type watch_target_types[];
extern const size_t n_watch_target_types;

/* What only shows when all options are known.  0, or -EINVAL with d filled. */
int watch_targets_check(const struct watch_targets *t, struct diag *d);

/* Are the processes looked for, so that others may come later? */
static inline bool watch_targets_are_looked_for(const struct watch_targets *t)
{
        return t->n_pids == 0;
}

/* Does memory running out in a group, or on the machine, decide who is attended, rather than each process's own size? */
static inline bool watch_targets_by_place(const struct watch_targets *t)
{
        return t->group || t->victim;
}

/* "process of /usr/bin/redis-server", "process called nginx* in memory group /a": raw, for a line that is
 * escaped as a whole. */
void watch_targets_describe(const struct watch_targets *t, struct buf *out);

#endif
