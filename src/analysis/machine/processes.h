/* SPDX-License-Identifier: MIT */
/* machine_processes - who holds the machine's memory: processes.tsv and groups.tsv (docs/bundle.md).
 *
 * Works on bytes.  A process's RSS counts pages that it shares; the sum over all is more than what they hold.
 */
#ifndef SWANSONG_ANALYSIS_MACHINE_PROCESSES_H
#define SWANSONG_ANALYSIS_MACHINE_PROCESSES_H

#include "analysis/report.h"

/* The whole table, while it is needed. */
struct process_table {
        struct report_machine_process *rows;
        size_t n;
};

/* 0; -EINVAL: not such a table; -ENOMEM. */
int process_table_parse(const char *text, size_t len, struct pool *pool, struct process_table *ret);

/* Fill s's lists and sums of processes and names.  Sorts the table.  0 or -ENOMEM. */
int machine_processes(struct process_table *t, struct pool *pool, struct report_system *s);

/* Fill s's list of groups; t (may be empty) tells how many processes each has.  0, -EINVAL, -ENOMEM. */
int machine_groups(const char *text, size_t len, struct process_table *t, struct pool *pool,
                   struct report_system *s);

#endif
