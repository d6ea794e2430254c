/* SPDX-License-Identifier: MIT */
/* run_options - the command line of `swansong run`: its own options, those of `swansong watch`, and the command. */
#ifndef SWANSONG_CLI_RUN_OPTIONS_H
#define SWANSONG_CLI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/size.h"

#define RUN_CHECKS_MAX 8
#define RUN_WATCH_ARGS 256

struct run_options {
        bool help;
        uint64_t limit; /* bytes; 0: none */
        bool fail_on_dump;
        const char *
                checks[RUN_CHECKS_MAX]; /* "growth=10M", "leak=1M": as swansong-report --fail-on takes them */
        unsigned n_checks;
        const char *out_dir; /* -o, or NULL */
        bool report;
        char *watch_args[RUN_WATCH_ARGS +
                         6]; /* for watch_main(), from [RUN_WATCH_OWN] on: what the user gave */
        int n_watch_args;
        char **command; /* ends with NULL */
};

/* Where the user's options begin in watch_args: before stand the command's name, -p PID and -o DIR. */
#define RUN_WATCH_OWN 5

/* 0, or -EINVAL with d filled. */
int run_options_parse(int argc, char **argv, struct run_options *ret, struct diag *d);

void run_options_help(FILE *out);

#endif
