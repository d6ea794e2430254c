/* SPDX-License-Identifier: MIT */
#include "capture/stacks/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void pages_init(struct pages *p, const struct remote_memory *memory)
{
        *p = (struct pages){.memory = memory, .page_size = (size_t)sysconf(_SC_PAGESIZE)};
}

void pages_done(struct pages *p)
{
        free(p->addresses);
        free(p->data);
        *p = (struct pages){0};
}

static int grow(struct pages *p)
{
        size_t size = p->size ? 2 * p->size : 64;
        void *addresses, *data;

        if (p->n == PAGES_MAX)
                return -ENOSPC;
        addresses = realloc(p->addresses, size * sizeof(*p->addresses));
        if (!addresses)
                return -ENOMEM;
        p->addresses = addresses;
        data = realloc(p->data, size * p->page_size);
        if (!data)
                return -ENOMEM;
        p->data = data;
        p->size = size;
        return 0;
}

static int page_of(struct pages *p, uint64_t start, const char **ret)
{
        int r;

        if (p->n > 0 && p->addresses[p->last] != start)
                for (p->last = p->n - 1; p->last > 0 && p->addresses[p->last] != start; p->last--)
                        ;
        if (p->n > 0 && p->addresses[p->last] == start) {
                *ret = p->data + p->last * p->page_size;
                return 0;
        }
        if (p->n == p->size && (r = grow(p)) < 0)
                return r;
        if (remote_read(p->memory, start, p->data + p->n * p->page_size, p->page_size) != p->page_size)
                return -EFAULT;
        p->last = p->n++;
        p->addresses[p->last] = start;
        *ret = p->data + p->last * p->page_size;
        return 0;
}

int pages_read(struct pages *p, uint64_t address, void *to, size_t n)
{
        char *out = to;

        while (n > 0) {
                size_t in_page = address & (p->page_size - 1), step = p->page_size - in_page;
                const char *page;
                int r = page_of(p, address - in_page, &page);

                if (r < 0)
                        return r;
                if (step > n)
                        step = n;
                memcpy(out, page + in_page, step);
                out += step;
                address += step;
                n -= step;
        }
        return 0;
}

void pages_keep(struct pages *p, uint64_t address, size_t n)
{
        uint64_t mask = ~((uint64_t)p->page_size - 1), end = address + n;
        const char *page;

        for (uint64_t at = address & mask; at < end && page_of(p, at, &page) == 0; at += p->page_size)
                ;
}
