/* SPDX-License-Identifier: MIT */
/* maps - the mappings of /proc/PID/maps and smaps, and the sums of smaps and smaps_rollup.
 *
 * Works on bytes; never opens /proc.  smaps is a line of maps (base/maps_line.h) followed by its keys:
 *   7f0c6a1d1000-7f0c6a1d3000 rw-p 00000000 00:00 0          [heap]
 *   Rss:                   8 kB
 *   VmFlags: rd wr mr mw me ac
 * Traps: a key that this kernel lacks (Pss_Dirty before 5.12's successors, SwapPss before 4.3) stays unknown;
 * the kernel writes smaps mapping by mapping while the process runs, and a capture may cut it anywhere.
 */
#ifndef SWANSONG_ANALYSIS_MAPS_H
#define SWANSONG_ANALYSIS_MAPS_H

#include "analysis/report.h"

/* Bytes, summed over all mappings; REPORT_UNKNOWN where no mapping says. */
struct smaps_total {
        uint64_t rss, pss, private_clean, private_dirty, swap, anonymous;
        uint64_t anon_huge;                       /* in transparent huge pages: part of rss */
        uint64_t shared_hugetlb, private_hugetlb; /* hugetlbfs: no part of rss */
        uint64_t locked;
        uint64_t page_size; /* the kernel's, from the first mapping (smaps only) */
};

/* Says nothing. */
extern const struct smaps_total smaps_total_unknown;

struct maps {
        struct report_map *list; /* in the pool, in the order of the file (the kernel's: by address) */
        size_t n;
};

/* All lines of maps; their sizes in memory are unknown.  What is no line of maps is passed over.  0 or
 * -ENOMEM. */
int maps_parse(const char *text, size_t len, struct pool *pool, struct maps *ret);

/* The mappings of smaps with their keys, and the sums.  0 or -ENOMEM. */
int smaps_parse(const char *text, size_t len, struct pool *pool, struct maps *ret,
                struct smaps_total *ret_total);

/* The sums of smaps_rollup. */
void smaps_rollup_parse(const char *text, size_t len, struct smaps_total *ret);

/* Complete `smaps` with the mappings of `maps` that lie behind its last one.  *ret_complete: nothing had to
 * be added, and the last mapping has its keys: the sums are those of the whole process.  0 or -ENOMEM. */
int maps_merge(const struct maps *maps, const struct maps *smaps, struct pool *pool, struct maps *ret,
               bool *ret_complete);

/* Of the files that hold its code none is a library, the loader neither: a static program. */
bool maps_are_static(const struct report_map *maps, size_t n);

#endif
