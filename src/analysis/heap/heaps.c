/* SPDX-License-Identifier: MIT */
#include "analysis/heap/heaps.h"

#include <errno.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "analysis/tsv.h"
#include "bundle/reader.h"

/* A bundle may say anything: heaps.def has a dozen rows. */
#define HEAPS_MAX 64

enum { NAME, KIND, VERSION, SYSTEM, IN_USE, BLOCKS, FREE, RETURNED, OVERHEAD, REFUSED, COLUMNS };

static int parse_heaps(const char *text, size_t len, struct report *r)
{
        static const char *const columns[] = {"heap",   "kind", "version",  "system",   "in_use",
                                              "blocks", "free", "returned", "overhead", "refused"};
        struct report_other_heap *list = NULL;
        struct scan cells[COLUMNS];
        size_t n = 0, room = 0;
        struct tsv t;

        if (tsv_begin(text, len, columns, COLUMNS, &t) < 0)
                return 0;
        while (n < HEAPS_MAX && tsv_next(&t, cells)) {
                struct report_other_heap h = {.name = tsv_text(&cells[NAME], &r->pool),
                                              .kind = scan_is(&cells[KIND], "malloc") ? "malloc" : "runtime",
                                              .version = tsv_text(&cells[VERSION], &r->pool),
                                              .refused = tsv_text(&cells[REFUSED], &r->pool),
                                              .system = tsv_number(&cells[SYSTEM]),
                                              .in_use = tsv_number(&cells[IN_USE]),
                                              .blocks = tsv_number(&cells[BLOCKS]),
                                              .free = tsv_number(&cells[FREE]),
                                              .returned = tsv_number(&cells[RETURNED]),
                                              .overhead = tsv_number(&cells[OVERHEAD])};

                if (!h.name)
                        continue;
                list = pool_grow(&r->pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = h;
        }
        r->heaps = list;
        r->n_heaps = n;
        return 0;
}

/* The heap of this name, which parse_heaps() made. */
static struct report_other_heap *heap_find(struct report *r, const struct scan *name)
{
        for (size_t i = 0; i < r->n_heaps; i++)
                if (scan_is(name, r->heaps[i].name))
                        return (struct report_other_heap *)&r->heaps[i];
        return NULL;
}

static int parse_sizes(const char *text, size_t len, struct report *r)
{
        static const char *const columns[] = {"heap", "size_max", "blocks", "bytes"};
        struct report_size_class *list = NULL;
        size_t n = 0, room = 0;
        struct scan cells[4];
        struct tsv t;

        if (tsv_begin(text, len, columns, ARRAY_SIZE(columns), &t) < 0)
                return 0;
        /* Rows of one heap stand together, and stay so in one list; it may move while it grows. */
        for (struct report_other_heap *h = NULL, *now; tsv_next(&t, cells); h = now) {
                now = heap_find(r, &cells[0]);
                if (!now)
                        continue;
                if (now != h) {
                        list = NULL;
                        n = room = 0;
                }
                list = pool_grow(&r->pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = (struct report_size_class){.size_max = tsv_number(&cells[1]),
                                                       .live_objects = tsv_number(&cells[2]),
                                                       .live_bytes = tsv_number(&cells[3])};
                now->sizes = list;
                now->n_sizes = n;
        }
        return 0;
}

static int parse_types(const char *text, size_t len, struct report *r)
{
        static const char *const columns[] = {"heap", "name", "blocks", "bytes"};
        struct report_heap_type *list = NULL;
        size_t n = 0, room = 0;
        struct scan cells[4];
        struct tsv t;

        if (tsv_begin(text, len, columns, ARRAY_SIZE(columns), &t) < 0)
                return 0;
        for (struct report_other_heap *h = NULL, *now; tsv_next(&t, cells); h = now) {
                now = heap_find(r, &cells[0]);
                if (!now)
                        continue;
                if (now != h) {
                        list = NULL;
                        n = room = 0;
                }
                list = pool_grow(&r->pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = (struct report_heap_type){.name = tsv_text(&cells[1], &r->pool),
                                                      .live_objects = tsv_number(&cells[2]),
                                                      .live_bytes = tsv_number(&cells[3])};
                now->types = list;
                now->n_types = n;
        }
        return 0;
}

static int by_start(const void *a, const void *b)
{
        const struct report_heap_region *x = a, *y = b;

        return (x->start > y->start) - (x->start < y->start);
}

/* "V8 heap" */
static const char *row_name(struct pool *pool, const char *heap)
{
        static const char tail[] = " heap";
        size_t n = strlen(heap);
        char *row = pool_alloc(pool, n + sizeof(tail));

        if (!row)
                return NULL;
        memcpy(row, heap, n);
        memcpy(row + n, tail, sizeof(tail));
        return row;
}

/* A place belongs to one heap: of regions that overlap, the first. */
static size_t drop_overlapping(struct report_heap_region *list, size_t n)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
                if (kept == 0 || list[i].start >= list[kept - 1].end)
                        list[kept++] = list[i];
        return kept;
}

static int parse_regions(const char *text, size_t len, struct report *r)
{
        static const char *const columns[] = {"heap", "start", "end", "resident"};
        struct report_heap_region *list = NULL;
        const struct report_other_heap *last = NULL;
        const char *row = NULL;
        size_t n = 0, room = 0;
        struct scan cells[4];
        struct tsv t;

        if (tsv_begin(text, len, columns, ARRAY_SIZE(columns), &t) < 0)
                return 0;
        while (tsv_next(&t, cells)) {
                const struct report_other_heap *h = heap_find(r, &cells[0]);
                struct report_heap_region region = {.start = tsv_number(&cells[1]),
                                                    .end = tsv_number(&cells[2]),
                                                    .resident = tsv_number(&cells[3])};

                if (!h || !amount_known(region.start) || !amount_known(region.end) ||
                    region.start >= region.end)
                        continue;
                if (n == 0 || last != h)
                        row = row_name(&r->pool, h->name);
                last = h;
                region.row = row;
                if (!row)
                        return -ENOMEM;
                list = pool_grow(&r->pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = region;
        }
        if (n > 0)
                qsort(list, n, sizeof(*list), by_start);
        r->heap_regions = list;
        r->n_heap_regions = drop_overlapping(list, n);
        return 0;
}

int heaps_fill(struct source *s, struct report *r)
{
        static const struct {
                const char *name;
                int (*parse)(const char *text, size_t len, struct report *r);
        } tables[] = {{"heaps", parse_heaps},
                      {"heap_sizes", parse_sizes},
                      {"heap_types", parse_types},
                      {"heap_regions", parse_regions}};
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        int ret = 0;

        for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(tables); i++)
                if (source_read(s, &b, true, "proc/%d/census/%s.tsv", s->pid, tables[i].name) == 0)
                        ret = tables[i].parse(b.data, b.len, r);
        return ret;
}

const struct report_other_heap *heaps_malloc(const struct report *r)
{
        for (size_t i = 0; i < r->n_heaps; i++)
                if (strcmp(r->heaps[i].kind, "malloc") == 0 && !r->heaps[i].refused)
                        return &r->heaps[i];
        return NULL;
}
