/* SPDX-License-Identifier: MIT */
/* where - what the resident memory is, by what each mapping is for.
 *
 * The rows add up to memory.rss exactly; the last one, "unexplained", is what the rest does not account for.  Page
 * tables, swap, hugetlbfs and socket memory are no part of RSS and have their own fields.
 *
 *   55d0c9a00000-55d0c9c21000 rw-p ... [heap]                       the heap
 *   7f0c64000000-7f0c64a21000 rw-p, then ---p up to 7f0c68000000    a malloc arena of glibc: 64 MiB, aligned to it
 *   7f0c6a000000-7f0c6a001000 ---p, then rw-p with a thread's SP    a thread's stack behind its guard page
 *   c000000000-c000400000 rw-p                                      Go's heap: it asks for this address
 * Traps: a Go thread's SP lies in Go's heap, so an SP alone makes no stack; anonymous neighbours with the same
 * permissions merge into one mapping.
 */
#ifndef SWANSONG_ANALYSIS_WHERE_H
#define SWANSONG_ANALYSIS_WHERE_H

#include "analysis/report.h"
#include "analysis/thread_rows.h"

enum where {
        WHERE_HEAP,
        WHERE_ARENAS,
        WHERE_ANONYMOUS,
        WHERE_GO_HEAP,
        WHERE_GENERATED_CODE,
        WHERE_STACKS,
        WHERE_CODE,
        WHERE_COPIES,
        WHERE_FILES,
        WHERE_SHARED,
        WHERE_SPECIAL,
        N_WHERE,
};

/* Fill r->memory.where from r->maps (or, where no mapping's size is known, from anon, file and shmem), largest
 * first.  r->memory.rss is raised to the sum if that is more (smaps was read at another instant, and says so in
 * r->memory.source).  0 or -ENOMEM. */
int where_account(struct report *r, const struct thread_row *threads, size_t n_threads);

/* Bytes of one kind; 0 if there is no such row. */
uint64_t where_bytes(const struct report *r, enum where what);

#endif
