/* SPDX-License-Identifier: MIT */
/* census - report.census, heap.types and heap.sizes: the heap of a process without the agent, as capture counted it
 * (proc/PID/census, docs/bundle.md).
 *
 *   kind	word	size_max	blocks	bytes
 *   module	0x55d0c0f3ab10	96	1200000	105600000      <- names come from the symbols of the module
 */
#ifndef SWANSONG_ANALYSIS_HEAP_CENSUS_H
#define SWANSONG_ANALYSIS_HEAP_CENSUS_H

#include "analysis/symbols/module_file.h"
#include "analysis/source.h"

/* Fill them from the bundle, types without names; also report.malloc where the agent has not.  0 or -ENOMEM. */
int census_fill(struct source *s, struct report *r);

/* Name the types.  0 or -ENOMEM. */
int census_name(const struct modules *modules, const struct module_finder *finder, struct report *r);

#endif
