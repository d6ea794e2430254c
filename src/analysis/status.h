/* SPDX-License-Identifier: MIT */
/* status - the fields of /proc/PID/status that a report shows.
 *
 *   Name:	redis-server
 *   State:	S (sleeping)
 *   Uid:	107	107	107	107          real, effective, saved, file system
 *   VmRSS:	    6640 kB
 * Works on bytes.  Traps: Name may hold anything, but the kernel escapes its newlines, so a line of ours
 * cannot be forged by it; a kernel thread and a zombie have no Vm lines at all.
 */
#ifndef SWANSONG_ANALYSIS_STATUS_H
#define SWANSONG_ANALYSIS_STATUS_H

#include "analysis/report.h"

struct status {
        const char *state; /* "S (sleeping)", in the pool; NULL */
        uint64_t uid;      /* effective */
        uint64_t ppid, threads;
        uint64_t vm_size, vm_rss, rss_anon, rss_file, rss_shmem, vm_swap; /* bytes */
        uint64_t vm_pte; /* page tables of all levels (since Linux 4.15; before, the lowest level only) */
};

/* Says nothing. */
extern const struct status status_unknown;

/* What is not there is REPORT_UNKNOWN (state: NULL).  0 or -ENOMEM. */
int status_parse(const char *text, size_t len, struct pool *pool, struct status *ret);

#endif
