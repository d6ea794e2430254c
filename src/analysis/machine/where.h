/* SPDX-License-Identifier: MIT */
/* machine_where - where all of the machine's memory is, out of the kernel's counters: rows that add up to MemTotal.
 *
 * Each row is a counter of /proc/meminfo (or vmstat), or a difference of two; the last is what no counter knows:
 * "not accounted for": pages that drivers, the network or a balloon took without a word.
 * Traps: Cached has Shmem in it; KReclaimable has SReclaimable in it; with CONFIG_VMAP_STACK (x86-64, arm64) VmallocUsed
 * has the kernel stacks in it; VmallocUsed is 0 before Linux 5.3; an unmapped page of the swap cache is in none of them.
 */
#ifndef SWANSONG_ANALYSIS_MACHINE_WHERE_H
#define SWANSONG_ANALYSIS_MACHINE_WHERE_H

#include "analysis/report.h"

/* What holds memory, as the verdict names causes. */
enum machine_cause {
        MACHINE_FREE,
        MACHINE_CACHE, /* dropped when memory is wanted */
        MACHINE_USER_SPACE,
        MACHINE_TMPFS,
        MACHINE_SLAB,
        MACHINE_PAGE_TABLES,
        MACHINE_HUGE_PAGES,
        MACHINE_COMPRESSED_SWAP,
        MACHINE_KERNEL,
        MACHINE_UNACCOUNTED,
        MACHINE_CAUSES
};

struct machine_sums {
        uint64_t bytes[MACHINE_CAUSES]; /* 0 where nothing is known */
        uint64_t held;                  /* what cannot be dropped: all but the first two */
};

/* Fill s->where and counted_twice, lru and slab.  vmstat: its counters, compressed_swap among them, in pages.
 * 0 or -ENOMEM. */
int machine_where(const struct report_key_value *vmstat, size_t n_vmstat, uint64_t page_size,
                  struct pool *pool, struct report_system *s, struct machine_sums *ret);

#endif
