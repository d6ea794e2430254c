/* SPDX-License-Identifier: MIT */
/* watch_options - the command line of `swansong watch`: memdoor's options with memdoor's meaning, the
 * conditions of triggers.def, and where the bundles go. */
#ifndef SWANSONG_CLI_WATCH_OPTIONS_H
#define SWANSONG_CLI_WATCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/diag.h"
#include "brake/brake.h"
#include "census/how.h"
#include "cli/watch/targets.h"
#include "trigger/observer.h"

struct watch_options {
        struct watch_targets targets;
        struct observer_rules rules;
        struct trigger arm; /* --arm's level; where places decide (watch_place.h) it is not among the rules */
        uint64_t interval_ns; /* -i, or its default */
        bool periodic;        /* no condition, only -i: dump at every interval */
        uint64_t cycles;      /* end after so many intervals; 0: never */
        uint64_t max_dumps;   /* end after so many dumps; 0: never */
        unsigned keep;        /* bundles of one target; 0: all */
        uint64_t max_disk;    /* bytes of all bundles; 0: no limit */
        const char *out_dir;
        uint64_t kill_budget_ns;
        enum brake_kind brake;      /* --brake, --hold */
        double brake_percent;       /* of memory.max */
        uint64_t brake_deadline_ns; /* from the moment at which it takes effect */
        bool on_crash;              /* present at fatal signals of the program itself, too */
        const char *exec;           /* a shell command for each bundle, or NULL */
        bool dry_run;
        enum census_how census;
        bool lock_memory;
        bool report;
        bool help;
};

/* 0, or -EINVAL with d filled. */
int watch_options_parse(int argc, char **argv, struct watch_options *ret, struct diag *d);

void watch_options_help(FILE *out);

#endif
