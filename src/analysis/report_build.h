/* SPDX-License-Identifier: MIT */
/* report_build - a bundle or a recorder in, a struct report out.
 *
 * The one entry to the analysis: opens it, runs every parser, the accounting and the verdict.
 * Whatever is missing or damaged becomes REPORT_UNKNOWN and a row of report.missing; nothing in a bundle
 * makes it fail.
 */
#ifndef SWANSONG_ANALYSIS_REPORT_BUILD_H
#define SWANSONG_ANALYSIS_REPORT_BUILD_H

#include "analysis/report.h"
#include "base/buf.h"
#include "base/diag.h"

struct stacks_options;

struct report_options {
        const struct stacks_options *stacks; /* how to unwind; NULL: leave the threads' stacks out */
        /* NULL, or appends the text of the kernel's log now, one record per line; 0 or -errno.  Asked for a recorder alone, of
         * a process that was killed: a bundle has its own. */
        int (*kernel_log)(struct buf *ret);
};

/* 0, or -errno with d filled: the path is no bundle and no recorder, or cannot be opened, or memory is out.  On success the
 * caller ends with report_done(). */
int report_build(const char *path, const struct report_options *o, struct report *ret, struct diag *d);

/* Free everything that belongs to the report. */
void report_done(struct report *r);

#endif
