/* SPDX-License-Identifier: MIT */
/* source - the open bundle while its report is made: reads sections, and keeps the list of what could not be read.
 *
 *   if (source_read(s, &text, false, "proc/%d/limits", s->pid) == 0)
 *           limits_parse(text.data, text.len, &limits);
 */
#ifndef SWANSONG_ANALYSIS_SOURCE_H
#define SWANSONG_ANALYSIS_SOURCE_H

#include "analysis/manifest.h"
#include "analysis/missing.h"
#include "analysis/status.h"
#include "base/buf.h"

struct source {
        int bundle;         /* the directory; -1: there is none, only a recorder */
        bool remains;       /* the process was gone: that it has no files is no news */
        int32_t pid;        /* the target; 0: the bundle does not tell */
        uint64_t page_size; /* REPORT_UNKNOWN */
        struct pool *pool;  /* the report's */
        struct manifest manifest;
        struct missing missing;
        struct status status; /* the target's, once process_fill() has read it */
};

/* Read a section into b, which is emptied before; its bytes are NUL-terminated behind b->len.  0 or -errno; then
 * the reason is in the list of what is missing, unless an optional section just is not there. */
int source_read(struct source *s, struct buf *b, bool optional, const char *format, ...) _printf_(4, 5);

/* The number that a whole file holds ("oom_score_adj": -17), or REPORT_UNKNOWN_INT, also for one that cannot be. */
int32_t source_read_int(int dirfd, const char *path, int32_t least, int32_t most);

#endif
