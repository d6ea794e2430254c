/* SPDX-License-Identifier: MIT */
/* memory - how much memory the process holds and what bounds it, out of several witnesses that may disagree.
 *
 * The best witness that could be had is taken for everything, so that the figures fit together: smaps when it is
 * whole, then smaps_rollup, status, statm; of one that was gone, the kernel's line about its kill.  Traps: status counts with up to 64 pages of error per thread before
 * Linux 6.2, and knows no PSS; hugetlbfs is no part of RSS; page tables are in none but status.
 */
#ifndef SWANSONG_ANALYSIS_MEMORY_H
#define SWANSONG_ANALYSIS_MEMORY_H

#include "analysis/limits.h"
#include "analysis/maps.h"
#include "analysis/report.h"
#include "analysis/status.h"

struct statm { /* bytes; REPORT_UNKNOWN */
        uint64_t size, rss, shared;
};

/* "2545 1658 1024 5 0 370 0": size, resident, shared, ... in pages of page_size bytes (REPORT_UNKNOWN allowed). */
void statm_bytes_parse(const char *text, size_t len, uint64_t page_size, struct statm *ret);

struct memory_witnesses {
        struct smaps_total smaps, rollup;
        bool smaps_complete;
        struct status status;
        struct statm statm;
};

/* Fill r->memory from rss to shmem, and the address space, huge pages and source. */
void memory_account(struct report *r, const struct memory_witnesses *w);

/* Of a process that was gone when it was looked at: what the kernel says it had when it was killed (r->kill), if that is more than
 * what was found.  True if it is; rows of r->memory.where are then to be made anew. */
bool memory_of_killed(struct report *r);

/* Fill r->memory.limit, limit_source and limit_used from r->cgroup, r->kill and the machine's memory.  0 or -ENOMEM. */
int memory_limit(struct report *r);

#endif
