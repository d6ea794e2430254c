/* SPDX-License-Identifier: MIT */
/* heap - report.heap: who holds the live heap, from a recorder's samples, with names. */
#ifndef SWANSONG_ANALYSIS_HEAP_HEAP_H
#define SWANSONG_ANALYSIS_HEAP_HEAP_H

#include "analysis/missing.h"
#include "analysis/heap/recorder.h"
#include "analysis/stacks/stacks.h"

/* How far back growth is looked at. */
#define HEAP_GROWTH_S 10.0

/* Fill r->heap; `o` as for stacks.  r->maps is used if it is there.  0 or -ENOMEM. */
int heap_fill(const struct recorder *rec, const struct stacks_options *o, struct missing *missing,
              struct report *r);

#endif
