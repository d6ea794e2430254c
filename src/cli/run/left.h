/* SPDX-License-Identifier: MIT */
/* run_left - what a command and its children left behind: recorders of killed processes become bundles with reports.
 *
 * Of the command itself a bundle is made whenever a signal ended it that it had no say in; of its children, whose exit
 * status nobody told us, when the kernel's log says that it killed them for memory. */
#ifndef SWANSONG_CLI_RUN_LEFT_H
#define SWANSONG_CLI_RUN_LEFT_H

#include <stdbool.h>

#include "base/target.h"
#include "cli/run/options.h"

struct run_left {
        const struct run_options *options;
        const struct target *command; /* opened when it was started */
        int status;                   /* of the command, as from waitpid() */
        int recorders;                /* the directory that the agent was told */
        const char *recorders_name;
        uint64_t since_ns; /* CLOCK_MONOTONIC when it was started */
        int out_dir;
        const char *out_name;
        const char *const *bundles; /* those that the watcher has made already */
        unsigned n_bundles;

        unsigned made;  /* how many are made here */
        char *source;   /* the command's bundle or recorder, for checks; malloc'ed, NULL: none */
        unsigned alive; /* processes that still record */
        bool waited;    /* for the kernel's log to be written */
};

/* Make the bundles, name each on stdout; fills what stands last in the struct.  0, or -errno of the first failure, with d filled; the others are made. */
int run_left_report(struct run_left *l, struct diag *d);

void run_left_done(struct run_left *l);

#endif
