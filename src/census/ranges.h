/* SPDX-License-Identifier: MIT */
/* ranges - what a heap census has to know of /proc/PID/maps: where memory can be read and written, and where modules lie.
 *
 *   7f2a90000000-7f2a90021000 rw-p 00000000 00:00 0                          -> writable, anonymous
 *   7f2a94b5f000-7f2a94b61000 rw-p 001cf000 08:01 1837  /usr/lib/libc.so.6   -> writable, of a module
 * A module's .bss is anonymous and follows its last file mapping without a gap: it counts for the module.
 */
#ifndef SWANSONG_CENSUS_RANGES_H
#define SWANSONG_CENSUS_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct range {
        uint64_t start, end;
        uint32_t module; /* index of the module's first range + 1, 0: of no module */
        bool writable, readable, heap, stack;
        bool executable; /* and not the kernel's own */
        bool anonymous; /* of no file: a .bss is, and so is what the kernel happens to put behind one */
        const char *
                name; /* of its file, without the directory: in the text that it was made of; not terminated */
        size_t name_len;
};

struct ranges {
        struct range *list; /* ascending, never overlapping */
        size_t n;
        size_t libc; /* index of libc's first range, SIZE_MAX: no libc */
        bool glibc;  /* it is named as glibc's is */
};

/* Lines that make no sense are left out.  The names point into `maps`.  0 or -ENOMEM. */
int ranges_make(const struct buf *maps, struct ranges *ret);
void ranges_done(struct ranges *r);

/* The range that holds the address, or NULL. */
const struct range *ranges_find(const struct ranges *r, uint64_t address);

#endif
