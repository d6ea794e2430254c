/* SPDX-License-Identifier: MIT */
/* run_watcher - `swansong watch` as a process beside the command: it must not be the one that waits for the command, whose
 * exit status is ours to pass on, and whose terminal and signals are none of its business.
 */
#ifndef SWANSONG_CLI_RUN_WATCHER_H
#define SWANSONG_CLI_RUN_WATCHER_H

#include <sys/types.h>

#include "base/diag.h"
#include "cli/run/options.h"

#define RUN_BUNDLES_MAX 1024

struct run_watcher {
        pid_t pid;  /* 0: it has ended */
        int out_fd; /* its "bundle: PATH" lines; at its end, when it has ended */
        char line[4096 + 64];
        size_t line_len;
        char *bundles[RUN_BUNDLES_MAX]; /* malloc'ed */
        unsigned n_bundles;
};

#define RUN_WATCHER_NONE ((struct run_watcher){.out_fd = -1})

/* Begin to watch `command`; returns when it does, or cannot.  0, or -errno with d filled. */
int run_watcher_start(const struct run_options *o, pid_t command, const char *out_dir,
                      struct run_watcher *ret, struct diag *d);

/* Take what it says: pass it on to stdout, remember the bundles.  False at its end. */
bool run_watcher_hear(struct run_watcher *w);

void run_watcher_done(struct run_watcher *w);

#endif
