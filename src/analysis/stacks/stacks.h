/* SPDX-License-Identifier: MIT */
/* stacks - what every thread was doing: from a bundle's core to report.threads.
 *
 * Reads the bundle's core, threads.tsv, proc/PID/maps, proc/PID/task/TID/{comm,status,stat,wchan} and the
 * JIT's symbol map, unwinds each thread (unwind.h), names the frames (symbols.h, lines.h), and finds the
 * threads that have the same stack.  Never touches a live process, executes nothing, and takes code and
 * symbols only from ELF files whose build ID is the one seen in the target's memory.
 */
#ifndef SWANSONG_ANALYSIS_STACKS_STACKS_H
#define SWANSONG_ANALYSIS_STACKS_STACKS_H

#include <stdbool.h>

#include "analysis/report.h"

struct stacks_options {
        int binaries_fd;     /* table of the target's open module files (capture/collectors/binaries.h), or -1; stays the
                                caller's */
        bool lines;          /* file:line and inlined frames too: reads the debug information */
        const char *sysroot; /* directory below which the target's paths are looked for first, or NULL */
        void (*progress)(void *data, const char *what); /* called before something slow, or NULL */
        void *progress_data;
};

/* Fill r->threads, r->n_threads and r->n_threads_captured; r->process.pid says which process.  What could not
 * be had (a core, a module's symbols) is added to r->missing.  0, or -ENOMEM. */
int stacks_analyse(int bundle_dirfd, const struct stacks_options *o, struct report *r);

#endif
