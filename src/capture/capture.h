/* SPDX-License-Identifier: MIT */
/* capture - copy one process into a bundle, most perishable first.
 *
 * It copies and does not interpret: registers, stacks, raw /proc text.  The order is that of collectors.def.
 * Nothing here symbolises, formats for people, or needs libdw.
 */
#ifndef SWANSONG_CAPTURE_CAPTURE_H
#define SWANSONG_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/oom/storm.h"
#include "base/target.h"
#include "census/how.h"

struct capture_request {
        const struct target *target;
        int out_dirfd;            /* where the bundle goes */
        const char *out_dir;      /* the same as the user wrote it */
        const char *trigger_kind; /* "dump", "rss", ... */
        const char *trigger_sentence;
        const char *guarantee;     /* "early" for everything that stops the target itself; NULL without a target */
        const struct buf *history; /* history.tsv, or NULL */
        const char *only;          /* comma-separated collector groups (see collectors.def), NULL: all */
        bool with_environ;
        enum census_how census; /* how much of the heap is read */
        bool with_contents;     /* what some of its blocks hold, too: secrets may be in them */
        bool with_malloc_info; /* have a thread of the target ask the allocator */
        struct storm *storm; /* the tables of the machine's processes at most once in a while; NULL: always */
        void (*untraced)(void *data); /* called when the target is traced no more, long before the capture ends; or NULL */
        void *untraced_data;
        bool has_binaries;              /* the caller holds the target's files open already (binaries.h) */
        uint64_t stop_deadline_ns; /* how long to wait for a thread to stop; 0: the default */
};

struct capture_outcome {
        char *path;      /* the finished bundle (malloc'ed) */
        bool incomplete; /* a section that every process has is missing: exit status 4 */
        bool target_died;
        uint64_t pause_ns; /* UINT64_MAX if nothing was stopped */
        int binaries_fd;   /* table of the target's open module files for swansong-report --binaries, or -1 */
};

/* 0, or -errno with d filled when no bundle could be made (bad directory, target gone before it began, not
 * permitted); then nothing is left behind. */
int capture_run(const struct capture_request *request, struct capture_outcome *ret, struct diag *d);

/* The machine alone, no process: a bundle of the groups `machine` and `processes`, whose manifest has no target.
 * Of the request, target, history and only are not looked at. As above. */
int capture_machine(const struct capture_request *request, struct capture_outcome *ret, struct diag *d);

void capture_outcome_done(struct capture_outcome *o);

/* Is `only` a list of known groups?  0, or -EINVAL with d naming the unknown one and those that exist. */
int capture_only_check(const char *only, struct diag *d);

/* Touch everything that capture_run() will need (code, stack, buffers), so that nothing has to be paged in
 * when memory is out. */
int capture_prepare(void);

#endif
