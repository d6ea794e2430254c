/* SPDX-License-Identifier: MIT */
/* map_index - which mapping holds an address: /proc/PID/maps as a sorted array.
 *
 * Made before the pause; looking up allocates nothing and reads nothing.  One line (base/maps_line.h):
 *   7ffc2d192000-7ffc2d1b3000 rw-p 00000000 00:00 0                          [stack]
 */
#ifndef SWANSONG_CAPTURE_STACKS_MAP_INDEX_H
#define SWANSONG_CAPTURE_STACKS_MAP_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum map_flag {
        MAP_IS_READ = 1,
        MAP_IS_WRITE = 2,
        MAP_IS_EXEC = 4,
        MAP_IS_FILE = 8,
        MAP_IS_STACK = 16, /* "[stack]": the main thread's, which grows downwards */
        MAP_IS_VDSO = 32,
};

struct map_range {
        uint64_t start, end;
        uint64_t offset, inode; /* 0 if it is no file */
        uint32_t dev_major, dev_minor;
        unsigned flags; /* enum map_flag */
};

struct map_index {
        struct map_range *ranges; /* ascending, never overlapping */
        size_t n;
};

/* Lines that make no sense are left out.  0 or -ENOMEM. */
int map_index_make(const struct buf *maps, struct map_index *ret);
void map_index_done(struct map_index *m);

/* The first range that ends above the address, whether it holds it or not; NULL: none. */
const struct map_range *map_index_at_or_above(const struct map_index *m, uint64_t address);

/* The range that holds the address, or NULL. */
const struct map_range *map_index_find(const struct map_index *m, uint64_t address);

#endif
