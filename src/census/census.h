/* SPDX-License-Identifier: MIT */
/* census - who is in the heap of a process that was started without us: glibc's arenas, read from outside while it runs on,
 * and the totals of other allocators and of language runtimes (heap.h).
 *
 * Reads memory, never writes, never stops anybody.  Refuses, with the reason, what it does not understand.
 */
#ifndef SWANSONG_CENSUS_CENSUS_H
#define SWANSONG_CENSUS_CENSUS_H

#include "census/heap.h"
#include "census/how.h"
#include "census/tally.h"
#include "census/walk.h"

/* By default 8 for each CPU: enough for 2,048 of these. */
#define CENSUS_ARENAS_MAX 16384

struct census_request {
        enum census_how how; /* never OFF */
        const struct remote_memory *memory;
        int pagemap_fd;         /* or -1 */
        const struct buf *maps; /* the text of /proc/PID/maps */
        uint64_t deadline_ns;   /* CLOCK_MONOTONIC */
        bool agent_knows;       /* who allocated every block: glibc's heap need not be counted */
};

struct census_arena {
        uint64_t address;
        bool main;
        struct heap_sums sums;
};

struct census {
        const char *versions;  /* of the layout: "2.27 or later" */
        char refused[160];     /* why nothing is known of glibc's heap, or "" */
        struct census_arena arenas[CENSUS_ARENAS_MAX];
        size_t n_arenas;
        struct heap_sums sums; /* of all arenas */
        uint64_t mmapped,
                blocks_mmapped; /* bytes of blocks with a mapping of their own, by the allocator's own count */
        bool mmapped_known;
        uint64_t bytes_read, swapped_pages, duration_ns;
        uint64_t sample_pieces,
                sample_error; /* of a sample: how many pieces; bytes in use are right within it; else 0 */
        bool late;            /* the deadline came first: what is there is a part */
        struct heap *heaps;   /* those that are not glibc's */
        size_t n_heaps;
        struct ranges ranges;
        struct tally tally;
};

/* 0 (also when it was refused), -ENOMEM.  Free with census_free(). */
int census_take(const struct census_request *request, struct census **ret);
void census_free(struct census *c);

#endif
