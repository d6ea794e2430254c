/* SPDX-License-Identifier: MIT */
/* common_caller - on whose behalf most of the heap was allocated, where that is no single place.
 *
 * A leak need not have one line: a plan that PostgreSQL keeps is copied by forty functions.  Down the tree of calls from main()
 * there is one way as long as two thirds go it; where they part is the answer.
 *
 *   main → PortalRun → PrepareQuery → CompleteCachedPlan → … → copyObjectImpl   16 MiB
 *                                   → CreateCachedPlan → … → copyObjectImpl      9 MiB
 *                    → ExecuteQuery → CreatePortal                               6 MiB    PrepareQuery, 25 of 31 MiB
 */
#ifndef SWANSONG_ANALYSIS_HEAP_COMMON_CALLER_H
#define SWANSONG_ANALYSIS_HEAP_COMMON_CALLER_H

#include "analysis/report.h"

/* sites: most live bytes first.  The last function with a name on that way, and what was allocated under it; NULL: there is none,
 * main() and the C library aside.  Stacks whose outer frames are not known go no way.  0 or -ENOMEM. */
int common_caller(const struct report_site *sites, size_t n, const struct report_frame **ret,
                  uint64_t *ret_bytes);

#endif
