/* SPDX-License-Identifier: MIT */
/* history - the watcher's samples before the trigger (history.tsv of docs/bundle.md), and how fast they grew.
 */
#ifndef SWANSONG_ANALYSIS_HISTORY_H
#define SWANSONG_ANALYSIS_HISTORY_H

#include "analysis/report.h"

/* The samples, oldest first; a row without a time or out of order is passed over.  0 or -ENOMEM; no header:
 * none. */
int samples_parse(const char *text, size_t len, struct pool *pool, const struct report_sample **ret,
                  size_t *ret_n);

struct growth {
        double bytes_per_s; /* slope of the straight line through the samples; NaN: fewer than two */
        double seconds;     /* how long the samples reach back */
        double gained;      /* last value minus first, bytes; may be negative */
        double steadiness;  /* R squared of the line, 0..1: 1 is a straight line, near 0 is noise */
        size_t n;           /* samples used */
};

/* The growth of one column (offsetof(struct report_sample, rss)) over the last moments: the samples of the
 * last 10 s, but at least the last 8. */
struct growth samples_growth(const struct report_sample *samples, size_t n, size_t column);

#endif
