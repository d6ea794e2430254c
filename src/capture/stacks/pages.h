/* SPDX-License-Identifier: MIT */
/* pages - whole pages of the target that do not change, copied while it runs: what a debugger needs to find
 * the libraries.
 *
 * Reads only through /proc/PID/mem, and remembers: what was looked at is what goes into the core.
 */
#ifndef SWANSONG_CAPTURE_STACKS_PAGES_H
#define SWANSONG_CAPTURE_STACKS_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "capture/stacks/map_index.h"
#include "injector/remote_memory.h"

/* 16 MiB with pages of 4 KiB: a thousand libraries. */
#define PAGES_MAX 4096

struct pages {
        const struct remote_memory *memory;
        size_t page_size;
        uint64_t *addresses; /* in the order of reading */
        char *data;
        size_t n, size;
        size_t last; /* index of the page that was looked at last */
};

void pages_init(struct pages *p, const struct remote_memory *memory);
void pages_done(struct pages *p);

/* Copy n bytes from the target's address, keeping the pages that they lie in.  0; -EFAULT: not readable;
 * -ENOMEM; -ENOSPC: PAGES_MAX. */
int pages_read(struct pages *p, uint64_t address, void *to, size_t n);

/* Keep the pages of [address, address + n) if they can be read. */
void pages_keep(struct pages *p, uint64_t address, size_t n);

#endif
