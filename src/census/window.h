/* SPDX-License-Identifier: MIT */
/* window - step through another process's memory, mostly forwards, a piece at a time.
 *
 * Reads only pages that are there (/proc/PID/pagemap): one that was never touched would grow the target's page tables, and
 * one in swap would be swapped in.  The piece grows while it is walked through and is small again after a jump, so that a
 * heap of small blocks is read at the speed of memory, and of a heap of large ones only their headers.
 */
#ifndef SWANSONG_CENSUS_WINDOW_H
#define SWANSONG_CENSUS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "injector/remote_memory.h"

#define WINDOW_BYTES ((size_t)256 << 10)

struct window {
        const struct remote_memory *memory;
        int pagemap_fd; /* -1: unknown which pages are there; all are read */
        size_t page_size;
        char *data; /* WINDOW_BYTES */
        uint64_t start, end;
        size_t step;         /* bytes of the next piece */
        uint64_t bytes_read; /* so far */
        uint64_t swapped;    /* pages met in swap and left there */
};

/* 0 or -ENOMEM.  pagemap_fd stays the caller's. */
int window_make(const struct remote_memory *memory, int pagemap_fd, struct window *ret);
void window_done(struct window *w);

/* n bytes at the address, of which `until` is the end of what may be read; valid until the next call.  NULL: not there. */
const void *window_at(struct window *w, uint64_t address, size_t n, uint64_t until);

/* Forget what was read: the memory has changed since. */
void window_forget(struct window *w);

#endif
