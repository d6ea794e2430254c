/* SPDX-License-Identifier: MIT */
/* thread_rows - threads.tsv of docs/bundle.md: how each thread was taken, and where its stack is.
 *
 *   tid	how	pc	sp	stack_start	stack_bytes	reason
 *   4711	stopped	0x7f0c6a2d1	0x7ffc11223340	0x7ffc11223000	8192	-
 */
#ifndef SWANSONG_ANALYSIS_THREAD_ROWS_H
#define SWANSONG_ANALYSIS_THREAD_ROWS_H

#include "analysis/report.h"

struct thread_row {
        int32_t tid;
        const char *how;              /* "stopped", "syscall", "none"; NULL unknown */
        uint64_t pc, sp, stack_start; /* addresses; REPORT_UNKNOWN */
        uint64_t stack_bytes;
        const char *reason; /* NULL */
};

/* 0 or -ENOMEM; what is no row is passed over. */
int thread_rows_parse(const char *text, size_t len, struct pool *pool, const struct thread_row **ret,
                      size_t *ret_n);

#endif
