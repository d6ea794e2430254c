/* SPDX-License-Identifier: MIT */
/* heap_remarks - what the figures of a recorder do not show, in sentences: report.heap.remarks. */
#ifndef SWANSONG_ANALYSIS_HEAP_HEAP_REMARKS_H
#define SWANSONG_ANALYSIS_HEAP_HEAP_REMARKS_H

#include "analysis/heap/recorder_sites.h"
#include "analysis/report.h"

/* r->malloc and the totals of r->heap are filled already.  0 or -ENOMEM. */
int heap_remarks_fill(const struct recorder *rec, const struct recorder_sites *sites, struct report *r);

#endif
