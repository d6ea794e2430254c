/* SPDX-License-Identifier: MIT */
#include "census/window.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_SWAPPED (UINT64_C(1) << 62)

#define FIRST_STEP ((size_t)4096)

int window_make(const struct remote_memory *memory, int pagemap_fd, struct window *ret)
{
        char *data = malloc(WINDOW_BYTES);

        if (!data)
                return -ENOMEM;
        *ret = (struct window){.memory = memory,
                               .pagemap_fd = pagemap_fd,
                               .page_size = (size_t)sysconf(_SC_PAGESIZE),
                               .data = data,
                               .step = FIRST_STEP};
        return 0;
}

void window_done(struct window *w)
{
        free(w->data);
        *w = (struct window){0};
}

void window_forget(struct window *w)
{
        w->start = w->end = 0;
}

/* How many of the bytes from the page boundary `start` on are there. */
static size_t present_bytes(struct window *w, uint64_t start, size_t n)
{
        uint64_t entries[WINDOW_BYTES / 4096];
        size_t pages = (n + w->page_size - 1) / w->page_size, known;
        ssize_t r;

        if (w->pagemap_fd < 0)
                return n;
        r = pread(w->pagemap_fd, entries, pages * sizeof(*entries),
                  (off_t)(start / w->page_size * sizeof(*entries)));
        if (r < 0)
                return n;
        known = (size_t)r / sizeof(*entries);
        for (size_t i = 0; i < known; i++) {
                if (entries[i] & PAGE_PRESENT)
                        continue;
                w->swapped += i == 0 && entries[i] & PAGE_SWAPPED;
                return i * w->page_size;
        }
        return known * w->page_size < n ? known * w->page_size : n;
}

const void *window_at(struct window *w, uint64_t address, size_t n, uint64_t until)
{
        uint64_t start;
        size_t bytes;

        if (address >= w->start && address + n <= w->end)
                return w->data + (address - w->start);
        if (address + n > until || address + n < address || n > WINDOW_BYTES / 2)
                return NULL;
        /* On from where the last piece ended: worth reading further ahead. */
        if (w->end > 0 && address >= w->start && address < w->end + w->page_size)
                w->step = w->step < WINDOW_BYTES ? w->step * 4 : WINDOW_BYTES;
        else
                w->step = FIRST_STEP;
        if (w->step > WINDOW_BYTES)
                w->step = WINDOW_BYTES;
        start = address & ~(uint64_t)(w->page_size - 1);
        bytes = w->step;
        if (bytes < address - start + n)
                bytes = 2 * w->page_size;
        if (bytes > until - start)
                bytes = (size_t)(until - start);
        window_forget(w);
        bytes = present_bytes(w, start, bytes);
        bytes = bytes > 0 ? remote_read_large(w->memory, start, w->data, bytes) : 0;
        w->bytes_read += bytes;
        w->start = start;
        w->end = start + bytes;
        return address + n <= w->end ? w->data + (address - start) : NULL;
}
