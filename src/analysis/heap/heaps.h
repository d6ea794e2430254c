/* SPDX-License-Identifier: MIT */
/* heaps - report.heaps: what capture found of heaps that are not glibc's (proc/PID/census/heap*.tsv, docs/bundle.md). */
#ifndef SWANSONG_ANALYSIS_HEAP_HEAPS_H
#define SWANSONG_ANALYSIS_HEAP_HEAPS_H

#include "analysis/source.h"

/* Before where_account(), which needs to know where they lie.  0 or -ENOMEM. */
int heaps_fill(struct source *s, struct report *r);

/* The one that stands in for malloc(3) and has totals; NULL: glibc's, or none that is understood. */
const struct report_other_heap *heaps_malloc(const struct report *r);

#endif
