/* SPDX-License-Identifier: MIT */
/* malloc_stats - what the allocator under the program says about itself.
 *
 * Allocators' statistics take the allocator's own locks: only from the service thread, or where the program itself asks;
 * never in a signal handler.
 */
#ifndef SWANSONG_AGENT_MALLOC_STATS_H
#define SWANSONG_AGENT_MALLOC_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/recorder/recorder_layout.h"

struct malloc_stats {
        const char *name;
        /* Is this the allocator that malloc() belongs to?  Looks up what take() needs. */
        bool (*find)(void);
        /* Fill rows[0] with the whole and rows[1..] with arenas, at most max rows (>= 1); their number.  Without `arenas`
         * only what is cheap. */
        size_t (*take)(struct recorder_malloc *rows, size_t max, bool arenas);
};

extern const struct malloc_stats malloc_stats_glibc, malloc_stats_jemalloc, malloc_stats_tcmalloc,
        malloc_stats_mimalloc;

/* The allocator's name, "" when it is none we know. */
const char *malloc_stats_name(void);

/* Take them into the recorder. */
void malloc_stats_take(bool arenas);

/* A function of the library that malloc() comes from; NULL if it has none of this name. */
void *malloc_stats_symbol(const char *name);

#endif
