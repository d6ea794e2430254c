/* SPDX-License-Identifier: MIT */
/* thread_list - which threads there were, how each was taken, and what /proc said about each.
 *
 * Joins the bundle's threads.tsv (all threads, and why one could not be taken) with the core's notes (their
 * registers).  Where one of the two is lost, the other one does.
 */
#ifndef SWANSONG_ANALYSIS_THREAD_LIST_H
#define SWANSONG_ANALYSIS_THREAD_LIST_H

#include "analysis/stacks/core.h"
#include "analysis/report.h"
#include "analysis/thread_rows.h"

struct thread_entry {
        int32_t tid;
        const char *how;    /* "stopped", "syscall", "none" */
        const char *reason; /* NULL */
        const void *gregs;  /* in the core; NULL: no registers */
};

/* rows: of threads.tsv, n_rows 0 if it is lost; core: NULL if it is lost.  0 or -ENOMEM. */
int thread_list_make(const struct thread_row *rows, size_t n_rows, const struct core *core, struct pool *pool,
                     struct thread_entry **ret, size_t *ret_n);

/* Read comm, state and wchan from the directory proc/PID/task/TID into the report's thread.  What is not
 * there stays NULL. 0 or -ENOMEM. */
int thread_files_read(int task_dirfd, struct pool *pool, struct report_thread *t);

#endif
