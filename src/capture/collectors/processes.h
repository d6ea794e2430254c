/* SPDX-License-Identifier: MIT */
/* processes - processes.tsv: who holds the machine's memory, one row for each process (docs/bundle.md).
 *
 * One pass over /proc with four short files each: 70 us per process on a busy machine of 2 cores, 280 us at a load
 * of 40.  What cannot be seen (hidepid, other PID namespaces) has no row.  Kernel threads hold no memory of their own and
 * have none either.
 */
#ifndef SWANSONG_CAPTURE_COLLECTORS_PROCESSES_H
#define SWANSONG_CAPTURE_COLLECTORS_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the table's order: rss, anon, file, shmem, swap, page_tables. */
#define PROCESS_AMOUNTS 6

/* What /proc/PID/status says of a process. */
struct process_row {
        const char *name; /* in the text: as the kernel shows it, newline and backslash as \n and \\ */
        size_t name_len;
        uint64_t ppid, uid, threads;
        char state;
        bool has_memory;                  /* neither a kernel thread nor a zombie */
        uint64_t amount[PROCESS_AMOUNTS]; /* bytes; UINT64_MAX unknown */
};

/* 0, or -EINVAL: that is no status.  Works on bytes. */
int process_row_parse(const char *status, size_t len, struct process_row *ret);

#endif
