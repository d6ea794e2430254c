/* SPDX-License-Identifier: MIT */
/* machine - the machine's memory as a whole: /proc/meminfo and /proc/pressure/{memory,io,cpu}.
 *
 *   MemAvailable:   21877652 kB
 *   HugePages_Total:       0                                       a count: no unit
 *   some avg10=0.00 avg60=0.00 avg300=0.00 total=0                 pressure: share of the time somebody waited, %
 */
#ifndef SWANSONG_ANALYSIS_MACHINE_MACHINE_H
#define SWANSONG_ANALYSIS_MACHINE_MACHINE_H

#include "analysis/source.h"

struct pressure { /* percent of the last 10 s; NaN unknown */
        double some, full;
};

void pressure_parse(const char *text, size_t len, struct pressure *ret);

/* Fill r->system.meminfo and pressure, r->memory.mem_total and mem_available.  0 or -ENOMEM. */
int machine_fill(struct source *s, struct report *r);

/* Fill the rest of r->system, with its verdict (machine_parts.c, machine_verdict.c).  0 or -ENOMEM. */
int machine_parts_fill(struct source *s, struct report *r);

#endif
