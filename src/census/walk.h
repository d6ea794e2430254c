/* SPDX-License-Identifier: MIT */
/* walk - go through the blocks of one glibc heap, from its first to its top.
 *
 *      | chunk in use | chunk free      | chunk in use | top
 *      a block is in use if the next one's PREV_INUSE says so
 * The program runs on meanwhile: a header that makes no sense is read again, then the walk goes on at the next place from
 * where a chain of blocks makes sense, and what lies between is counted as not seen.
 */
#ifndef SWANSONG_CENSUS_WALK_H
#define SWANSONG_CENSUS_WALK_H

#include "census/glibc.h"
#include "census/tally.h"
#include "census/window.h"

/* tcaches met on the way: a block of every thread's that has one. */
#define TCACHES_MAX 4096

/* All in bytes unless they count. */
struct heap_sums {
        uint64_t system; /* what the heap has from the kernel */
        uint64_t in_use,
                blocks_in_use; /* handed out by malloc, with headers; thread caches' blocks too until they are taken back */
        uint64_t free, blocks_free; /* in lists, or on their way there */
        uint64_t free_largest;
        uint64_t trimmable; /* whole pages within free blocks: malloc_trim(3) could give them back */
        uint64_t top;
        uint64_t unseen, torn;          /* skipped; how often */
        uint64_t cached, blocks_cached; /* free, in thread caches and fast lists; not in in_use nor in free */
};

/* A sample: one piece out of each stretch of the heap, at a random place in it. */
#define SAMPLE_PIECE ((uint64_t)256 << 10)

struct walk_sample {
        uint64_t stretch; /* bytes; 0: everything is read */
        uint64_t random;  /* the generator's state, not 0 */
        uint64_t pieces;
        double sum, squares; /* of the pieces' bytes in use */
};

struct walk {
        struct walk_sample sample;
        struct window *window;
        struct tally *tally;
        uint64_t deadline_ns; /* CLOCK_MONOTONIC */
        bool non_main;        /* of all blocks */
        bool late;            /* the deadline has passed */
        uint64_t tcaches[TCACHES_MAX];
        size_t n_tcaches;
};

/* n bytes at the address, through the window: nothing is made or swapped in by looking.  false: they are not there. */
bool walk_get(struct walk *w, uint64_t address, void *to, size_t n);

/* Half the width of the interval that holds the true number of bytes in use in 19 of 20 cases, after the sums were
 * scaled up by stretch / SAMPLE_PIECE. */
uint64_t walk_sample_error(const struct walk_sample *s);

/* The blocks in [start, end): until `top`, if it lies there, of which *sums gets what is there.  Adds to *sums. */
void walk_heap(struct walk *w, uint64_t start, uint64_t end, uint64_t top, struct heap_sums *sums);

/* Stretches of a main arena that mmap(2) gave, where brk(2) could not grow (node, whose heap is followed by another mapping):
 * anywhere in memory of no file, found by their first blocks, at a page's begin.  Until `wanted` bytes have been seen. */
void walk_mapped(struct walk *w, uint64_t top, uint64_t wanted, struct heap_sums *sums);

/* Does a chain of blocks begin there? */
bool walk_begins(struct walk *w, uint64_t address, uint64_t end, uint64_t top);

#endif
