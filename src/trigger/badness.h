/* SPDX-License-Identifier: MIT */
/* badness - whom would the kernel kill next?  Its own formula: oom_badness() of mm/oom_kill.c, since Linux 4.17.
 *
 *   points = RSS + swap + page tables, in pages
 *          + oom_score_adj * (total / 1000)        total: the pages of whatever ran out (badness_total_pages)
 *
 * The process with the most points is killed, with all threads.  Never: kernel threads, PID 1, a process with
 * oom_score_adj -1000, one without memory (a zombie, or one that has been killed already).
 * /proc/PID/oom_score is the same for the machine as a whole, in 1500ths of its memory: too coarse for the
 * ranking inside a group.
 *
 * Out of two reads: `status` (VmRSS, VmSwap, VmPTE) and `oom_score_adj`; some 12 us per process with the opening.
 * Traps: a process whose first thread has ended shows no memory there and is left out, though the kernel finds
 * its memory by another thread.  The kernel also spares a child between vfork() and exec, which cannot be seen.
 */
#ifndef SWANSONG_TRIGGER_BADNESS_H
#define SWANSONG_TRIGGER_BADNESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BADNESS_NEVER INT64_MIN

struct badness_facts {
        uint64_t rss, swap, page_tables; /* bytes */
        int oom_score_adj;               /* -1000 ... 1000 */
};

/* Points in pages; BADNESS_NEVER.  May be negative: then it is killed after all others. */
int64_t badness_points(const struct badness_facts *f, uint64_t total_pages, uint64_t page_size);

/* What is full: a memory group with this limit, or the machine.  In pages, as the kernel counts: with swap. */
uint64_t badness_total_pages(uint64_t memory, uint64_t swap, uint64_t page_size);

/* Out of the texts of /proc/PID/status and oom_score_adj.  0, or -ENODATA: it has no memory (kernel thread,
 * zombie); -EINVAL. */
int badness_facts_parse(const char *status, size_t status_len, const char *adj, size_t adj_len,
                        struct badness_facts *ret);

/* Read them below the directory /proc, whose fd is given.  Also -ESRCH: gone; -errno. */
int badness_facts_read(int proc_fd, pid_t pid, struct badness_facts *ret);

struct badness_rank {
        pid_t pid;
        int64_t points;
};

/* Rank the n processes: ranks[] is theirs, sorted by points, the first to be killed first (of equals the one with the
 * lower PID); those that are never killed, and PID 1 and `self`, are left out.  Returns how many are left. */
size_t badness_rank(int proc_fd, const pid_t *pids, size_t n, pid_t self, uint64_t total_pages,
                    struct badness_rank *ranks);

#endif
