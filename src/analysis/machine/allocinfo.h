/* SPDX-License-Identifier: MIT */
/* allocinfo - the kernel's own allocations by call site: /proc/allocinfo (Linux 6.10, CONFIG_MEM_ALLOC_PROFILING).
 *
 *   allocinfo - version: 1.0
 *   #     <size>  <calls> <tag info>
 *        8519680     1040 mm/slub.c:3036 func:alloc_slab_page
 *         131072       32 drivers/net/x.c:12 [x] func:x_open
 * Works on bytes.  What is allocated now, not since boot.
 */
#ifndef SWANSONG_ANALYSIS_MACHINE_ALLOCINFO_H
#define SWANSONG_ANALYSIS_MACHINE_ALLOCINFO_H

#include "analysis/report.h"

/* Fill s->allocations, with the largest sites, and the sums over all.  0 or -ENOMEM. */
int allocinfo_parse(const char *text, size_t len, struct pool *pool, struct report_system *s);

#endif
