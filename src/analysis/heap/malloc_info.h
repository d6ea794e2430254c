/* SPDX-License-Identifier: MIT */
/* malloc_info - the bundle's proc/PID/malloc_info/totals.tsv: what the allocator itself said when it was asked. */
#ifndef SWANSONG_ANALYSIS_HEAP_MALLOC_INFO_H
#define SWANSONG_ANALYSIS_HEAP_MALLOC_INFO_H

#include "analysis/report.h"
#include "analysis/source.h"

/* After census_fill(): r->malloc.own; and where nobody else told, the figures of r->malloc. */
void malloc_info_fill(struct source *s, struct report *r);

#endif
