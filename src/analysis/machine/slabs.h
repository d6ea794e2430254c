/* SPDX-License-Identifier: MIT */
/* slabs - the kernel's own caches, from /proc/slabinfo (version 2.1; root only).
 *
 *   slabinfo - version: 2.1
 *   # name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables ...
 *   dentry             104202 104202    192   21    1 : tunables    0    0    0 : slabdata   4962   4962 0
 * Works on bytes.  Memory is num_slabs * pagesperslab pages: what the cache holds, used or not.
 */
#ifndef SWANSONG_ANALYSIS_MACHINE_SLABS_H
#define SWANSONG_ANALYSIS_MACHINE_SLABS_H

#include "analysis/report.h"

/* The caches that hold memory, largest first.  page_size in bytes (REPORT_UNKNOWN: then their size is counted
 * in objects).  0 or -ENOMEM. */
int slabs_parse(const char *text, size_t len, uint64_t page_size, struct pool *pool,
                const struct report_slab **ret, size_t *ret_n);

#endif
