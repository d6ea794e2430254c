/* SPDX-License-Identifier: MIT */
/* heap_data - how the rows of heaps.def read the target: only pages that are there, and never past the deadline. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "census/heap.h"

/* The data of node has 2 MiB, jemalloc's .bss as much. */
#define DATA_MAX ((size_t)16 << 20)

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGE_PRESENT (UINT64_C(1) << 63)
#define ENTRIES      512

static bool name_begins(const struct range *r, const char *prefix)
{
        size_t n = strlen(prefix);

        return r->name_len >= n && memcmp(r->name, prefix, n) == 0;
}

size_t heap_module(const struct heap_look *look, const char *prefix)
{
        const struct ranges *r = look->ranges;

        for (size_t i = 0; i < r->n; i++)
                if (r->list[i].module && name_begins(&r->list[i], prefix))
                        return r->list[i].module - 1;
        return SIZE_MAX;
}

size_t heap_program(const struct heap_look *look)
{
        const struct ranges *r = look->ranges;

        for (size_t i = 0; i < r->n; i++)
                if (r->list[i].module)
                        return i;
        return SIZE_MAX;
}

bool heap_is_late(const struct heap_look *look)
{
        return clock_monotonic_ns() > look->deadline_ns;
}

bool heap_is_anonymous(const struct heap_look *look, uint64_t address)
{
        const struct range *r = ranges_find(look->ranges, address);

        return r && r->writable && r->anonymous;
}

/* Reading a page of no file that is not there would make page tables in the target, or bring it in from swap. */
static bool is_absent(const struct heap_look *look, uint64_t address, size_t n)
{
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), start = address / page * page,
                 end = (address + n + page - 1) / page * page;

        return heap_is_anonymous(look, address) && heap_resident(look, start, end) < end - start;
}

bool heap_get(const struct heap_look *look, uint64_t address, void *to, size_t n)
{
        return !is_absent(look, address, n) && remote_read(look->memory, address, to, n) == n;
}

/* Which of the n <= ENTRIES pages from `page` on are there; without pagemap all of them. */
static void present_get(const struct heap_look *look, uint64_t page, size_t n, bool *there)
{
        uint64_t entries[ENTRIES];
        ssize_t r = look->pagemap_fd < 0 ? -1
                                         : pread(look->pagemap_fd, entries, n * sizeof(*entries),
                                                 (off_t)(page * sizeof(*entries)));
        size_t known = r < 0 ? 0 : (size_t)r / sizeof(*entries);

        for (size_t i = 0; i < n; i++)
                there[i] = i < known ? entries[i] & PAGE_PRESENT : r < 0;
}

void heap_get_present(const struct heap_look *look, uint64_t address, void *to, size_t n)
{
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), at = address, end = address + n;
        char *out = to;

        memset(to, 0, n);
        while (at < end) {
                bool there[ENTRIES];
                size_t pages = (size_t)((end - at + at % page + page - 1) / page);

                pages = pages < ENTRIES ? pages : ENTRIES;
                present_get(look, at / page, pages, there);
                for (size_t i = 0, run; i < pages; i += run) {
                        uint64_t first = at / page + i, from, until;

                        for (run = 1; i + run < pages && there[i + run] == there[i]; run++)
                                ;
                        from = first * page > at ? first * page : at;
                        until = (first + run) * page < end ? (first + run) * page : end;
                        if (there[i])
                                (void)remote_read_large(look->memory, from, out + (from - address),
                                                        (size_t)(until - from));
                }
                at = (at / page + pages) * page;
        }
}

uint64_t heap_resident(const struct heap_look *look, uint64_t start, uint64_t end)
{
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), sum = 0;

        if (look->pagemap_fd < 0)
                return HEAP_UNKNOWN;
        for (uint64_t at = start / page; at < (end + page - 1) / page; at += ENTRIES) {
                uint64_t pages = (end + page - 1) / page - at;
                bool there[ENTRIES];

                if (at % (ENTRIES * 1024) == 0 && heap_is_late(look))
                        return HEAP_UNKNOWN;
                pages = pages < ENTRIES ? pages : ENTRIES;
                present_get(look, at, (size_t)pages, there);
                for (size_t i = 0; i < pages; i++)
                        sum += there[i] ? page : 0;
        }
        return sum;
}

bool heap_data_next(const struct heap_look *look, struct heap_data *data)
{
        const struct ranges *r = look->ranges;
        size_t i = data->next, bytes;
        uint32_t module = i < r->n ? r->list[i].module : 0;
        uint64_t start, end;

        heap_data_done(data);
        while (i < r->n && r->list[i].module == module && !r->list[i].writable)
                i++;
        if (!module || i >= r->n || r->list[i].module != module)
                return false;
        start = r->list[i].start;
        for (end = r->list[i++].end;
             i < r->n && r->list[i].module == module && r->list[i].writable && r->list[i].start == end; i++)
                end = r->list[i].end;
        bytes = end - start < DATA_MAX ? (size_t)(end - start) : DATA_MAX;
        data->words = malloc(bytes);
        if (!data->words)
                return false;
        heap_get_present(look, start, data->words, bytes);
        data->address = start;
        data->n = bytes / sizeof(*data->words);
        data->next = i;
        return true;
}

void heap_data_done(struct heap_data *data)
{
        free(data->words);
        data->words = NULL;
        data->n = 0;
}
