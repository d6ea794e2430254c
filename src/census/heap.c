/* SPDX-License-Identifier: MIT */
#include "census/heap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* More regions than this are left out: a heap of 1 TiB has a million of 1 MiB. */
#define REGIONS_MAX ((size_t)1 << 20)

enum { RUNTIME, MALLOC };

const struct heap_kind heap_kinds[] = {
#define HEAP(name_, kind, function) {name_, (kind) == MALLOC, heap_read_##function},
#include "census/heaps.def"
#undef HEAP
};
const size_t n_heap_kinds = ARRAY_SIZE(heap_kinds);

bool heap_refuse(struct heap *h, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        vsnprintf(h->refused, sizeof(h->refused), format, ap);
        va_end(ap);
        return true;
}

void heap_count(struct heap *h, uint64_t size, uint64_t blocks)
{
        size_t i = 0;

        if (blocks == 0)
                return;
        while (i < h->n_classes && h->classes[i].size != size)
                i++;
        if (i == HEAP_CLASSES)
                return;
        if (i == h->n_classes)
                h->classes[h->n_classes++] = (struct heap_class){.size = size};
        h->classes[i].blocks += blocks;
        h->classes[i].bytes += blocks * size;
}

void heap_lies(struct heap *h, uint64_t start, uint64_t end)
{
        if (start >= end || h->n_regions >= REGIONS_MAX)
                return;
        if (h->n_regions == h->regions_room) {
                size_t room = h->regions_room ? 2 * h->regions_room : 64;
                struct heap_region *regions = reallocarray(h->regions, room, sizeof(*regions));

                if (!regions)
                        return; /* fewer regions are named, and the totals stay right */
                h->regions = regions;
                h->regions_room = room;
        }
        h->regions[h->n_regions++] = (struct heap_region){start, end, HEAP_UNKNOWN};
}

static int by_start(const void *a, const void *b)
{
        const struct heap_region *x = a, *y = b;

        return (x->start > y->start) - (x->start < y->start);
}

/* In order, without overlaps, neighbours as one. */
static void regions_settle(struct heap *h)
{
        size_t n = 0;

        if (h->n_regions > 0)
                qsort(h->regions, h->n_regions, sizeof(*h->regions), by_start);
        for (size_t i = 0; i < h->n_regions; i++) {
                struct heap_region *r = &h->regions[i];

                if (n > 0 && r->start <= h->regions[n - 1].end)
                        h->regions[n - 1].end =
                                r->end > h->regions[n - 1].end ? r->end : h->regions[n - 1].end;
                else
                        h->regions[n++] = *r;
        }
        h->n_regions = n;
}

static int heap_make(const struct heap_kind *kind, struct heap *ret)
{
        *ret = (struct heap){.name = kind->name,
                             .is_malloc = kind->is_malloc,
                             .system = HEAP_UNKNOWN,
                             .in_use = HEAP_UNKNOWN,
                             .blocks = HEAP_UNKNOWN,
                             .free = HEAP_UNKNOWN,
                             .returned = HEAP_UNKNOWN,
                             .overhead = HEAP_UNKNOWN,
                             .classes = calloc(HEAP_CLASSES, sizeof(struct heap_class)),
                             .types = calloc(HEAP_TYPES, sizeof(struct heap_type))};
        return ret->classes && ret->types ? 0 : -ENOMEM;
}

static void heap_done(struct heap *h)
{
        free(h->classes);
        free(h->types);
        free(h->regions);
        *h = (struct heap){0};
}

static int class_by_size(const void *a, const void *b)
{
        const struct heap_class *x = a, *y = b;

        return (x->size > y->size) - (x->size < y->size);
}

int heaps_take(const struct heap_look *look, struct heap **ret, size_t *ret_n)
{
        struct heap *heaps = calloc(n_heap_kinds, sizeof(*heaps));
        size_t n = 0;

        if (!heaps)
                return -ENOMEM;
        for (size_t i = 0; i < n_heap_kinds; i++) {
                struct heap *h = &heaps[n];

                if (heap_make(&heap_kinds[i], h) < 0) {
                        heaps_free(heaps, n + 1);
                        return -ENOMEM;
                }
                if (!heap_kinds[i].read(look, h)) {
                        heap_done(h);
                        continue;
                }
                qsort(h->classes, h->n_classes, sizeof(*h->classes), class_by_size);
                regions_settle(h);
                for (size_t k = 0; k < h->n_regions; k++)
                        h->regions[k].resident = heap_resident(look, h->regions[k].start, h->regions[k].end);
                n++;
        }
        *ret = heaps;
        *ret_n = n;
        return 0;
}

void heaps_free(struct heap *heaps, size_t n)
{
        for (size_t i = 0; heaps && i < n; i++)
                heap_done(&heaps[i]);
        free(heaps);
}
