/* SPDX-License-Identifier: MIT */
/* stacks_input - everything that unwinding needs, read from the bundle and made safe.
 *
 * What is not there, or damaged, leaves its part empty and a row in report.missing; only running out of memory is
 * an error.
 */
#ifndef SWANSONG_ANALYSIS_STACKS_STACKS_INPUT_H
#define SWANSONG_ANALYSIS_STACKS_STACKS_INPUT_H

#include "analysis/symbols/module_file.h"
#include "analysis/stacks/stacks.h"
#include "analysis/thread_list.h"
#include "base/buf.h"

struct stacks_input {
        int bundle;
        struct report *report;
        int core_fd;
        struct buf maps, perf_map;
        struct core core; /* core.arch is NULL when there is none */
        struct modules modules;
        struct module_finder finder;
        struct thread_entry *threads;
        size_t n_threads;
        size_t missing_room;
};

/* 0 or -ENOMEM.  `in` must stay where it is, because its parts point to each other; stacks_input_done() also
 * after a failure. */
int stacks_input_read(struct stacks_input *in, int bundle, const struct stacks_options *o, struct report *r);
void stacks_input_done(struct stacks_input *in);

/* Add a row to the report's list of what is missing.  0 or -ENOMEM. */
int _printf_(4, 5)
        stacks_missing(struct stacks_input *in, const char *section, bool optional, const char *format, ...);

#endif
